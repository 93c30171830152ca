import type { ContestantName, Place } from './contestant.js';

export const STORE_NAMES = ['postgres', 'sqlite'] as const;
export type StoreName = (typeof STORE_NAMES)[number];

/** What the tables hold when the callers arrive. Item n is `itemAt(n)`, and ID n is `idAt(n)`. */
export interface Stock {
  /** Numbered from 0. */
  readonly items: number;
  /** 'nobody': all of them are free. */
  readonly takenBy: 'nobody' | 'others' | 'the IDs of the same numbers';
}

/** What the tables hold when the callers have gone. */
export interface Outcome {
  readonly assignments: readonly { readonly id: string; readonly item: string }[];
  readonly freeItems: number;
  /** Free, and assigned all the same. */
  readonly freeAndAssigned: number;
}

/** A store as the benchmark sees it: makes the tables of a contestant, fills them, and looks at them. */
export interface BenchStore {
  readonly name: StoreName;
  /** What the figures depend on: versions and settings. */
  readonly about: Readonly<Record<string, string>>;
  makeTables(contestant: ContestantName): Promise<Place>;
  /** As fast as the store can, and leaves it at rest. */
  fill(contestant: ContestantName, place: Place, stock: Stock): Promise<void>;
  outcome(contestant: ContestantName, place: Place): Promise<Outcome>;
  dropTables(place: Place): Promise<void>;
  /** A transaction that sees the tables as they are now, until the function that it returns is called. */
  holdSnapshot?(): Promise<() => Promise<void>>;
  stop(): Promise<void>;
}
