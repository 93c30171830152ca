// The messages between the main process and the claimers.
import type { StoreName } from './bench-store.js';
import type { ContestantName, Place } from './contestant.js';

export interface ClaimTask {
  readonly kind: 'claim';
  readonly store: StoreName;
  readonly contestant: ContestantName;
  readonly place: Place;
  /** Of the first call: the calls of this claimer have the numbers `first`, `first + step`, … */
  readonly first: number;
  readonly step: number;
  /** No call begins after so many. `null`: as many as there is time for. */
  readonly calls: number | null;
  /** So many different IDs ask, again and again. `null`: no ID asks twice. */
  readonly ids: number | null;
  /** Whether the IDs come in no order: in that of a database that counts up otherwise. */
  readonly areIdsScattered: boolean;
  /** How many claims run at once. */
  readonly callers: number;
  /** After this time no call begins. */
  readonly maxMs: number;
}

export interface Answer {
  /** Of the call; `idAt` and `itemAt` say what it asked for. */
  readonly number: number;
  /** `null`: none left. */
  readonly item: string | null;
}

export interface ClaimReport {
  readonly answers: readonly Answer[];
  /** Calls that threw, and were made again. */
  readonly errors: number;
  /** From the caller's earlier answer to this one: a caller asks again at once. */
  readonly latenciesMs: readonly number[];
  readonly cpuMs: number;
}

export interface SeedingTask {
  readonly kind: 'seed';
  readonly store: StoreName;
  readonly contestant: SeederName;
  readonly place: Place;
  readonly items: number;
}

export type SeederName = 'storagebox' | 'bare inserts';

export interface SeedingReport {
  readonly elapsedMs: number;
  readonly cpuMs: number;
}
