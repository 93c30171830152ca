// The messages between the main process and the nodes.
import type { ContestantName } from './contestants.js';

export interface TableNames {
  readonly itemBankTableName: string;
  readonly deduplicationTableName: string;
}

export interface ClaimTask extends TableNames {
  readonly kind: 'claim';
  readonly contestant: ContestantName;
  /** The URL of the `src` that the library is loaded from, with a slash at the end. */
  readonly librarySource: string;
  readonly endpoint: string;
  /** Added to each request, as the network to a server on another machine would. */
  readonly requestDelayMs: number;
  /** One claim for each, in this order. */
  readonly deduplicationIds: readonly string[];
  /** Whether every ID has its item already. */
  readonly isRepeat: boolean;
  /** Rows that only this node takes. Only the limits know rows before they ask. */
  readonly knownItems: readonly string[];
  /** How many claims run at once. */
  readonly callers: number;
  /** After this time no claim begins, and running claims are cut off. */
  readonly maxMs: number;
}

export interface SeedingTask {
  readonly kind: 'seed';
  readonly contestant: 'storagebox' | 'storagebox, with a ledger' | 'bare transactions';
  readonly endpoint: string;
  readonly requestDelayMs: number;
  readonly itemBankTableName: string;
  readonly items: number;
  readonly concurrency: number;
}

export interface BulkTask extends TableNames {
  readonly kind: 'bulk';
  readonly librarySource: string;
  readonly endpoint: string;
  readonly requestDelayMs: number;
  readonly ids: number;
  readonly skipFirstRead: boolean;
  /** `null`: the library's default. */
  readonly concurrency: number | null;
}

/** The requests of a contestant, summed up. */
export interface Usage {
  /** Attempts on the wire, the SDK's own retries included. */
  requests: number;
  /** How many of them are write transactions. */
  transactions: number;
  readUnits: number;
  writeUnits: number;
}

export interface ClaimReport extends Usage {
  readonly claimed: number;
  readonly inVain: number;
  /** Claims that threw and were retried. */
  readonly errors: number;
  /** How long each answer took, errors before it included; cut-off claims with their age. */
  readonly latenciesMs: readonly number[];
  readonly cpuMs: number;
}

/** Of a task that is one long call. */
export interface LongCallReport extends Usage {
  readonly elapsedMs: number;
  readonly cpuMs: number;
  /** The largest live heap during the run, minus the live heap before it. */
  readonly heapGrowthMb: number;
}
