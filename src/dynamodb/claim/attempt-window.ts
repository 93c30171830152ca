/** More than one, so that a request that stalls does not hold up every other call of the process. */
const MIN_ATTEMPTS = 2;

/** After several setbacks in a row there may be only a few items left for many processes. */
const MIN_ATTEMPTS_AT_THE_END = 1;

/** The part of the first page that is tried at once: many other processes may see the same items. */
const FIRST_SHARE = 1 / 32;

/** One partition, which holds neighbouring rows, cannot serve the claims of a larger page quickly. */
const MAX_ROWS_WHILE_SPREADING = 100;

/**
 * How many claims a process tries at once. If there are more callers than items, or more than the table
 * has capacity for, fewer claims at once mean fewer setbacks. The right number is found as in TCP's
 * congestion control: start small, add one after each success (twice as many in each round), and halve
 * it after each setback.
 */
export class AttemptWindow {
  #limit = Number.POSITIVE_INFINITY;
  #setbacksInARow = 0;
  #isSpreading = false;

  hasRoom(attempts: number): boolean {
    return attempts < this.#limit;
  }

  /** Whether to read small pages all over the table. */
  get isSpreading(): boolean {
    return this.#isSpreading;
  }

  /** How many rows a page should have when that many calls want one. */
  rowsFor(demand: number): number {
    // Other processes would take further items before this one tries them.
    const usefulRows = Math.min(demand, Math.ceil(2 * this.#limit));
    return this.isSpreading ? Math.min(usefulRows, MAX_ROWS_WHILE_SPREADING) : usefulRows;
  }

  notePage(candidates: number): void {
    const isFirst = this.#limit === Number.POSITIVE_INFINITY;
    if (isFirst) this.#limit = Math.max(1, candidates * FIRST_SHARE);
  }

  noteWin(): void {
    this.#limit++;
    this.#setbacksInARow = 0;
  }

  /**
   * Another process took or was using the item, or the claim was throttled.
   *
   * @param attempts how many others are under way
   */
  noteSetback(attempts: number): void {
    this.#setbacksInARow++;
    const minAttempts = this.#setbacksInARow === 1 ? MIN_ATTEMPTS : MIN_ATTEMPTS_AT_THE_END;
    this.#limit = Math.max(minAttempts, Math.min(this.#limit, attempts) / 2);
  }

  /** Stays on for the rest of the sale: one partition, at 500 claims a second, is not enough. */
  spread(): void {
    this.#isSpreading = true;
  }

  /** An attempt stalls while calls wait: lets one more try. */
  noteStall(attempts: number): void {
    this.#limit = Math.max(this.#limit, attempts + 1);
  }
}
