// One simulated sale: each user comes to a random node and claims one item.
import { CandidatePool } from '../../src/dynamodb/claim/candidate-pool.js';
import { Turns } from '../../src/dynamodb/claim/turns.js';
import { runtime } from '../../src/environment/runtime.js';
import { type Random, seededRandom } from '../../test/verification/seeded-random.js';
import { HeadScanAsker, PoolAsker } from './asker.js';
import { DurationHistogram, logNormal } from './distributions.js';
import { type Actor, EventQueue } from './event-queue.js';
import { GatheredReads } from './gathered-reads.js';
import { GroupedClaims } from './grouped-claims.js';
import { type Model, partitionCount, READ_UNIT_PRICE_USD, WRITE_UNIT_PRICE_USD } from './model.js';
import { type Network, Node } from './node.js';
import { PoolScan } from './pool-scan.js';
import { SimulatedTables } from './simulated-tables.js';

/**
 * How an item is chosen and claimed. `pool`: by the package's own `CandidatePool`; claims that have to
 * wait share a transaction. `oneByOne`: the same, but each claim has a transaction of its own. `headScan`:
 * one by one, too, and chosen as the Python module does, from the first rows of the table.
 */
export type Choice = 'pool' | 'oneByOne' | 'headScan';

export interface SaleOptions {
  readonly choice: Choice;
  readonly nodes: number;
  readonly items: number;
  readonly askers: number;
  /** All users come within this time, at random moments. */
  readonly arrivalMs: number;
  /** When the simulation stops, even if users still wait. */
  readonly endMs: number;
  /** Warm write units a second, of each of the two tables. */
  readonly writeUnits: number;
  /** Warm read units a second, of each table. Default: what the partitions for the writes give. */
  readonly readUnits?: number;
  readonly isFirstReadSkipped?: boolean;
  readonly seed: number;
  readonly model: Model;
  readonly onProgress?: (share: number) => void;
}

export interface SaleResult {
  readonly partitions: number;
  /** Items that were handed out. */
  readonly claims: number;
  /** When the last item was handed out; 0 when none was. */
  readonly lastClaimMs: number;
  /** Users who got the answer "sold out". */
  readonly soldOutAnswers: number;
  /** Calls that threw; each was retried. */
  readonly failedCalls: number;
  /** Users without an answer at the end. */
  readonly unanswered: number;
  /** Transactions that the tables decided on: committed, lost or in conflict. */
  readonly transactions: number;
  /** The claims in them. */
  readonly attempts: number;
  /** Claims whose transaction was cancelled for another one in it. */
  readonly cancellationsByOthers: number;
  readonly lostRaces: number;
  readonly conflicts: number;
  readonly scans: number;
  readonly throttledTransactions: number;
  readonly throttledScans: number;
  readonly throttledIdReads: number;
  readonly splits: number;
  readonly writeUnits: number;
  readonly bankReadUnits: number;
  readonly deduplicationReadUnits: number;
  readonly costUsd: number;
  readonly claimMs: { readonly p50: number; readonly p99: number };
  readonly soldOutMs: { readonly p50: number; readonly p99: number };
}

const PROGRESS_EVENTS = 100_000;

export async function simulateSale(options: SaleOptions): Promise<SaleResult> {
  const originalRuntime = { ...runtime };
  try {
    return await new Sale(options).run();
  } finally {
    Object.assign(runtime, originalRuntime);
  }
}

/** What the calls of one process share. */
export interface SaleNode {
  readonly node: Node;
  readonly pool: CandidatePool;
  readonly turns: Turns;
  readonly reads: GatheredReads;
  readonly claims: GroupedClaims;
  readsByThemselves: number;
}

export class Sale implements Actor {
  readonly options: SaleOptions;
  readonly network: Network;
  readonly tables: SimulatedTables;
  readonly queue = new EventQueue();
  readonly random: Random;
  readonly claimTimes = new DurationHistogram();
  readonly soldOutTimes = new DurationHistogram();
  lastClaimMs = 0;
  failedCalls = 0;
  transactions = 0;
  attempts = 0;
  cancellationsByOthers = 0;
  lostRaces = 0;
  conflicts = 0;
  scans = 0;
  throttledTransactions = 0;
  throttledScans = 0;
  throttledIdReads = 0;
  /** Whether promises may have been settled since the last time that all of them ran. */
  hasPromisesToRun = false;
  /** What waits for all promises to have run. */
  readonly #microtasks: (() => void)[] = [];
  readonly #nodes: SaleNode[];
  readonly #drawGapMs: () => number;
  #askersToCome: number;

