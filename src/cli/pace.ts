// How fast items are given, from the times of the assignments in one scan of the table.

const WINDOW_MS = 60_000;

export class Pace {
  given = 0;
  givenInLastMinute = 0;
  readonly #atMs: number;
  #firstMs = Number.POSITIVE_INFINITY;

  /** @param at the end of the minute that counts: a scan sees only a part of what is given during it */
  constructor(at: Date) {
    this.#atMs = at.getTime();
  }

  /** @param assignedAt `null` for a row without a time */
  note(assignedAt: Date | null): void {
    this.given++;
    const timeMs = assignedAt?.getTime() ?? Number.NEGATIVE_INFINITY;
    if (timeMs <= this.#atMs - WINDOW_MS || timeMs > this.#atMs) return;
    this.givenInLastMinute++;
    this.#firstMs = Math.min(this.#firstMs, timeMs);
  }

  /**
   * The rate since the first assignment within the minute: if a sale began 9 seconds ago, the 51 seconds
   * before do not count. A single assignment gives no rate, so it counts as one in the whole minute.
   */
  perSecond(): number {
    const spanMs = this.#atMs - this.#firstMs;
    if (this.givenInLastMinute < 2 || spanMs <= 0) {
      return (this.givenInLastMinute / WINDOW_MS) * 1_000;
    }
    // The first assignment is the start of the time span, so it is not counted in it.
    return ((this.givenInLastMinute - 1) / spanMs) * 1_000;
  }
}
