// Reads the bank page by page, one read at a time. A read that stalls does not stop the process: a second
// read begins at another place, and the first answer counts.
import { runtime } from '../../environment/runtime.js';

export interface Page {
  readonly items: readonly string[];
  /** Where the next page starts; `null` when this one reached the end of the table. */
  readonly nextKey: string | null;
}

/**
 * Reads one page, strongly consistent, after `startKey`, which need not exist, or from the head. The page
 * should have `demand` items or more, because so many calls want one. Calls `onThrottled` when throttled.
 */
export type ReadPage = (
  startKey: string | null,
  demand: number,
  onThrottled: () => void,
) => Promise<Page>;

export interface Read<Pass> {
  /** Later reads have higher numbers. */
  readonly number: number;
  /** The pass to which its page belongs. */
  readonly pass: Pass;
  /** The pass that was under way when the read began. If another one is by now, the page is dropped. */
  readonly replaces: Pass;
  readonly startKey: string | null;
  readonly demand: number;
  /** Items that left the bank while the page was on its way: the page may still show them. */
  readonly goneMeanwhile: Set<string>;
}

export type PlannedRead<Pass> = Omit<Read<Pass>, 'number' | 'goneMeanwhile'>;

export interface PageReaderOwner<Pass> {
  /** Whether somebody waits for the page. */
  isPageAwaited(): boolean;
  /** A read at another place than the one that stalls. */
  planElsewhere(): PlannedRead<Pass>;
  acceptPage(read: Read<Pass>, page: Page): void;
  acceptFailure(read: Read<Pass>, error: unknown): void;
}

const MIN_SLOW_MS = 300;
const SLOW_FACTOR = 3;
/** If the latest read was shorter than usual, its weight in the average. */
const LATEST_SHARE = 1 / 8;

export class PageReader<Pass> {
  readonly #readPage: ReadPage;
  readonly #owner: PageReaderOwner<Pass>;
  /** The read under way, and the second one if it has begun; empty once one of them was answered. */
  #underWay: Read<Pass>[] = [];
  #readsBegun = 0;
  #usualMs = 0;
  #isSlow = false;
  #hasSecondBegun = false;
  /** If the table is throttled, no second read begins. */
  #isThrottled = false;
  #stopTimer = () => {};

  constructor(readPage: ReadPage, owner: PageReaderOwner<Pass>) {
    this.#readPage = readPage;
    this.#owner = owner;
  }

  get isReading(): boolean {
    return this.#underWay.length > 0;
  }

  isUnderWay(number: number): boolean {
    return this.#underWay.some((read) => read.number === number);
  }

  get readsBegun(): number {
    return this.#readsBegun;
  }

  noteDeparture(item: string): void {
    for (const { goneMeanwhile } of this.#underWay) goneMeanwhile.add(item);
  }

  begin(planned: PlannedRead<Pass>): void {
    this.#isSlow = false;
    this.#hasSecondBegun = false;
    this.#isThrottled = false;
    const slowMs = Math.max(MIN_SLOW_MS, SLOW_FACTOR * this.#usualMs);
    this.#stopTimer = runtime.after(slowMs, () => {
      this.#isSlow = true;
      this.beginSecondIfNeeded();
    });
    this.#begin(planned);
  }

  /** Call it when a call begins to wait for the page. */
  beginSecondIfNeeded(): void {
    const isStalled = this.isReading && this.#isSlow && !this.#isThrottled;
    if (!isStalled || this.#hasSecondBegun || !this.#owner.isPageAwaited()) return;
    this.#hasSecondBegun = true;
    this.#begin(this.#owner.planElsewhere());
  }

  #begin(planned: PlannedRead<Pass>): void {
    const read = { ...planned, number: ++this.#readsBegun, goneMeanwhile: new Set<string>() };
    this.#underWay.push(read);
    void this.#carryOut(read);
  }

  async #carryOut(read: Read<Pass>): Promise<void> {
    const startMs = runtime.nowMs();
    const isUnderWay = () => this.isUnderWay(read.number);
    const onThrottled = () => {
      this.#isThrottled ||= isUnderWay();
    };
    let page: Page;
    try {
      page = await this.#readPage(read.startKey, read.demand, onThrottled);
    } catch (error) {
      if (isUnderWay()) this.#fail(read, error);
      return;
    }
    const isLate = !isUnderWay();
    if (isLate) return;
    if (!this.#isThrottled) this.#noteDuration(runtime.nowMs() - startMs);
    this.#end();
    this.#owner.acceptPage(read, page);
  }

  /** While the other read is under way, this failure is ignored. */
  #fail(read: Read<Pass>, error: unknown): void {
    this.#underWay = this.#underWay.filter((other) => other !== read);
    if (this.isReading) return;
    this.#end();
    this.#owner.acceptFailure(read, error);
  }

  #end(): void {
    this.#underWay = [];
    this.#stopTimer();
  }

  /** Rises at once, since each read takes longer than the last when few items are left. Falls slowly. */
  #noteDuration(durationMs: number): void {
    const share = durationMs > this.#usualMs ? 1 : LATEST_SHARE;
    this.#usualMs += (durationMs - this.#usualMs) * share;
  }
}
