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

/** A call for one ID. */
export interface CallForId {
  readonly kind: 'claim' | 'release' | 'retire';
  readonly id: string;
}

/** A batch. With a ledger it is made again when it failed, as the README says; without one never. */
export interface AddCall {
  readonly kind: 'add';
  readonly items: readonly string[];
}

export type Call = CallForId | AddCall;

export const add = (...items: readonly string[]): Call => ({ kind: 'add', items });
export const claim = (id: string): Call => ({ kind: 'claim', id });
export const release = (id: string): Call => ({ kind: 'release', id });
export const retire = (id: string): Call => ({ kind: 'retire', id });

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
}
