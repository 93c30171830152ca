import { runtime } from '../../environment/runtime.js';
import type { Patience } from '../../store-kit/patience.js';
import { AttemptWindow } from './attempt-window.js';
import type { BankPass } from './bank-pass.js';
import { type Contradictions, GoneItems } from './contradictions.js';
import { EmptinessProof } from './emptiness-proof.js';
import {
  type Page,
  PageReader,
  type PageReaderOwner,
  type PlannedRead,
  type Read,
  type ReadPage,
} from './page-reader.js';
import { type WaitingCall, WaitingCalls } from './waiting-calls.js';

export type { Page, ReadPage } from './page-reader.js';

export interface Candidate {
  readonly item: string;
  /** The page from which it was taken. */
  readonly pageNumber: number;
}

/**
 * What became of a candidate: this process took it; another process had taken it; as far as is known, it
 * is still in the bank; another transaction was using it; or its claim was throttled.
 */
export type Settlement = 'won' | 'gone' | 'kept' | 'inConflict' | 'throttled';

export interface TakeOptions {
  /** Whether the call has lost a race: then it has waited longer than most, and comes first. */
  readonly isRetry?: boolean;
  /**
   * Set for a call whose transactions may not see the same table as the pages. For such a call, only a
   * pass that saw no item at all proves that the bank is empty.
   */
  readonly contradictions?: Contradictions | undefined;
}

/** If no candidate is settled for so long, one more call may try. */
const STALL_MS = 300;

/** After so many parts of the table in a row without a win, one part is read again. */
const MAX_BARREN_STRETCHES = 5;

/**
 * Items of the bank that calls of this process may try to claim. They are hints, never leases: only a
 * conditional delete takes an item, so a crash strands nothing.
 *
 * Processes avoid each other by starting at random places, and no two calls of one process get the same
 * item at once. When there is no candidate for a call, its {@link EmptinessProof} says whether the bank is
 * empty.
 */
