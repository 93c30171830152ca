/**
 * How many calls may share a write. Found as in TCP's congestion control: start with one, or with what the
 * store says; double after each full group that commits until the first setback, from then on add one; halve
 * after each setback.
 */
export class GroupWindow {
  #size: number;
  #hasHadSetback = false;

  constructor(firstSize = 1) {
    this.#size = firstSize;
  }

  get size(): number {
    return this.#size;
  }

  /** @param maxSize the most calls that the group could have had, whatever the window */
  noteCommit(groupSize: number, maxSize: number): void {
    const isFull = groupSize >= this.#size;
    if (!isFull) return;
    const grown = this.#hasHadSetback ? this.#size + 1 : this.#size * 2;
    this.#size = Math.max(this.#size, Math.min(grown, maxSize));
  }

  noteSetback(): void {
    this.#hasHadSetback = true;
    this.#size = Math.max(1, Math.floor(this.#size / 2));
  }

  noteThrottling(): void {
    this.#hasHadSetback = true;
    this.#size = 1;
  }
}
