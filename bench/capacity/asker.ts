// A user who wants an item, and the steps of the call.
import type {
  Candidate,
  CandidatePool,
  Settlement,
} from '../../src/dynamodb/claim/candidate-pool.js';
import type { Turns } from '../../src/dynamodb/claim/turns.js';
import { MAX_READS_BY_THEMSELVES } from '../../src/dynamodb/deduplication-table.js';
import { CLAIM_PATIENCE_MS, Patience } from '../../src/store-kit/patience.js';
import { backoffDelayMs } from './backoff-delay.js';
import { NodeRequest } from './node.js';
import { furtherPartitionsMs } from './pool-scan.js';
import type { Sale, SaleNode } from './sale.js';
import type { ClaimOutcome, ScannedPage } from './simulated-tables.js';

/** What a claim does, as in `src/dynamodb/claim/atomic-claim.ts`, without a promise for each step. */
export abstract class Asker extends NodeRequest {
  protected readonly sale: Sale;
  readonly idHash: number;
  readonly #askedAtMs: number;
  #doing: 'readId' | 'readIdOnceMore' | 'scan' | 'backOff' | 'pause' = 'pause';
  protected page: ScannedPage | null = null;
  #isThrottled = false;
  #attempt = 1;
  #obstacles = 0;
  #cancellationsByOthers = 0;
  #patience = new Patience(CLAIM_PATIENCE_MS);

  readonly #saleNode: SaleNode;

  constructor(sale: Sale, saleNode: SaleNode) {
    super(sale.network, saleNode.node);
    this.sale = sale;
    this.#saleNode = saleNode;
    this.idHash = sale.random();
    this.#askedAtMs = sale.queue.nowMs;
  }

  get patience(): Patience {
    return this.#patience;
  }

  get cancellationsByOthers(): number {
    return this.#cancellationsByOthers;
  }

  ask(): void {
    this.beginCall();
    this.#patience = new Patience(CLAIM_PATIENCE_MS);
    this.#cancellationsByOthers = 0;
    if (this.sale.options.isFirstReadSkipped || this.isLookShared()) {
      this.#beginClaim();
    } else if (this.#isReadShared()) {
      this.#doing = 'readId';
      this.#saleNode.reads.read(this);
    } else {
      this.#saleNode.readsByThemselves++;
      this.#begin('readId');
    }
  }

