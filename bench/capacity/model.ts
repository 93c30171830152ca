// What the simulation assumes about DynamoDB, the network and a node. docs/scaling.md says where each
// documented figure comes from.

export interface Model {
  /** "Best practices for designing and using partition keys effectively", Developer Guide. */
  readonly partitionWriteUnitsPerSecond: number;
  readonly partitionReadUnitsPerSecond: number;
  /**
   * How many seconds of unused capacity a partition keeps. DynamoDB keeps up to 300 and promises
   * nothing, so by default a partition starts with none and keeps one second.
   */
  readonly burstSeconds: number;
  /** Whether the partitions have that much saved when the sale begins. */
  readonly isBurstSavedUp: boolean;
  /** For how long a partition throttles before it splits in two. Not documented: off by default. */
  readonly splitAfterMs: number;
  /** The quota of a table, reads and writes each; 40,000 by default in an account, raised on request. */
  readonly tableUnitsPerSecond: number;
  /** Of a row of the item bank. */
  readonly rowBytes: number;
  /** Rows that a scan reads at once: the package's default `fetchLimit`. */
  readonly fetchLimit: number;
  /** Half of all plain requests are answered in that time. */
  readonly latencyMedianMs: number;
  /** Spread of the latency's logarithm: 0.5 puts the 99th percentile at 3.2 medians. */
  readonly latencySigma: number;
  /** Time of a scan for each further partition that it searches. */
  readonly furtherPartitionMs: number;
  /** Sockets of a client: the package's default. */
  readonly socketsPerNode: number;
  /** CPU time of one request on a node, which has one core: measured by `npm run bench:cpu`. */
  readonly requestCpuMs: number;
  /** CPU time of each further ID in a request that reads many: measured by the same script. */
  readonly gatheredReadCpuMs: number;
  /** CPU time of each further claim in a transaction: measured by the same script. */
  readonly groupedClaimCpuMs: number;
  /** What each further claim adds to the time of a transaction. */
  readonly groupedClaimLatencyMs: number;
  /** How long a user waits after a call that threw: between this time and twice this time. */
  readonly askAgainAfterMs: number;
}

export const DEFAULT_MODEL: Model = {
  partitionWriteUnitsPerSecond: 1_000,
  partitionReadUnitsPerSecond: 3_000,
  burstSeconds: 1,
  isBurstSavedUp: false,
  splitAfterMs: Number.POSITIVE_INFINITY,
  tableUnitsPerSecond: Number.POSITIVE_INFINITY,
  rowBytes: 100,
  fetchLimit: 30,
  latencyMedianMs: 5,
  latencySigma: 0.5,
  furtherPartitionMs: 1,
  socketsPerNode: 128,
  requestCpuMs: 0.7,
  gatheredReadCpuMs: 0.01,
  groupedClaimCpuMs: 0.028,
  groupedClaimLatencyMs: 0.7,
  askAgainAfterMs: 1_000,
};

/** How much longer than a plain request a transaction takes. */
export const TRANSACTION_LATENCY_FACTOR = 2;

/** Of one row of at most 1 KB in a transaction; a claim writes one row of each table. */
export const TRANSACTIONAL_WRITE_UNITS = 2;
/** Of one row of at most 4 KB. */
export const TRANSACTIONAL_READ_UNITS = 2;
/** Strongly consistent, of one row of at most 4 KB. */
export const READ_UNITS = 1;
/** What one unit of a strongly consistent scan reads. */
export const READ_UNIT_BYTES = 4_096;

/** USD a million request units on demand, us-east-1, since 1 November 2024. */
export const WRITE_UNIT_PRICE_USD = 0.625 / 1_000_000;
export const READ_UNIT_PRICE_USD = 0.125 / 1_000_000;

/** The partitions of a table with that warm throughput. */
export function partitionCount(model: Model, writeUnits: number, readUnits: number): number {
  return Math.ceil(
    Math.max(
      writeUnits / model.partitionWriteUnitsPerSecond,
      readUnits / model.partitionReadUnitsPerSecond,
    ),
  );
}
