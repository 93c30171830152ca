/** What can go wrong with a request, besides nothing. */
export type FaultKind =
  | 'dropped'
  | 'response lost'
  | 'late'
  | 'delivered twice'
  | 'server error'
  | 'malformed reply'
  | 'throttled'
  | 'conflict'
  | 'throttling reason'
  | 'reason without item'
  | 'reasons told in part'
  | 'answer late'
  | 'stale read'
  | 'empty page'
  | 'slow'
  | 'refused';

/** All that passes by itself. */
export const ALL_FAULTS: readonly FaultKind[] = [
  'dropped',
  'response lost',
  'late',
  'delivered twice',
  'server error',
  'malformed reply',
  'throttled',
  'conflict',
  'throttling reason',
  'reason without item',
  'reasons told in part',
  'answer late',
  'stale read',
  'empty page',
  'slow',
];

/** What a call asks for besides any one item, for good. */
export interface Wish {
  readonly item?: string;
  readonly holdForMs?: number;
  /** With a row in the table of orders: refused if the ID has one (`new`), or not (`any`). */
  readonly order?: 'new' | 'any';
}

/** A call for one ID. */
export interface CallForId extends Wish {
  readonly kind: 'claim' | 'release' | 'retire' | 'confirm';
  readonly id: string;
}

/** All or nothing. */
export interface GroupCall extends Omit<Wish, 'item'> {
  readonly kind: 'group';
  readonly ids: readonly string[];
}

/** Takes back the holds that have ended. */
export interface SweepCall {
  readonly kind: 'sweep';
}

/** A batch. With a ledger it is made again when it failed, as the README says; without one never. */
export interface AddCall {
  readonly kind: 'add';
  readonly items: readonly string[];
}

export type Call = CallForId | GroupCall | SweepCall | AddCall;

export const add = (...items: readonly string[]): Call => ({ kind: 'add', items });
export const claim = (id: string, wish: Wish = {}): Call => ({ kind: 'claim', id, ...wish });
export const confirm = (id: string, wish: Omit<Wish, 'holdForMs'> = {}): Call => ({
  kind: 'confirm',
  id,
  ...wish,
});
export const group = (ids: readonly string[], wish: Omit<Wish, 'item'> = {}): Call => ({
  kind: 'group',
  ids,
  ...wish,
});
export const sweep: Call = { kind: 'sweep' };
export const release = (id: string): Call => ({ kind: 'release', id });
export const retire = (id: string): Call => ({ kind: 'retire', id });

/** What the tables and the clocks of a sale with wishes are like before the first call. */
export interface Wishes {
  /** Of those that are assigned, when their hold ends, from ID to a time of the clock. */
  readonly heldUntilMs: Readonly<Record<string, number>>;
  /** IDs that have a row in the table of orders. */
  readonly ordered: readonly string[];
  readonly maxHoldMs: number | undefined;
  /** Sweeps look at an index, which can be behind. */
  readonly hasHoldIndex: boolean;
  /** How far the clock of each process is ahead. */
  readonly aheadMs: readonly number[];
}

export interface Scenario {
  readonly name: string;
  /** In the bank before the first call. */
  readonly seeded: readonly string[];
  /** `empty`: it does not know what was seeded and assigned; `filled`: it does. */
  readonly ledger: 'none' | 'empty' | 'filled';
  /**
   * Only what calls say of themselves is judged: without a ledger, an item that was handed out and
   * is added again can be handed out again.
   */
  readonly isJudgedByReportsAlone: boolean;
  readonly processes: number;
  readonly fetchLimit: number;
  readonly skipFirstRead: boolean;
  /** How many a process has for its two repositories; its callers take turns with them. */
  readonly deduplicators: number;
  /** What IDs have before the first call, from ID to item. */
  readonly assigned: Readonly<Record<string, string>>;
  /** One for each caller: what it asks for, one call after the other, and in which process. */
  readonly callers: readonly { readonly process: number; readonly calls: readonly Call[] }[];
  /** How many of the callers, the first ones, begin at once, before anything else happens. */
  readonly callersAtOnce: number;
  /** DynamoDB refuses each transaction that puts one of them, as a bad request. */
  readonly poisonedIds: readonly string[];
  /** One for each seeding script that runs meanwhile. */
  readonly adders: readonly { readonly process: number; readonly items: readonly string[] }[];
  readonly maxFaults: number;
  readonly maxCrashes: number;
  readonly faultKinds: readonly FaultKind[];
  /** Whether the rows of a transaction become visible one by one. */
  readonly isVisibleRowByRow: boolean;
  /** Set for a sale with wishes, which is judged by every state of the tables. */
  readonly wishes?: Wishes;
}
