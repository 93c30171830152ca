/** More than one, so that a request that stalls does not hold up every other call of the process. */
const MIN_ATTEMPTS = 2;

/** After several setbacks in a row, only a few items can be left for many processes. */
const MIN_ATTEMPTS_AT_THE_END = 1;

/** Of the items that the first page shows: how many other processes see them, nobody knows yet. */
const FIRST_SHARE = 1 / 32;

/** A larger page would be a stretch that one partition cannot serve in a moment. */
const MAX_ROWS_WHILE_SPREADING = 100;

/** With that many wins in a row, as many as a page brings, an obstacle has passed. */
const WINS_UNTIL_PASSED = MAX_ROWS_WHILE_SPREADING;

/**
 * How many claims a process tries at once. Where more callers are than items, or than the table has
 * capacity for, trying less at once is what avoids setbacks. How many others there are is found out as
 * on a network: by a small beginning, one more after each success, which is twice as many in each
 * round, and half of it after each setback.
 */
export class AttemptWindow {
  #limit = Number.POSITIVE_INFINITY;
  #winsUntilPassed = 0;
  #setbacksInARow = 0;

  hasRoom(attempts: number): boolean {
    return attempts < this.#limit;
  }

  /** Whether an obstacle was met lately: a stretch of the table is one partition, which throttles. */
  get isSpreading(): boolean {
    return this.#winsUntilPassed > 0;
  }

  /** How many rows a page should have when that many calls want one. */
  rowsFor(demand: number): number {
    // More would be taken by others before they are tried here.
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
    if (this.#winsUntilPassed > 0) this.#winsUntilPassed--;
  }

  /** @param attempts how many others are under way */
  noteLostRace(attempts: number): void {
    this.#winsUntilPassed = 0;
    this.#halve(attempts);
  }

  noteObstacle(attempts: number): void {
    this.#winsUntilPassed = WINS_UNTIL_PASSED;
    this.#halve(attempts);
  }

  /** An attempt stalls while calls wait: lets one more try. */
  noteStall(attempts: number): void {
    this.#limit = Math.max(this.#limit, attempts + 1);
  }

  #halve(attempts: number): void {
    this.#setbacksInARow++;
    const minAttempts = this.#setbacksInARow === 1 ? MIN_ATTEMPTS : MIN_ATTEMPTS_AT_THE_END;
    this.#limit = Math.max(minAttempts, Math.min(this.#limit, attempts) / 2);
  }
}
