import { runtime } from '../../environment/runtime.js';
import type { Page } from './page-reader.js';

/**
 * One pass over the bank: from a random key to the end, then from the head to the end. A complete pass
 * can prove that the bank is empty to calls that began before the pass.
 */
export class BankPass {
  /** Later passes have higher numbers. Set when the pass begins, not when its first page arrives. */
  readonly number: number;
  readonly startKey: string | null;
  nextKey: string | null;
  isComplete = false;
  /** Whether one page from the head showed all that there is. */
  isOnePage = false;
  hasSeenItems = false;
  /** Whether it has seen an item that was not in flight in this process. */
  hasSeenCandidates = false;
  /** Whether it has seen an item that was in flight, had just left the bank, or was given up. */
  hasLeftOutItems = false;
  #isFromHead: boolean;

  constructor(number: number, startKey: string | null) {
    this.number = number;
    this.startKey = startKey;
    this.nextKey = startKey;
    this.#isFromHead = startKey === null;
  }

  /** Continues after the page that was read from `startKey`; if `goesElsewhere`, at a random key. */
  advance(startKey: string | null, { items, nextKey }: Page, goesElsewhere: boolean): void {
    this.hasSeenItems ||= items.length > 0;
    if (nextKey !== null) {
      this.nextKey = goesElsewhere && !this.#isFromHead ? runtime.uuid() : nextKey;
      return;
    }
    this.nextKey = null;
    // From the head once more to the very end, and not only to where the pass began: that place
    // means nothing in a store that ignores made-up keys.
    this.isComplete = this.#isFromHead;
    this.isOnePage = this.#isFromHead && startKey === null;
    this.#isFromHead = true;
  }
}
