import type { ContestantName } from './contestants.js';
import type { BulkContestant, ClaimFigures, LongCallFigures } from './measure.js';
import type { SeedingTask } from './task.js';

/** What was measured, by contestant. The same round of two of them ran at about the same time. */
export type Rounds<Contestant extends string, Figures> = Partial<
  Record<Contestant, readonly Figures[]>
>;

/** What a run of the benchmark found: the content of its JSON file. */
export interface Results {
  readonly node: string;
  readonly cpus: number;
  readonly requestDelayMs: number;
  readonly claims: Record<string, Rounds<ContestantName, ClaimFigures>>;
  readonly bulk: Record<string, Rounds<BulkContestant, LongCallFigures>>;
  readonly seeding: Record<string, Rounds<SeedingTask['contestant'], LongCallFigures>>;
  /** By the number of items in the bank. */
  readonly memoryPair: Record<string, { perSecond: number; cpuMicroseconds: number }>;
  /** Of the library alone, per claim on DynamoDB. */
  ownCpuMicroseconds: number;
}
