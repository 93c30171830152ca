// The reads of IDs before the answer "sold out", and in a rush, as in
// `src/dynamodb/claim/transactional-reads.ts`: reads that begin at the same moment share one request.
import { CLAIM_PATIENCE_MS, Patience } from '../../src/store-kit/patience.js';
import type { Asker } from './asker.js';
import { backoffDelayMs } from './backoff-delay.js';
import { TRANSACTION_LATENCY_FACTOR } from './model.js';
import { type Node, NodeRequest } from './node.js';
import type { Sale } from './sale.js';

export const MAX_READS_PER_REQUEST = 100;
const MAX_REQUESTS_UNDER_WAY = 4;

export class GatheredReads {
  readonly #sale: Sale;
  readonly #node: Node;
  readonly #gathering: Asker[] = [];
  #underWay = 0;

  constructor(sale: Sale, node: Node) {
    this.#sale = sale;
    this.#node = node;
  }

  get isIdle(): boolean {
    return this.#underWay === 0 && this.#gathering.length === 0;
  }

  read(asker: Asker): void {
    if (this.#gathering.length === 0) this.#sale.queueMicrotask(() => this.#sendGathered());
    this.#gathering.push(asker);
  }

  begin(): void {
    this.#underWay++;
  }

  end(): void {
    this.#underWay--;
    this.#sendGathered();
  }

  #sendGathered(): void {
    while (this.#gathering.length > 0 && this.#underWay < MAX_REQUESTS_UNDER_WAY) {
      const askers = this.#gathering.splice(0, MAX_READS_PER_REQUEST);
      new IdReads(this.#sale, this.#node, this, askers).send();
    }
  }
}

/** One `TransactGetItems`. */
class IdReads extends NodeRequest {
  readonly #sale: Sale;
  readonly #reads: GatheredReads;
  readonly #patience = new Patience(CLAIM_PATIENCE_MS);
  #askers: readonly Asker[];
  #throttled: readonly Asker[] = [];
  #retry = 0;

  constructor(sale: Sale, node: Node, reads: GatheredReads, askers: readonly Asker[]) {
    super(sale.network, node);
    this.#sale = sale;
    this.#reads = reads;
    this.#askers = askers;
  }

  send(): void {
    this.#reads.begin();
    this.node.send(this);
  }

  override get cpuMs(): number {
    return super.cpuMs + this.#askers.length * this.network.model.gatheredReadCpuMs;
  }

  protected override drawLatencyMs(): number {
    return super.drawLatencyMs() * TRANSACTION_LATENCY_FACTOR;
  }

  protected override reachTables(nowMs: number): number {
    const { tables } = this.#sale;
    this.#throttled = this.#askers.filter(
      ({ idHash }) => !tables.readIdInTransaction(idHash, nowMs),
    );
    return 0;
  }

  protected override beAnswered(): void {
    this.#reads.end();
    const throttled = this.#throttled;
    this.#sale.throttledIdReads += throttled.length;
    if (throttled.length === 0) {
      for (const asker of this.#askers) asker.learnNoItem();
      return;
    }
    // Reads that were not throttled are sent again at once, the others later.
    const others = this.#askers.filter((asker) => !throttled.includes(asker));
    if (others.length > 0) new IdReads(this.#sale, this.node, this.#reads, others).send();
    try {
      this.#patience.assertLeft();
    } catch {
      for (const asker of throttled) asker.fail();
      return;
    }
    this.#askers = throttled;
    this.sleep(backoffDelayMs(this.#retry++));
  }

  protected override wakeUp(): void {
    this.send();
  }
}
