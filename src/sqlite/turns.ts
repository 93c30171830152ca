// The turns of the event loop. A driver answers at once, so calls of one turn meet only if they wait for each other.
import { nextTick } from 'node:process';
import { setImmediate } from 'node:timers';
import { runtime } from '../environment/runtime.js';

/** So long may a caller that asks again and again keep other work of the process from its turn. */
const MAX_TURN_MS = 20;

/** Lets other work of the process come first, and calls that are about to be made. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** Says which changes have to wait for others that may come in the same turn. */
export class Turns {
  /** When the first change of this turn came; `null`: none has come. */
  #startMs: number | null = null;
  /** Whether a caller is continuing with its answer. */
  #isAnswering = false;
  /** Whether the last group had several changes. */
  #isRush = false;

  /**
   * In a rush no change may. Otherwise the first of a turn may, so that a caller that is alone need not wait, and so
   * may that caller's next ones. Those of others wait for each other.
   */
  mayGoAtOnce(): boolean {
    if (this.#isRush) return false;
    const nowMs = runtime.nowMs();
    if (this.#startMs !== null) return this.#isAnswering && nowMs - this.#startMs < MAX_TURN_MS;
    this.#startMs = nowMs;
    setImmediate(() => {
      this.#startMs = null;
    });
    return true;
  }

  noteAnswer(): void {
    if (this.#isAnswering) return;
    this.#isAnswering = true;
    // When all that follows from the answer has been done.
    nextTick(() => {
      this.#isAnswering = false;
    });
  }

  noteGroup(size: number): void {
    this.#isRush = size > 1;
  }
}
