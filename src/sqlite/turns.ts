// The turns of the event loop. A driver answers at once, so calls of one turn meet only if the first of them waits.
import { setImmediate } from 'node:timers';

/** Lets other work of the process come first, and calls that are about to be made. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** Says which changes have to wait for others that may come in the same turn. */
export class Turns {
  /** Whether a change of this turn went at once. */
  #isTaken = false;
  /** Whether the last group had several changes. */
  #isRush = false;

  /**
   * `undefined` if a change may go at once: in a rush none may. Otherwise the first of a turn may, so that a caller
   * that is alone need not wait, and the second one may not.
   */
  gather(): Promise<void> | undefined {
    if (this.#isRush || this.#isTaken) return nextTurn();
    this.#isTaken = true;
    setImmediate(() => {
      this.#isTaken = false;
    });
    return undefined;
  }

  noteGroup(size: number): void {
    this.#isRush = size > 1;
  }
}
