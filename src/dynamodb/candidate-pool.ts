import type { Patience } from '../patience.js';
import { runtime } from '../runtime.js';

export interface Page {
  readonly items: readonly string[];
  /** Where the next page starts; `null` when this one reached the end of the table. */
  readonly nextKey: string | null;
}

/**
 * Reads one page, strongly consistent, from behind a key that need not exist, or from the head. It
 * should hold `demand` items or more: that many calls want one.
 */
export type ReadPage = (startKey: string | null, demand: number) => Promise<Page>;

export interface Candidate {
  readonly item: string;
  /** The page from which it was taken. */
  readonly pageNumber: number;
}

/**
 * What became of a candidate: this process took it; another one had; it is still in the bank, as far
 * as is known; or others, or throttling, were in the way.
 */
export type Fate = 'won' | 'gone' | 'kept' | 'obstructed';

/** One walk round the bank: from a random key to the end, then from the head to the end. */
interface Pass {
  nextKey: string | null;
  isFromHead: boolean;
  isComplete: boolean;
  /** Whether one page from the head showed all that there is. */
  isOnePage: boolean;
  /** Whether it has seen an item that was not in flight in this process. */
  hasSeenItems: boolean;
  /** Whether it has seen an item that was, or that had just left the bank, or that was let go. */
  hasLeftOutItems: boolean;
}

/** More than one, so that a request that stalls does not hold up every other call of the process. */
const MIN_IN_FLIGHT = 4;

/** A larger page would be a stretch that one partition cannot serve in a moment. */
const MAX_DEMAND_WHILE_SPREADING = 100;

/**
 * Items of the bank that calls of this process may try to claim. They are hints, never leases: an
 * item is taken by a conditional delete alone, so a crash strands nothing.
 *
 * Processes stay out of each other's way by starting at random places; calls of one process by
 * never being given the same item at once. The pool also proves that the bank is empty: a complete
 * pass began after the call, and every item that it saw was tried after that and turned out to be
 * gone. What was in flight when the pass saw it proves nothing: it may have been tried before, by a
 * request whose answer is late, and have come back since.
 */