  constructor(options: SaleOptions) {
    this.options = options;
    const { model, nodes, items, writeUnits, readUnits = 0, seed } = options;
    const random = seededRandom(seed);
    this.random = random;
    this.tables = new SimulatedTables(
      model,
      partitionCount(model, writeUnits, readUnits),
      items,
      random,
    );
    this.network = {
      queue: this.queue,
      model,
      random,
      drawLatencyMs: logNormal(model.latencyMedianMs, model.latencySigma, random),
    };
    this.#nodes = Array.from({ length: nodes }, () => {
      const node = new Node(this.network);
      const pool = new CandidatePool((startKey, demand) =>
        new PoolScan(this, node).read(startKey, Math.max(model.fetchLimit, demand)),
      );
      return {
        node,
        pool,
        turns: new Turns(),
        reads: new GatheredReads(this, node),
        claims: new GroupedClaims(this, node),
        readsByThemselves: 0,
      };
    });
    this.#askersToCome = options.askers;
    const meanGapMs = options.arrivalMs / options.askers;
    this.#drawGapMs = () => -Math.log(1 - random()) * meanGapMs;
  }

  async run(): Promise<SaleResult> {
    this.#takeOverRuntime();
    const { endMs, onProgress } = this.options;
    this.queue.schedule(this.#drawGapMs(), this);
    for (let events = 1; ; events++) {
      const actor = this.queue.next(endMs);
      if (actor === null) break;
      actor.act();
      if (this.hasPromisesToRun) {
        this.hasPromisesToRun = false;
        await allSettled();
        for (const microtask of this.#microtasks.splice(0)) microtask();
      }
      if (events % PROGRESS_EVENTS === 0) onProgress?.(this.queue.nowMs / endMs);
    }
    return this.#result();
  }

  /** A user comes, and the next one is scheduled. */
  act(): void {
    const saleNode = this.#nodes[Math.floor(this.random() * this.#nodes.length)] as SaleNode;
    const isHeadScan = this.options.choice === 'headScan';
    const asker = isHeadScan ? new HeadScanAsker(this, saleNode) : new PoolAsker(this, saleNode);
    asker.ask();
    if (--this.#askersToCome > 0) {
      this.queue.schedule(this.queue.nowMs + this.#drawGapMs(), this);
    }
  }

  /** Runs it after all promises that can run, and before anything else. */
  queueMicrotask(microtask: () => void): void {
    this.hasPromisesToRun = true;
    this.#microtasks.push(microtask);
  }

  #takeOverRuntime(): void {
    let keys = 0;
    runtime.nowMs = () => this.queue.nowMs;
    runtime.date = () => new Date(this.queue.nowMs);
    runtime.random = this.random;
    runtime.sleep = (delayMs) =>
      new Promise((resolve) => {
        const act = () => {
          this.hasPromisesToRun = true;
          resolve();
        };
        this.queue.schedule(this.queue.nowMs + delayMs, { act });
      });
    runtime.after = (delayMs, action) => {
      let isCancelled = false;
      const act = () => {
        if (isCancelled) return;
        this.hasPromisesToRun = true;
        action();
      };
      this.queue.schedule(this.queue.nowMs + delayMs, { act });
      return () => {
        isCancelled = true;
      };
    };
    runtime.uuid = () => `${this.options.seed}-${++keys}`;
  }

  #result(): SaleResult {
    const { bank, deduplication } = this.tables;
    const claims = this.claimTimes.count;
    const soldOutAnswers = this.soldOutTimes.count;
    const writeUnits = bank.writeUnits + deduplication.writeUnits;
    const readUnits = bank.readUnits + deduplication.readUnits;
    return {
      partitions: partitionCount(
        this.options.model,
        this.options.writeUnits,
        this.options.readUnits ?? 0,
      ),
      claims,
      lastClaimMs: this.lastClaimMs,
      soldOutAnswers,
      failedCalls: this.failedCalls,
      unanswered: this.options.askers - this.#askersToCome - claims - soldOutAnswers,
      transactions: this.transactions,
      attempts: this.attempts,
      cancellationsByOthers: this.cancellationsByOthers,
      lostRaces: this.lostRaces,
      conflicts: this.conflicts,
      scans: this.scans,
      throttledTransactions: this.throttledTransactions,
      throttledScans: this.throttledScans,
      throttledIdReads: this.throttledIdReads,
      splits: bank.splits + deduplication.splits,
      writeUnits,
      bankReadUnits: bank.readUnits,
      deduplicationReadUnits: deduplication.readUnits,
      costUsd: writeUnits * WRITE_UNIT_PRICE_USD + readUnits * READ_UNIT_PRICE_USD,
      claimMs: quantiles(this.claimTimes),
      soldOutMs: quantiles(this.soldOutTimes),
    };
  }
}

/** Resolves after everything that follows from the settled promises has run. */
function allSettled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function quantiles(durations: DurationHistogram): { p50: number; p99: number } {
  return { p50: durations.quantileMs(0.5), p99: durations.quantileMs(0.99) };
}
