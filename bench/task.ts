// What the main process and the nodes tell each other.
import type { ContestantName } from './contestants.js';

export interface TableNames {
  readonly itemBankTableName: string;
  readonly deduplicationTableName: string;
}

export interface ClaimTask extends TableNames {
  readonly kind: 'claim';
  readonly contestant: ContestantName;
  readonly endpoint: string;
  /** Added to each request: the way to a server that is not on the same machine. */
  readonly requestDelayMs: number;
  /** One claim for each, in this order. */
  readonly deduplicationIds: readonly string[];
  /** Whether every ID has its item already. */
  readonly isRepeat: boolean;
  /** Rows that this node alone may take: only the limit knows them beforehand. */
  readonly knownItems: readonly string[];
  /** How many claims are under way at once. */
  readonly callers: number;
  /** No claim begins later than that, and those under way are cut off. */
  readonly maxMs: number;
}

export interface SeedingTask {
  readonly kind: 'seed';
  readonly contestant: 'storagebox' | 'bare transactions';
  readonly endpoint: string;
  readonly requestDelayMs: number;
  readonly itemBankTableName: string;
  readonly items: number;
  readonly concurrency: number;
}

/** What the requests of a contestant came to. */
export interface Usage {
  /** Attempts on the wire, the SDK's own retries included. */
  requests: number;
  /** Those of them that are transactions which write. */
  transactions: number;
  readUnits: number;
  writeUnits: number;
}

export interface ClaimReport extends Usage {
  readonly claimed: number;
  readonly inVain: number;
  /** Claims that ended with an error and were made again. */
  readonly errors: number;
  /** How long each answer took, errors before it included; cut-off claims with their age. */
  readonly latenciesMs: readonly number[];
  readonly cpuMs: number;
}

export interface SeedingReport extends Usage {
  readonly elapsedMs: number;
  readonly cpuMs: number;
  /** What was live at the worst moment less what was live before. */
  readonly heapGrowthMb: number;
}
