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
  | 'answer late'
  | 'stale read'
  | 'empty page'
  | 'slow';

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
  'answer late',
  'stale read',
  'empty page',
  'slow',
];

export interface Call {
  readonly kind: 'claim' | 'release' | 'retire';
  readonly id: string;
}

export const claim = (id: string): Call => ({ kind: 'claim', id });
export const release = (id: string): Call => ({ kind: 'release', id });
export const retire = (id: string): Call => ({ kind: 'retire', id });

export interface Scenario {
  readonly name: string;
  /** In the bank before the first call. */
  readonly seeded: readonly string[];
  readonly processes: number;
  readonly fetchLimit: number;
  readonly skipFirstRead: boolean;
  /** What IDs have before the first call, from ID to item. */
  readonly assigned: Readonly<Record<string, string>>;
  /** One for each caller: what it asks for, one call after the other, and in which process. */
  readonly callers: readonly { readonly process: number; readonly calls: readonly Call[] }[];
  /** One for each seeding script that runs meanwhile. */
  readonly adders: readonly { readonly process: number; readonly items: readonly string[] }[];
  readonly maxFaults: number;
  readonly maxCrashes: number;
  readonly faultKinds: readonly FaultKind[];
  /** Whether the rows of a transaction become visible one by one. */
  readonly isVisibleRowByRow: boolean;
}
