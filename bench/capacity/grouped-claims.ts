// The transactions of a node's claims, as in `src/dynamodb/claim/grouped-claims.ts`. The package's own
// `GroupCommit` says which claims share one.
import {
  MAX_CANCELLATIONS_BY_OTHERS,
  MAX_GROUP_SIZE,
  MAX_TRANSACTIONS_UNDER_WAY,
} from '../../src/dynamodb/claim/grouped-claims.js';
import { GroupCommit, type GroupWrite } from '../../src/store-kit/group-commit.js';
import type { Asker } from './asker.js';
import { TRANSACTION_LATENCY_FACTOR } from './model.js';
import { type Node, NodeRequest } from './node.js';
import type { Sale } from './sale.js';
import type { ClaimOutcome, ClaimRows } from './simulated-tables.js';

export class GroupedClaims {
  readonly #sale: Sale;
  readonly #node: Node;
  readonly #commits: GroupCommit<ClaimRows & GroupWrite, ClaimOutcome>;

  constructor(sale: Sale, node: Node) {
    this.#sale = sale;
    this.#node = node;
    this.#commits = new GroupCommit(MAX_TRANSACTIONS_UNDER_WAY, async (claims) => {
      const outcomes = await new Promise<readonly ClaimOutcome[]>((resolve) => {
        this.#send(claims, resolve);
      });
      // The simulation throttles rows, never a request as a whole.
      const isCommitted = outcomes[0] === 'committed';
      return { group: isCommitted ? 'committed' : 'setback', outcomes };
    });
  }

  /** Whether a further claim has to wait. */
  get isRush(): boolean {
    return this.#commits.isRush;
  }

  claim(asker: Asker, item: string): void {
    const { idHash, patience, cancellationsByOthers } = asker;
    if (this.#sale.options.choice !== 'pool') {
      this.#send([{ idHash, item }], ([outcome]) => asker.learnOutcome(outcome as ClaimOutcome));
      return;
    }
    const isAlone = cancellationsByOthers >= MAX_CANCELLATIONS_BY_OTHERS;
    const maxGroupSize = isAlone ? 1 : MAX_GROUP_SIZE;
    // The user of each claim is another one, and so is the item.
    this.#commits.write({ idHash, item, key: item, patience, maxGroupSize }).then(
      (outcome) => asker.learnOutcome(outcome),
      () => asker.giveUpClaim(),
    );
  }

  #send(claims: readonly ClaimRows[], learn: Learn): void {
    this.#node.send(new ClaimTransaction(this.#sale, this.#node, claims, learn));
  }
}

type Learn = (outcomes: readonly ClaimOutcome[]) => void;

/** One `TransactWriteItems`. */
class ClaimTransaction extends NodeRequest {
  readonly #sale: Sale;
  readonly #claims: readonly ClaimRows[];
  readonly #learn: Learn;
  #outcomes: readonly ClaimOutcome[] = [];

  constructor(sale: Sale, node: Node, claims: readonly ClaimRows[], learn: Learn) {
    super(sale.network, node);
    this.#sale = sale;
    this.#claims = claims;
    this.#learn = learn;
    // It holds its rows for the middle half of its time.
    this.wayThere = 0.25;
  }

  override get cpuMs(): number {
    return super.cpuMs + (this.#claims.length - 1) * this.network.model.groupedClaimCpuMs;
  }

  protected override drawLatencyMs(): number {
    const furtherMs = (this.#claims.length - 1) * this.network.model.groupedClaimLatencyMs;
    return super.drawLatencyMs() * TRANSACTION_LATENCY_FACTOR + furtherMs;
  }

  protected override reachTables(nowMs: number): number {
    const committedAtMs = nowMs + this.latencyMs / 2;
    this.#outcomes = this.#sale.tables.claim(this.#claims, nowMs, committedAtMs);
    if (this.#outcomes[0] === 'committed') {
      this.#sale.lastClaimMs = Math.max(this.#sale.lastClaimMs, committedAtMs);
    }
    return 0;
  }

  protected override beAnswered(): void {
    if (this.#outcomes.includes('throttled')) {
      this.#sale.throttledTransactions++;
    } else {
      this.#sale.transactions++;
      this.#sale.attempts += this.#claims.length;
    }
    this.#sale.hasPromisesToRun = true;
    this.#learn(this.#outcomes);
  }

  /** A transaction is sent once: who repeats a claim sends another one. */
  protected override wakeUp(): void {}
}
