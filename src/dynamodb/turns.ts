import { runtime } from '../runtime.js';

/** A turn that takes longer, as when a request stalls, does not keep later calls waiting. */
const MAX_TURN_MS = 500;

interface Turn {
  readonly startMs: number;
}

/**
 * Lets calls go on in groups, one group after the other: all that come while one has its turn share
 * the next turn, and with it their requests.
 */
export class Turns {
  #current: Turn | null = null;
  readonly #waiting: ((turn: Turn) => void)[] = [];

  get isTaken(): boolean {
    return this.#current !== null;
  }

  /** Resolves when the call's turn has come, to what ends it. The first of a group to end ends it for all. */
  async next(): Promise<() => void> {
    const turn = new Promise<Turn>((resolve) => this.#waiting.push(resolve));
    const isStalled =
      this.#current !== null && runtime.nowMs() - this.#current.startMs > MAX_TURN_MS;
    if (this.#current === null || isStalled) this.#begin();
    const mine = await turn;
    return () => {
      if (this.#current === mine) this.#begin();
    };
  }

  #begin(): void {
    const group = this.#waiting.splice(0);
    const turn = { startMs: runtime.nowMs() };
    this.#current = group.length === 0 ? null : turn;
    for (const goOn of group) goOn(turn);
  }
}
