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
  | 'empty page';

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
];

export interface Scenario {
  readonly name: string;
  /** In the bank before the first call. */
  readonly seeded: readonly string[];
  readonly processes: number;
  readonly fetchLimit: number;
  readonly skipFirstRead: boolean;
  /** One for each caller: whom it asks for, one call after the other, and in which process. */
  readonly callers: readonly { readonly process: number; readonly ids: readonly string[] }[];
  /** One for each seeding script that runs meanwhile. */
  readonly adders: readonly { readonly process: number; readonly items: readonly string[] }[];
  readonly maxFaults: number;
  readonly maxCrashes: number;
  readonly faultKinds: readonly FaultKind[];
  /** Whether the rows of a transaction become visible one by one. */
  readonly isVisibleRowByRow: boolean;
}
