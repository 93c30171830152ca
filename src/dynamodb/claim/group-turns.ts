import { Gate } from '../../store-kit/gate.js';
import type { Patience } from '../../store-kit/patience.js';

/** More than one, so that a request that stalls does not hold up every other group of the process. */
const MIN_GROUPS_AT_ONCE = 2;

/**
 * How many groups of a process try at once. Near the end of the bank, groups that try for the same items
 * mostly refuse each other; fewer at once waste fewer requests, and each has its answer sooner. The right
 * number is found as in TCP's congestion control: all at first, one more after each success, half after each
 * setback.
 */
export class GroupTurns {
  #limit = Number.POSITIVE_INFINITY;
  #underWay = 0;
  readonly #gate = new Gate((underWay) => underWay < this.#limit, 'Other groups came first.');

  /** @throws ContentionError or the signal's reason when the patience ends before the turn comes */
  take<Result>(patience: Patience, turn: () => Promise<Result>): Promise<Result> {
    return this.#gate.pass(
      () => patience,
      async () => {
        this.#underWay++;
        return turn().finally(() => this.#underWay--);
      },
    );
  }

  /** A group has its answer: its items, or the proof that there are too few. */
  noteSuccess(): void {
    this.#limit++;
  }

  /** Others took or were using an item that a group tried for. */
  noteSetback(): void {
    const halved = Math.min(this.#limit, this.#underWay) / 2;
    this.#limit = Math.max(MIN_GROUPS_AT_ONCE, halved);
  }
}
