// One simulated sale: askers come, each to a random node, and each makes one claim.
import { sleepBeforeRetry } from '../../src/backoff.js';
import { type Candidate, CandidatePool, type Page } from '../../src/dynamodb/candidate-pool.js';
import { CLAIM_PATIENCE_MS } from '../../src/dynamodb/transaction.js';
import { Patience } from '../../src/patience.js';
import { runtime } from '../../src/runtime.js';
import { type Random, seededRandom } from '../../test/verification/seeded-random.js';
import { DurationHistogram, logNormal } from './distributions.js';
import { type Actor, EventQueue } from './event-queue.js';
import { type Model, partitionCount, READ_UNIT_PRICE_USD, WRITE_UNIT_PRICE_USD } from './model.js';
import { type Network, Node, NodeRequest } from './node.js';
import { type ClaimOutcome, type ScannedPage, SimulatedTables } from './simulated-tables.js';

/**
 * How an item is chosen: by the package's own `CandidatePool`, or as the Python module does, from
 * the first rows of the table. Everything else about the claim is the same.
 */
export type Choice = 'pool' | 'headScan';

export interface SaleOptions {
  readonly choice: Choice;
  readonly nodes: number;
  readonly items: number;
  readonly askers: number;
  /** In which all askers come, at random. */
  readonly arrivalMs: number;
  /** When the simulation stops, whoever still waits. */
  readonly endMs: number;
  /** Warm write units a second, of each of the two tables. */
  readonly writeUnits: number;
  /** Warm read units a second, of each. Default: what the partitions for the writes bring along. */
  readonly readUnits?: number;
  readonly isFirstReadSkipped?: boolean;
  readonly seed: number;
  readonly model: Model;
  readonly onProgress?: (share: number) => void;
}

export interface SaleResult {
  readonly partitions: number;
  /** Items handed out. */
  readonly claims: number;
  /** When the last of them was; 0 when none was. */
  readonly lastClaimMs: number;
  /** Askers told that all items are gone. */
  readonly soldOutAnswers: number;
  /** Calls that threw, each made again. */
  readonly failedCalls: number;
  /** Askers without an answer at the end. */
  readonly unanswered: number;
  /** Transactions that the tables decided on: committed, lost or in conflict. */
  readonly transactions: number;
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

class Sale implements Actor {
  readonly options: SaleOptions;
  readonly network: Network;
  readonly tables: SimulatedTables;
  readonly queue = new EventQueue();
  readonly random: Random;
  readonly claimTimes = new DurationHistogram();
  readonly soldOutTimes = new DurationHistogram();
  lastClaimMs = 0;
  failedCalls = 0;
  lostRaces = 0;
  conflicts = 0;
  scans = 0;
  throttledTransactions = 0;
  throttledScans = 0;
  throttledIdReads = 0;
  /** Whether promises may have been settled since the last time that all of them ran. */
  hasPromisesToRun = false;
  readonly #nodes: { readonly node: Node; readonly pool: CandidatePool }[];
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
      const pool = new CandidatePool((startKey) => new PoolScan(this, node).read(startKey));
      return { node, pool };
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
      }
      if (events % PROGRESS_EVENTS === 0) onProgress?.(this.queue.nowMs / endMs);
    }
    return this.#result();
  }

  /** An asker comes, and the next one's moment is set. */
  act(): void {
    const { node, pool } = this.#nodes[Math.floor(this.random() * this.#nodes.length)] as {
      node: Node;
      pool: CandidatePool;
    };
    const asker =
      this.options.choice === 'pool'
        ? new PoolAsker(this, node, pool)
        : new HeadScanAsker(this, node);
    asker.ask();
    if (--this.#askersToCome > 0) {
      this.queue.schedule(this.queue.nowMs + this.#drawGapMs(), this);
    }
  }

  #takeOverRuntime(): void {
    let keys = 0;
    runtime.nowMs = () => this.queue.nowMs;
    runtime.date = () => new Date(this.queue.nowMs);
    runtime.random = this.random;
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
      transactions: claims + this.lostRaces + this.conflicts,
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

/** What a claim does, as in `src/dynamodb/atomic-claim.ts`, without a promise for each step. */
abstract class Asker extends NodeRequest {
  protected readonly sale: Sale;
  readonly #idHash: number;
  readonly #askedAtMs: number;
  #doing: 'readId' | 'claim' | 'readIdInTransaction' | 'scan' | 'pause' = 'pause';
  protected page: ScannedPage | null = null;
  #isThrottled = false;
  #outcome: ClaimOutcome = 'throttled';
  #attempt = 1;
  #retry = 0;
  #firstSentMs = 0;
  #item = '';
  protected patience = new Patience(CLAIM_PATIENCE_MS);

