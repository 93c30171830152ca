import type { ContestantName } from './contestants.js';
import type { BulkContestant, ClaimFigures, LongCallFigures } from './measure.js';
import type { Spread } from './statistics.js';
import type { SeedingTask } from './task.js';

export type Spreads<Figures> = Readonly<Record<keyof Figures, Spread>>;

/** What a run of the benchmark found: the content of its JSON file. */
export interface Results {
  readonly node: string;
  readonly cpus: number;
  readonly requestDelayMs: number;
  readonly claims: Record<string, Partial<Record<ContestantName, Spreads<ClaimFigures>>>>;
  readonly bulk: Record<string, Partial<Record<BulkContestant, Spreads<LongCallFigures>>>>;
  readonly seeding: Record<
    string,
    Partial<Record<SeedingTask['contestant'], Spreads<LongCallFigures>>>
  >;
  /** By the number of items in the bank. */
  readonly memoryPair: Record<string, { perSecond: number; cpuMicroseconds: number }>;
  /** Of the library alone, per claim on DynamoDB. */
  ownCpuMicroseconds: number;
}
