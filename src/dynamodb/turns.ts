import { runtime } from '../runtime.js';

/** A request that stalls in one turn is not to hold up those who wait for the next. */
const MAX_WAIT_MS = 500;

/**
 * Lets calls go on in groups, one group after the other: all that come while one has its turn share
 * the next turn, and with it their requests.
 */
export class Turns {
  #turnNumber = 0;
  /** Of the calls whose turn it is; 0 when the next turn is free. */
  #groupSize = 0;
  #waiting: ((turnNumber: number) => void)[] = [];

  get isTaken(): boolean {
    return this.#groupSize > 0;
  }

  /** Resolves when the call's turn has come, to what ends it. The first of a group to end ends it for all. */
  async next(): Promise<() => void> {
    const turn = new Promise<number>((resolve) => this.#waiting.push(resolve));
    if (!this.isTaken) this.#begin();
    else if (this.#waiting.length === 1) void this.#endInTime(this.#turnNumber);
    const turnNumber = await turn;
    return () => this.#end(turnNumber);
  }

  #begin(): void {
    const group = this.#waiting;
    const turnNumber = this.#turnNumber;
    this.#waiting = [];
    this.#groupSize = group.length;
    for (const goOn of group) goOn(turnNumber);
  }

  #end(turnNumber: number): void {
    if (turnNumber !== this.#turnNumber) return;
    this.#turnNumber++;
    const isRush = this.#groupSize + this.#waiting.length > 1;
    if (isRush) void this.#beginInAMoment();
    else this.#begin();
  }

  /** In a rush: who is answered now and asks again at once is in the next turn. */
  async #beginInAMoment(): Promise<void> {
    await runtime.sleep(0);
    this.#begin();
  }

  async #endInTime(turnNumber: number): Promise<void> {
    await runtime.sleep(MAX_WAIT_MS);
    this.#end(turnNumber);
  }
}