  constructor(sale: Sale, node: Node) {
    super(sale.network, node);
    this.sale = sale;
    this.#idHash = sale.random();
    this.#askedAtMs = sale.queue.nowMs;
  }

  ask(): void {
    this.beginCall();
    if (this.sale.options.isFirstReadSkipped) {
      this.#beginClaim();
    } else {
      this.#begin('readId');
    }
  }

  protected abstract beginCall(): void;
  protected abstract chooseItem(): void;
  protected abstract noteFate(fate: 'won' | 'gone' | 'kept'): void;

  #beginClaim(): void {
    this.patience = new Patience(CLAIM_PATIENCE_MS);
    this.chooseItem();
  }

  protected claim(item: string): void {
    this.#item = item;
    this.#retry = 0;
    this.#firstSentMs = this.network.queue.nowMs;
    this.#begin('claim');
  }

  protected readIdOnceMore(): void {
    this.#retry = 0;
    this.#firstSentMs = this.network.queue.nowMs;
    this.#begin('readIdInTransaction');
  }

  protected scanHead(): void {
    this.#begin('scan');
  }

  /** The call throws; whoever made it makes it again. */
  protected fail(): void {
    this.sale.failedCalls++;
    this.#doing = 'pause';
    this.sleep(this.network.model.askAgainAfterMs * (1 + this.network.random()));
  }

  #begin(what: 'readId' | 'claim' | 'readIdInTransaction' | 'scan'): void {
    this.#doing = what;
    this.#attempt = 1;
    this.#send();
  }

  #send(): void {
    // A transaction holds its rows for the middle half of its time.
    this.wayThere = this.#doing === 'claim' ? 0.25 : 0.5;
    this.node.send(this);
  }

  protected override drawLatencyMs(): number {
    const isTransaction = this.#doing === 'claim' || this.#doing === 'readIdInTransaction';
    return this.network.drawLatencyMs() * (isTransaction ? 2 : 1);
  }

  protected override reachTables(nowMs: number): number {
    const { tables } = this.sale;
    switch (this.#doing) {
      case 'readId':
        this.#isThrottled = !tables.readId(this.#idHash, nowMs);
        break;
      case 'readIdInTransaction':
        this.#isThrottled = !tables.readIdInTransaction(this.#idHash, nowMs);
        break;
      case 'claim': {
        const committedAtMs = nowMs + this.latencyMs / 2;
        this.#outcome = tables.claim(this.#idHash, this.#item, nowMs, committedAtMs);
        if (this.#outcome === 'committed')
          this.sale.lastClaimMs = Math.max(this.sale.lastClaimMs, committedAtMs);
        break;
      }
      case 'scan': {
        this.page = tables.scan(null, this.network.model.fetchLimit, nowMs);
        this.#isThrottled = this.page === null;
        return furtherPartitionsMs(this.network.model, this.page);
      }
    }
    return 0;
  }

  protected override beAnswered(): void {
    switch (this.#doing) {
      case 'readId':
        if (this.#isThrottled) this.sale.throttledIdReads++;
        if (this.#isAnsweredBySdk()) this.#beginClaim();
        break;
      case 'scan':
        if (this.#isThrottled) this.sale.throttledScans++;
        else this.sale.scans++;
        if (this.#isAnsweredBySdk()) this.choosePageItem();
        break;
      case 'readIdInTransaction':
        if (this.#isThrottled) {
          this.sale.throttledIdReads++;
          this.#tryAgainLater();
        } else {
          this.sale.soldOutTimes.add(this.network.queue.nowMs - this.#askedAtMs);
        }
        break;
      case 'claim':
        this.#learnOutcome();
    }
  }

  protected choosePageItem(): void {}

  #learnOutcome(): void {
    switch (this.#outcome) {
      case 'committed':
        this.sale.claimTimes.add(this.network.queue.nowMs - this.#askedAtMs);
        this.noteFate('won');
        break;
      case 'itemGone':
        this.sale.lostRaces++;
        this.noteFate('gone');
        if (this.hasPatience()) this.chooseItem();
        else this.fail();
        break;
      case 'conflict':
        this.sale.conflicts++;
        this.#tryAgainLater();
        break;
      case 'throttled':
        this.sale.throttledTransactions++;
        this.#tryAgainLater();
    }
  }

  /** As `sendTransaction` does: the SDK leaves cancelled transactions to its caller. */
  #tryAgainLater(): void {
    if (this.network.queue.nowMs - this.#firstSentMs >= CLAIM_PATIENCE_MS) {
      if (this.#doing === 'claim') this.noteFate('kept');
      this.fail();
      return;
    }
    this.sleep(backoffDelayMs(this.#retry++));
  }

  /** Whether a plain read got through; else the SDK sends it again, or the call throws. */
  #isAnsweredBySdk(): boolean {
    if (!this.#isThrottled) {
      this.node.noteSuccess(this.#attempt);
      return true;
    }
    const delayMs = this.node.delayBeforeRetryMs(this.#attempt);
    if (delayMs === null) {
      this.fail();
    } else {
      this.#attempt++;
      this.sleep(delayMs);
    }
    return false;
  }

  protected override wakeUp(): void {
    if (this.#doing === 'pause') this.ask();
    else this.#send();
  }

  protected hasPatience(): boolean {
    try {
      this.patience.assertLeft();
      return true;
    } catch {
      return false;
    }
  }
}

/** Chooses by the package's own pool, shared by all calls of a node. */
class PoolAsker extends Asker {
  readonly #pool: CandidatePool;
  #mark = 0;
  #candidate: Candidate | null = null;

  constructor(sale: Sale, node: Node, pool: CandidatePool) {
    super(sale, node);
    this.#pool = pool;
  }

  protected override beginCall(): void {
    this.#mark = this.#pool.mark();
  }

  protected override chooseItem(): void {
    this.sale.hasPromisesToRun = true;
    this.#pool.take(this.#mark, this.patience).then(
      (candidate) => {
        this.#candidate = candidate;
        if (candidate === null) this.readIdOnceMore();
        else this.claim(candidate.item);
      },
      () => this.fail(),
    );
  }

  protected override noteFate(fate: 'won' | 'gone' | 'kept'): void {
    this.sale.hasPromisesToRun = true;
    this.#pool.settle(this.#candidate as Candidate, fate);
  }
}

/** Chooses as the Python module does: a row at random among the first ones of the table. */
class HeadScanAsker extends Asker {
  protected override beginCall(): void {}

  protected override chooseItem(): void {
    this.scanHead();
  }

  protected override choosePageItem(): void {
    const { items, nextKey } = this.page as ScannedPage;
    const item = items[Math.floor(this.network.random() * items.length)];
    if (item !== undefined) this.claim(item);
    else if (nextKey === null) this.readIdOnceMore();
    else this.scanHead();
  }

  protected override noteFate(): void {}
}

/** One page for a node's pool. */
class PoolScan extends NodeRequest {
  readonly #sale: Sale;
  #startKey: string | null = null;
  #page: ScannedPage | null = null;
  #attempt = 1;
  #resolve: (page: Page) => void = () => {};
  #reject: (error: Error) => void = () => {};

  constructor(sale: Sale, node: Node) {
    super(sale.network, node);
    this.#sale = sale;
  }

  read(startKey: string | null): Promise<Page> {
    this.#startKey = startKey;
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      this.node.send(this);
    });
  }

  protected override reachTables(nowMs: number): number {
    const { model } = this.network;
    this.#page = this.#sale.tables.scan(this.#startKey, model.fetchLimit, nowMs);
    return furtherPartitionsMs(model, this.#page);
  }

  protected override beAnswered(): void {
    if (this.#page !== null) {
      this.#sale.scans++;
      this.node.noteSuccess(this.#attempt);
      this.#sale.hasPromisesToRun = true;
      this.#resolve(this.#page);
      return;
    }
    this.#sale.throttledScans++;
    const delayMs = this.node.delayBeforeRetryMs(this.#attempt++);
    if (delayMs !== null) {
      this.sleep(delayMs);
      return;
    }
    this.#sale.hasPromisesToRun = true;
    this.#reject(new Error('The scan was throttled.'));
  }

  protected override wakeUp(): void {
    this.node.send(this);
  }
}

function furtherPartitionsMs(model: Model, page: ScannedPage | null): number {
  return page === null ? 0 : (page.searchedPartitions - 1) * model.furtherPartitionMs;
}

/** How long the package's own backoff would sleep. */
function backoffDelayMs(retry: number): number {
  let delayMs = 0;
  runtime.sleep = (chosenMs) => {
    delayMs = chosenMs;
    return ASLEEP;
  };
  sleepBeforeRetry(retry);
  return delayMs;
}

const ASLEEP = Promise.resolve();

/** Everything that follows from what was settled. */
function allSettled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function quantiles(durations: DurationHistogram): { p50: number; p99: number } {
  return { p50: durations.quantileMs(0.5), p99: durations.quantileMs(0.99) };
}
