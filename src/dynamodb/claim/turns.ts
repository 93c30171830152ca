import { runtime } from '../../environment/runtime.js';

/** A request that stalls in one turn must not hold up the calls that wait for the next for longer. */
const MAX_WAIT_MS = 500;

/**
 * Lets calls run in groups, one group after the other: all calls that come during a turn share the next
 * turn, and with it their requests.
 */
export class Turns {
  #turnNumber = 0;
  /** The number of calls whose turn it is; 0 when no turn is taken. */
  #groupSize = 0;
  #waiting: ((turnNumber: number) => void)[] = [];

  get isTaken(): boolean {
    return this.#groupSize > 0;
  }

  /** Resolves when the call's turn comes, with a function that ends the turn for the whole group. */
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

  /** In a rush: a caller that gets its answer now and asks again at once joins the next turn. */
  async #beginInAMoment(): Promise<void> {
    await runtime.sleep(0);
    this.#begin();
  }

  async #endInTime(turnNumber: number): Promise<void> {
    await runtime.sleep(MAX_WAIT_MS);
    this.#end(turnNumber);
  }
}
