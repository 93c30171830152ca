import type { Page } from '../../src/dynamodb/claim/candidate-pool.js';
import { READ_PATIENCE_MS } from '../../src/dynamodb/reads.js';
import { Patience } from '../../src/store-kit/patience.js';
import { backoffDelayMs } from './backoff-delay.js';
import type { Model } from './model.js';
import { type Node, NodeRequest } from './node.js';
import type { Sale } from './sale.js';
import type { ScannedPage } from './simulated-tables.js';

/** One page for a node's pool. */
export class PoolScan extends NodeRequest {
  readonly #sale: Sale;
  #startKey: string | null = null;
  #limit = 0;
  #page: ScannedPage | null = null;
  #attempt = 1;
  #retry = 0;
  readonly #patience = new Patience(READ_PATIENCE_MS);
  #resolve: (page: Page) => void = () => {};
  #reject: (error: Error) => void = () => {};

  constructor(sale: Sale, node: Node) {
    super(sale.network, node);
    this.#sale = sale;
  }

  read(startKey: string | null, limit: number): Promise<Page> {
    this.#limit = limit;
    this.#startKey = startKey;
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      this.node.send(this);
    });
  }

  protected override reachTables(nowMs: number): number {
    this.#page = this.#sale.tables.scan(this.#startKey, this.#limit, nowMs);
    return furtherPartitionsMs(this.network.model, this.#page);
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
    if (!this.#patience.isOver) {
      this.#attempt = 1;
      this.sleep(backoffDelayMs(this.#retry++));
      return;
    }
    this.#sale.hasPromisesToRun = true;
    this.#reject(new Error('The scan was throttled.'));
  }

  protected override wakeUp(): void {
    this.node.send(this);
  }
}

/** Partitions are searched one after the other. */
export function furtherPartitionsMs(model: Model, page: ScannedPage | null): number {
  return page === null ? 0 : (page.searchedPartitions - 1) * model.furtherPartitionMs;
}