  #isReadShared(): boolean {
    const { readsByThemselves, claims, reads } = this.#saleNode;
    if (readsByThemselves >= MAX_READS_BY_THEMSELVES) return true;
    return this.sale.options.choice === 'pool' && (claims.isRush || !reads.isIdle);
  }

  protected abstract beginCall(): void;
  protected abstract isLookShared(): boolean;
  protected abstract chooseItem(): void;
  protected abstract noteSettlement(settlement: Settlement): void;

  #beginClaim(): void {
    this.#obstacles = 0;
    this.chooseItem();
  }

  protected claim(item: string): void {
    this.#saleNode.claims.claim(this, item);
  }

  protected readIdOnceMore(): void {
    this.#doing = 'readIdOnceMore';
    this.#saleNode.reads.read(this);
  }

  /** A shared read has found that the ID has no item. */
  learnNoItem(): void {
    if (this.#doing === 'readId') this.#beginClaim();
    else this.endSoldOut();
  }

  protected endSoldOut(): void {
    this.sale.soldOutTimes.add(this.network.queue.nowMs - this.#askedAtMs);
  }

  protected scanHead(): void {
    this.#begin('scan');
  }

  /** The call throws; the user retries. */
  fail(): void {
    this.sale.failedCalls++;
    this.#doing = 'pause';
    this.sleep(this.network.model.askAgainAfterMs * (1 + this.network.random()));
  }

  #begin(what: 'readId' | 'scan'): void {
    this.#doing = what;
    this.#attempt = 1;
    this.#send();
  }

  #send(): void {
    this.node.send(this);
  }

  protected override reachTables(nowMs: number): number {
    const { tables } = this.sale;
    switch (this.#doing) {
      case 'readId':
        this.#isThrottled = !tables.readId(this.idHash, nowMs);
        break;
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
        if (this.#isAnsweredBySdk()) {
          this.#saleNode.readsByThemselves--;
          this.#beginClaim();
        }
        break;
      case 'scan':
        if (this.#isThrottled) this.sale.throttledScans++;
        else this.sale.scans++;
        if (this.#isAnsweredBySdk()) this.choosePageItem();
    }
  }

  protected choosePageItem(): void {}

  learnOutcome(outcome: ClaimOutcome): void {
    switch (outcome) {
      case 'committed':
        this.sale.claimTimes.add(this.network.queue.nowMs - this.#askedAtMs);
        this.noteSettlement('won');
        break;
      case 'itemGone':
        this.sale.lostRaces++;
        this.noteSettlement('gone');
        this.#chooseAgain();
        break;
      case 'conflict':
        this.sale.conflicts++;
        this.#tryAgainLater('inConflict');
        break;
      case 'throttled':
        this.#tryAgainLater('throttled');
        break;
      case 'cancelledByOthers':
        this.sale.cancellationsByOthers++;
        this.#cancellationsByOthers++;
        this.noteSettlement('kept');
        this.#chooseAgain();
    }
  }

  /** Its time was up before its transaction was sent. */
  giveUpClaim(): void {
    this.noteSettlement('kept');
    this.fail();
  }

  /** The SDK leaves cancelled transactions to its caller. */
  #tryAgainLater(settlement: Settlement): void {
    this.noteSettlement(settlement);
    this.#doing = 'backOff';
    this.sleep(backoffDelayMs(this.#obstacles++));
  }

  #chooseAgain(): void {
    if (this.patience.isOver) this.fail();
    else this.chooseItem();
  }

  /** Whether a plain read succeeded; if not, the SDK retries it, or the call throws. */
  #isAnsweredBySdk(): boolean {
    if (!this.#isThrottled) {
      this.node.noteSuccess(this.#attempt);
      return true;
    }
    const delayMs = this.node.delayBeforeRetryMs(this.#attempt);
    if (delayMs === null) {
      if (this.#doing === 'readId') this.#saleNode.readsByThemselves--;
      this.fail();
    } else {
      this.#attempt++;
      this.sleep(delayMs);
    }
    return false;
  }

  protected override wakeUp(): void {
    if (this.#doing === 'pause') this.ask();
    else if (this.#doing === 'backOff') this.#chooseAgain();
    else this.#send();
  }
}

/** Chooses by the package's own pool, shared by all calls of a node. */
export class PoolAsker extends Asker {
  readonly #pool: CandidatePool;
  readonly #turns: Turns;
  #mark = 0;
  #candidate: Candidate | null = null;
  #endTurn: (() => void) | null = null;

  constructor(sale: Sale, saleNode: SaleNode) {
    super(sale, saleNode);
    this.#pool = saleNode.pool;
    this.#turns = saleNode.turns;
  }

  protected override beginCall(): void {
    this.#mark = this.#pool.mark();
  }

  protected override isLookShared(): boolean {
    return this.#pool.isFoundEmpty && this.#turns.isTaken;
  }

  protected override chooseItem(): void {
    this.sale.hasPromisesToRun = true;
    if (!this.#pool.isFoundEmpty) {
      this.#takeCandidate();
      return;
    }
    this.#turns.next().then((endTurn) => {
      this.#endTurn = endTurn;
      this.#takeCandidate();
    });
  }

  #takeCandidate(): void {
    this.#pool.take(this.#mark, this.patience).then(
      (candidate) => {
        this.#candidate = candidate;
        if (candidate === null) {
          this.readIdOnceMore();
        } else {
          this.#leaveTurn();
          this.claim(candidate.item);
        }
      },
      () => this.fail(),
    );
  }

  protected override endSoldOut(): void {
    this.#leaveTurn();
    super.endSoldOut();
  }

  override fail(): void {
    this.#leaveTurn();
    super.fail();
  }

  #leaveTurn(): void {
    this.sale.hasPromisesToRun = true;
    this.#endTurn?.();
    this.#endTurn = null;
  }

  protected override noteSettlement(settlement: Settlement): void {
    this.sale.hasPromisesToRun = true;
    this.#pool.settle(this.#candidate as Candidate, settlement);
  }
}

/** Chooses as the Python module does: a row at random among the first ones of the table. */
export class HeadScanAsker extends Asker {
  protected override beginCall(): void {}

  protected override isLookShared(): boolean {
    return false;
  }

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

  protected override noteSettlement(): void {}
}
