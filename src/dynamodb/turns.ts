import { runtime } from '../runtime.js';

/** A request that stalls in one turn is not to hold up those who wait for the next. */
const MAX_WAIT_MS = 500;

/**
 * Lets calls go on in groups, one group after the other: all that come while one has its turn share
 * the next turn, and with it their requests.
 */
export class Turns {
  #turnNumber = 0;
  #isTaken = false;
  #waiting: ((turnNumber: number) => void)[] = [];

  get isTaken(): boolean {
    return this.#isTaken;
  }

  /** Resolves when the call's turn has come, to what ends it. The first of a group to end ends it for all. */
  async next(): Promise<() => void> {
    const turn = new Promise<number>((resolve) => this.#waiting.push(resolve));
    if (!this.#isTaken) this.#begin();
    else if (this.#waiting.length === 1) this.#endInTime(this.#turnNumber);
    const turnNumber = await turn;
    return () => this.#end(turnNumber);
  }

  #begin(): void {
    const group = this.#waiting;
    this.#waiting = [];
    this.#turnNumber++;
    this.#isTaken = group.length > 0;
    for (const goOn of group) goOn(this.#turnNumber);
  }

  #end(turnNumber: number): void {
    if (turnNumber === this.#turnNumber) this.#begin();
  }

  #endInTime(turnNumber: number): void {
    runtime.sleep(MAX_WAIT_MS).then(() => this.#end(turnNumber));
  }
}