export class CandidatePool implements PageReaderOwner<BankPass> {
  readonly #reader: PageReader<BankPass>;
  /** In random order: other processes see the same ones. */
  readonly #available = new Set<string>();
  readonly #inFlight = new Set<string>();
  /** A call does not give up while the read that it began runs: the client's timeouts limit that read. */
  readonly #waiting = new WaitingCalls<Candidate | null>(
    ({ ownRead }) => ownRead === null || !this.#reader.isUnderWay(ownRead),
  );
  readonly #window = new AttemptWindow();
  readonly #goneItems = new GoneItems();
  readonly #emptiness = new EmptinessProof();
  /** The highest mark of all calls that ever waited. */
  #newestMark = 0;
  #pageNumber = 0;
  #barrenStretches = 0;
  #lastSettlementMs = 0;
  #isWatchingForStall = false;

  constructor(readPage: ReadPage) {
    this.#reader = new PageReader(readPage, this);
  }

  /** Call it when a call begins: only a pass that begins later proves something to that call. */
  mark(): number {
    return this.#emptiness.mark();
  }

  /** Whether the bank was empty when it was last read. */
  get isFoundEmpty(): boolean {
    return this.#emptiness.isFoundEmpty;
  }

  /**
   * A candidate, which no other call of this process gets until it is settled, or `null` when no item
   * stayed in the bank since the mark.
   *
   * @throws ContentionError when the patience ends first
   */
  async take(
    mark: number,
    patience: Patience,
    { isRetry = false, contradictions }: TakeOptions = {},
  ): Promise<Candidate | null> {
    const candidate = this.#nextCandidate();
    if (candidate !== null) {
      this.#readOnIfNeeded();
      return candidate;
    }
    if (this.#isProvenTo(mark, contradictions)) return null;
    patience.assertLeft();
    return new Promise((resolve, reject) => {
      const readsBefore = this.#reader.readsBegun;
      const call: WaitingCall<Candidate | null> = {
        mark,
        patience,
        contradictions,
        readsBefore,
        ownRead: null,
        resolve,
        reject,
      };
      this.#newestMark = Math.max(this.#newestMark, mark);
      this.#waiting.add(call, isRetry);
      this.#readOnIfNeeded();
      if (this.#reader.readsBegun > readsBefore) call.ownRead = this.#reader.readsBegun;
      this.#reader.beginSecondIfNeeded();
      this.#watchForStall();
    });
  }

  settle(
    { item, pageNumber }: Candidate,
    settlement: Settlement,
    contradictions?: Contradictions,
  ): void {
    this.#inFlight.delete(item);
    this.#lastSettlementMs = runtime.nowMs();
    switch (settlement) {
      case 'kept':
        this.#available.add(item);
        break;
      case 'won':
        this.#reader.noteDeparture(item);
        this.#goneItems.forget();
        this.#barrenStretches = 0;
        this.#window.noteWin();
        break;
      case 'gone':
        this.#reader.noteDeparture(item);
        if (contradictions !== undefined) {
          this.#goneItems.note(item, contradictions, this.#reader.readsBegun);
        }
        this.#window.noteSetback(this.#inFlight.size);
        this.#leaveStretch(pageNumber);
        break;
      case 'inConflict':
      case 'throttled':
        if (settlement === 'throttled') this.#window.spread();
        // Given up: when the obstacle is over, another item is the better choice.
        this.#pass.hasLeftOutItems = true;
        this.#window.noteSetback(this.#inFlight.size);
        this.#leaveStretch(pageNumber);
        break;
    }
    this.#noteProof();
    this.#serve();
  }

  /** This process took the item, without having got it from here. */
  noteDeparture(item: string): void {
    this.#available.delete(item);
    this.#reader.noteDeparture(item);
    this.#noteProof();
    this.#serve();
  }

  isPageAwaited(): boolean {
    return this.#waiting.size > 0 && this.#window.hasRoom(this.#inFlight.size);
  }

  planElsewhere(): PlannedRead<BankPass> {
    const pass = this.#emptiness.newPass(runtime.uuid());
    return { pass, replaces: this.#pass, ...this.#wantedPage(pass) };
  }

  acceptPage(read: Read<BankPass>, page: Page): void {
    const hasJumpedAway = read.replaces !== this.#pass;
    if (!hasJumpedAway) this.#use(read, page);
    this.#serve();
  }

  /** Calls that came after the read began do not fail; they get another read. */
  acceptFailure(read: Read<BankPass>, error: unknown): void {
    // Otherwise a read ahead that fails at once would be repeated without a pause.
    if (!this.isPageAwaited()) return;
    this.#waiting.rejectWhere(({ readsBefore }) => readsBefore < read.number, error);
    this.#serve();
  }

  #use({ number, pass, startKey, goneMeanwhile }: Read<BankPass>, page: Page): void {
    this.#emptiness.goOnWith(pass);
    this.#pageNumber++;
    const isLeftOut = (item: string) => this.#inFlight.has(item) || goneMeanwhile.has(item);
    const candidates = page.items.filter((item) => !isLeftOut(item));
    pass.hasLeftOutItems ||= candidates.length < page.items.length;
    pass.hasSeenCandidates ||= candidates.length > 0;
    for (const item of shuffled(candidates)) this.#available.add(item);
    this.#window.notePage(candidates.length);
    pass.advance(startKey, page, this.#window.isSpreading && candidates.length > 0);
    const isWholeBank = startKey === null && page.nextKey === null;
    this.#goneItems.compare(page.items, number, isWholeBank);
    this.#noteProof();
  }

  /** Gives a candidate to as many waiting calls as may try now. */
  #serve(): void {
    while (this.#waiting.size > 0) {
      const candidate = this.#nextCandidate();
      if (candidate === null) break;
      this.#waiting.takeNext().resolve(candidate);
    }
    this.#readOnIfNeeded();
    this.#watchForStall();
  }

  /** Stalled requests must not hold up calls that wait until they may try. */
  #watchForStall(): void {
    const isCrowded = this.#waiting.size > 0 && !this.#window.hasRoom(this.#inFlight.size);
    if (!isCrowded || this.#isWatchingForStall) return;
    this.#isWatchingForStall = true;
    runtime.after(STALL_MS, () => {
      this.#isWatchingForStall = false;
      const isStalled = runtime.nowMs() - this.#lastSettlementMs >= STALL_MS;
      if (isStalled) this.#window.noteStall(this.#inFlight.size);
      this.#serve();
    });
  }

  #nextCandidate(): Candidate | null {
    if (!this.#window.hasRoom(this.#inFlight.size)) return null;
    const [item] = this.#available;
    if (item === undefined) return null;
    this.#available.delete(item);
    this.#inFlight.add(item);
    return { item, pageNumber: this.#pageNumber };
  }

  /** One read is under way at a time, and whoever needs candidates waits for that one. */
  #readOnIfNeeded(): void {
    if (this.#reader.isReading) return;
    this.#waiting.rejectOldestImpatient();
    if (!this.#isPageNeeded()) return;
    if (this.#pass.isComplete) this.#beginPass();
    const pass = this.#pass;
    this.#reader.begin({ pass, replaces: pass, ...this.#wantedPage(pass) });
  }

  #isPageNeeded(): boolean {
    if (!this.isPageAwaited()) {
      // Read ahead: the next page arrives while the last candidates of this one are being tried. If the
      // read fails, no call fails with it: the call that needs the page reads again.
      return this.#available.size < this.#inFlight.size && !this.#pass.isComplete;
    }
    const isAllInFlight =
      this.#pass.isComplete && this.#pass.number > this.#newestMark && this.#inFlight.size > 0;
    return !isAllInFlight;
  }

  #wantedPage({ nextKey: startKey }: BankPass): { startKey: string | null; demand: number } {
    const demand = this.#window.rowsFor(this.#inFlight.size + this.#waiting.size);
    return { startKey, demand };
  }

  /** Another process works on this part of the table, or it is throttled: continue in another part. */
  #leaveStretch(pageNumber: number): void {
    const hasLeftAlready = pageNumber !== this.#pageNumber;
    const isNothingToLeave = this.#available.size === 0 && this.#pass.isComplete;
    if (hasLeftAlready || isNothingToLeave) return;
    this.#available.clear();
    this.#pageNumber++;
    this.#barrenStretches++;
    this.#beginPass();
  }

  #beginPass(): void {
    this.#emptiness.goOnWith(this.#emptiness.newPass(this.#nextStartKey()));
  }

  #nextStartKey(): string | null {
    // If one page shows all that is left, there is no other place to begin at.
    if (this.#pass.isOnePage) return null;
    // To see whether pages still show items that transactions found gone, read the same place again.
    const isLookedAtAgain =
      this.#barrenStretches >= MAX_BARREN_STRETCHES && !this.#goneItems.isEmpty;
    return isLookedAtAgain ? this.#pass.startKey : runtime.uuid();
  }

  #noteProof(): void {
    const isNothingLeft = this.#available.size === 0 && this.#inFlight.size === 0;
    if (!this.#emptiness.note(isNothingLeft)) return;
    this.#waiting.resolveWhere(
      ({ mark, contradictions }) => this.#isProvenTo(mark, contradictions),
      null,
    );
  }

  #isProvenTo(mark: number, contradictions: Contradictions | undefined): boolean {
    return this.#emptiness.holdsSince(mark, contradictions !== undefined);
  }

  get #pass(): BankPass {
    return this.#emptiness.pass;
  }
}

export function shuffled(items: readonly string[]): string[] {
  const result = [...items];
  for (let last = result.length - 1; last > 0; last--) {
    const other = Math.floor(runtime.random() * (last + 1));
    [result[last], result[other]] = [result[other] as string, result[last] as string];
  }
  return result;
}
