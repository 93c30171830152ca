// How fast items are given, from the times of the assignments in one reading of the table.

const WINDOW_MS = 60_000;

export class Pace {
  given = 0;
  givenInLastMinute = 0;
  readonly #atMs: number;
  #firstMs = Number.POSITIVE_INFINITY;

  /** Counts the minute that ends at the time: what is given during the reading is seen in part only. */
  constructor(at: Date) {
    this.#atMs = at.getTime();
  }

  /** `null`: of a row that does not tell its time. */
  note(assignedAt: Date | null): void {
    this.given++;
    const timeMs = assignedAt?.getTime() ?? Number.NEGATIVE_INFINITY;
    if (timeMs <= this.#atMs - WINDOW_MS || timeMs > this.#atMs) return;
    this.givenInLastMinute++;
    this.#firstMs = Math.min(this.#firstMs, timeMs);
  }

  /**
   * Over the time since the first assignment within the minute: a sale that began 9 seconds ago has
   * given nothing in the 51 before. One assignment alone tells no pace, so it counts for the minute.
   */
  perSecond(): number {
    const spanMs = this.#atMs - this.#firstMs;
    if (this.givenInLastMinute < 2 || spanMs <= 0) {
      return (this.givenInLastMinute / WINDOW_MS) * 1_000;
    }
    // The first one begins the span.
    return ((this.givenInLastMinute - 1) / spanMs) * 1_000;
  }
}
