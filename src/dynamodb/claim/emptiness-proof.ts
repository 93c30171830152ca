import { BankPass } from './bank-pass.js';

/**
 * What the passes over the bank have proved. A complete pass proves that the bank is empty to the calls
 * that began before it, if every item that it saw was tried later and was gone. An item that was in flight
 * when the pass saw it is no proof: the attempt may be older than the pass, and the item may have come back
 * since.
 */
export class EmptinessProof {
  #pass: BankPass;
  #passesBegun = 0;
  #lastPassProvenEmpty = 0;
  #lastPassSeenEmpty = 0;

  constructor() {
    this.#pass = new BankPass(0, null);
    // No pass is under way before the first call needs one.
    this.#pass.isComplete = true;
  }

  /** The latest pass. */
  get pass(): BankPass {
    return this.#pass;
  }

  /** Only a pass that begins later proves something to the call that took the mark. */
  mark(): number {
    return this.#passesBegun;
  }

  /** Whether the bank was empty when it was last read. */
  get isFoundEmpty(): boolean {
    const isLatestFinding = this.#lastPassProvenEmpty >= this.#pass.number - 1;
    return this.#lastPassProvenEmpty > 0 && isLatestFinding && !this.#pass.hasSeenCandidates;
  }

  /** A pass that becomes the latest one when its first page is used. */
  newPass(startKey: string | null): BankPass {
    return new BankPass(++this.#passesBegun, startKey);
  }

  /** What earlier passes have left unfinished proves nothing any more. */
  goOnWith(pass: BankPass): void {
    this.#pass = pass;
  }

  /**
   * Call it after each page and each attempt, when every item that the pass saw has been tried.
   *
   * @returns whether something is proven that was not before
   */
  note(isEverythingTried: boolean): boolean {
    const { number, isComplete, hasLeftOutItems, hasSeenItems } = this.#pass;
    const isProof = isEverythingTried && isComplete && !hasLeftOutItems;
    if (!isProof || this.#lastPassProvenEmpty >= number) return false;
    this.#lastPassProvenEmpty = number;
    if (!hasSeenItems) this.#lastPassSeenEmpty = number;
    return true;
  }

  /**
   * Whether no item stayed in the bank since the mark.
   *
   * @param mustHaveSeenNone whether only a pass that saw no item at all is believed
   */
  holdsSince(mark: number, mustHaveSeenNone: boolean): boolean {
    const lastProof = mustHaveSeenNone ? this.#lastPassSeenEmpty : this.#lastPassProvenEmpty;
    return lastProof > mark;
  }
}