export class CandidatePool {
  readonly #readPage: ReadPage;
  readonly #available = new Set<string>();
  readonly #inFlight = new Set<string>();
  #pass: Pass = {
    nextKey: null,
    isFromHead: true,
    isComplete: true,
    isOnePage: false,
    hasSeenItems: true,
    hasLeftOutItems: false,
  };
  #passNumber = 0;
  #lastPassProvenEmpty = 0;
  #pageNumber = 0;
  /** Whether the last setback was an obstacle: a stretch of the table is one partition, which throttles. */
  #isSpreading = false;
  #reading: Promise<void> | null = null;
  /** What left the bank while a page was on its way: the page may show it still. */
  readonly #goneWhileReading = new Set<string>();
  #waitingCalls = 0;
  /**
   * Where more callers are than items, or than the table has capacity for, trying less at once is what
   * avoids setbacks. How many others there are is found out as on a network: halved by each setback,
   * one more after each success.
   */
  #maxInFlight = Number.POSITIVE_INFINITY;
  readonly #wakeUps: (() => void)[] = [];

  constructor(readPage: ReadPage) {
    this.#readPage = readPage;
  }

  /** To be asked when a call begins: only a pass that begins later can prove something to it. */
  mark(): number {
    return this.#passNumber;
  }

  /** Whether the bank was empty when it was last looked at. */
  get isFoundEmpty(): boolean {
    const isLatestFinding = this.#lastPassProvenEmpty >= this.#passNumber - 1;
    return this.#lastPassProvenEmpty > 0 && isLatestFinding && !this.#pass.hasSeenItems;
  }

  /**
   * A candidate, which nobody else in this process is given until it is settled, or `null` when no
   * item stayed in the bank since the mark.
   */
  async take(mark: number, patience: Patience): Promise<Candidate | null> {
    for (;;) {
      const isCrowded = this.#inFlight.size >= this.#maxInFlight;
      for (const item of isCrowded ? [] : this.#available) {
        this.#available.delete(item);
        this.#inFlight.add(item);
        this.#readAhead();
        return { item, pageNumber: this.#pageNumber };
      }
      if (this.#lastPassProvenEmpty > mark) return null;
      patience.assertLeft();
      const isAllInFlight =
        this.#pass.isComplete && this.#passNumber > mark && this.#inFlight.size > 0;
      this.#waitingCalls++;
      try {
        await (isCrowded || isAllInFlight ? this.#nextSettlement() : this.#readOn());
      } finally {
        this.#waitingCalls--;
      }
    }
  }

  settle({ item, pageNumber }: Candidate, fate: Fate): void {
    this.#inFlight.delete(item);
    switch (fate) {
      case 'kept':
        this.#available.add(item);
        break;
      case 'won':
        this.#noteDeparture(item);
        this.#maxInFlight++;
        break;
      case 'gone':
        this.#isSpreading = false;
        this.#noteDeparture(item);
        this.#noteSetback(pageNumber);
        break;
      case 'obstructed':
        // Let go of: by the time that the obstacle has passed, another one is the better choice.
        this.#pass.hasLeftOutItems = true;
        this.#isSpreading = true;
        this.#noteSetback(pageNumber);
        break;
    }
    this.#noteProof();
    this.#wakeUpCalls();
  }

  /** As many as may try now: to wake thousands for each settlement would take longer than to serve them. */
  #wakeUpCalls(): void {
    const isLastSettlement = this.#inFlight.size === 0;
    const mayTry = Math.max(1, Math.ceil(this.#maxInFlight - this.#inFlight.size));
    const woken = this.#wakeUps.splice(0, isLastSettlement ? this.#wakeUps.length : mayTry);
    for (const wakeUp of woken) wakeUp();
  }

  #noteDeparture(item: string): void {
    if (this.#reading !== null) this.#goneWhileReading.add(item);
  }

  #nextSettlement(): Promise<void> {
    return new Promise((resolve) => this.#wakeUps.push(resolve));
  }

  /** This stretch of the table is another process's, or throttled: leaves it for another one. */
  #noteSetback(pageNumber: number): void {
    const halved = Math.min(this.#maxInFlight, this.#inFlight.size) / 2;
    this.#maxInFlight = Math.max(MIN_IN_FLIGHT, halved);
    const hasLeftAlready = pageNumber !== this.#pageNumber;
    const isNothingToLeave = this.#available.size === 0 && this.#pass.isComplete;
    if (hasLeftAlready || isNothingToLeave) return;
    this.#available.clear();
    this.#pageNumber++;
    this.#beginPass();
  }

  /** The next page arrives while the last candidates of this one are being tried. */
  #readAhead(): void {
    const isRunningLow = this.#available.size < this.#inFlight.size;
    // A failure is told to the call that needs the page: it reads again.
    if (isRunningLow && !this.#pass.isComplete) this.#readOn().catch(() => {});
  }

  /** One scan is under way at a time, and whoever needs candidates waits for that one. */
  #readOn(): Promise<void> {
    this.#reading ??= this.#readNextPage().finally(() => {
      this.#reading = null;
    });
    return this.#reading;
  }

  async #readNextPage(): Promise<void> {
    if (this.#pass.isComplete) this.#beginPass();
    const pass = this.#pass;
    this.#goneWhileReading.clear();
    const demand = this.#inFlight.size + this.#waitingCalls;
    const startKey = pass.nextKey;
    const { items, nextKey } = await this.#readPage(
      startKey,
      this.#isSpreading ? Math.min(demand, MAX_DEMAND_WHILE_SPREADING) : demand,
    );
    const hasJumpedAway = pass !== this.#pass;
    if (hasJumpedAway) return;

    this.#pageNumber++;
    const availableBefore = this.#available.size;
    for (const item of shuffled(items)) {
      if (this.#inFlight.has(item) || this.#goneWhileReading.has(item)) {
        pass.hasLeftOutItems = true;
      } else {
        pass.hasSeenItems = true;
        this.#available.add(item);
      }
    }
    const hasBroughtItems = this.#available.size > availableBefore;
    const goesElsewhere = this.#isSpreading && hasBroughtItems && !pass.isFromHead;
    pass.nextKey = goesElsewhere && nextKey !== null ? runtime.uuid() : nextKey;
    if (nextKey === null) {
      // From the head once more to the very end, and not only to where the pass began: that place
      // means nothing in a store that ignores made-up keys.
      pass.isComplete = pass.isFromHead;
      pass.isOnePage = pass.isFromHead && startKey === null;
      pass.isFromHead = true;
    }
    this.#noteProof();
  }

  #beginPass(): void {
    // Where one page shows all that is left, there is no other place to begin at.
    const startKey = this.#pass.isOnePage ? null : runtime.uuid();
    this.#passNumber++;
    this.#pass = {
      nextKey: startKey,
      isFromHead: startKey === null,
      isComplete: false,
      isOnePage: false,
      hasSeenItems: false,
      hasLeftOutItems: false,
    };
  }

  #noteProof(): void {
    const isNothingLeft = this.#available.size === 0 && this.#inFlight.size === 0;
    const isProof = this.#pass.isComplete && !this.#pass.hasLeftOutItems;
    if (isProof && isNothingLeft) this.#lastPassProvenEmpty = this.#passNumber;
  }
}

function shuffled(items: readonly string[]): string[] {
  const result = [...items];
  for (let last = result.length - 1; last > 0; last--) {
    const other = Math.floor(runtime.random() * (last + 1));
    [result[last], result[other]] = [result[other] as string, result[last] as string];
  }
  return result;
}
