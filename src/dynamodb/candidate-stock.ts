import { runtime } from '../runtime.js';

/** So many wins in a row until no other process is expected any more. */
const WINS_UNTIL_ALONE = 200;

/** A claim that stalls does not hold up the others for longer. */
const MAX_TRIAL_MS = 100;

/**
 * Items that may be tried, in the order in which the bank has them. All processes walk the same way, so
 * the first item of a page is the first that another process takes, too. Once another one was met, the
 * first item of a new page is tried alone, and the rest follows if it was there.
 */
export class CandidateStock {
  readonly #onRelease: () => void;
  readonly #ready = new Set<string>();
  #tried: string | null = null;
  #heldBack: readonly string[] = [];
  #winsUntilAlone = 0;
  #stopTimer = () => {};

  /** @param onRelease is called when a trial took too long and the rest follows all the same */
  constructor(onRelease: () => void) {
    this.#onRelease = onRelease;
  }

  get isEmpty(): boolean {
    return this.#ready.size === 0 && !this.isTrying;
  }

  /** Whether items are held back until another one was tried. */
  get isTrying(): boolean {
    return this.#tried !== null;
  }

  /** Whether there is less than what the calls that are in flight will want next. */
  isLow(inFlight: number): boolean {
    // The trial of the next page begins while there is enough for the time that it takes.
    const isAlone = this.#winsUntilAlone === 0;
    return this.#ready.size < (isAlone ? inFlight : 2 * inFlight);
  }

  takeNext(): string | null {
    for (const item of this.#ready) {
      this.#ready.delete(item);
      return item;
    }
    return null;
  }

  /** The items of the last page, of which little is left: all processes come to the same one. */
  addLastPage(items: readonly string[]): void {
    for (const item of shuffled(items)) this.#ready.add(item);
  }

  /** The items of a page behind which there are more. */
  addPage(items: readonly string[]): void {
    const [first] = items;
    const isAlone = this.#winsUntilAlone === 0;
    if (isAlone || this.isTrying || first === undefined) {
      for (const item of items) this.#ready.add(item);
      return;
    }
    const older = [...this.#ready];
    this.#ready.clear();
    for (const item of [first, ...older]) this.#ready.add(item);
    this.#tried = first;
    this.#heldBack = items.slice(1);
    this.#stopTimer = runtime.after(MAX_TRIAL_MS, () => {
      this.#tried = null;
      this.#addHeldBack();
      this.#onRelease();
    });
  }

  putBack(item: string): void {
    this.#ready.add(item);
    this.#endTrial(item);
  }

  noteWin(item: string): void {
    if (this.#winsUntilAlone > 0) this.#winsUntilAlone--;
    this.#endTrial(item);
  }

  noteLostRace(item: string): void {
    this.#winsUntilAlone = WINS_UNTIL_ALONE;
    this.#endTrial(item);
  }

  clear(): void {
    this.#ready.clear();
    this.#heldBack = [];
    this.#tried = null;
    this.#stopTimer();
  }

  #endTrial(item: string): void {
    if (item !== this.#tried) return;
    this.#stopTimer();
    this.#tried = null;
    this.#addHeldBack();
  }

  #addHeldBack(): void {
    for (const item of this.#heldBack) this.#ready.add(item);
    this.#heldBack = [];
  }
}

function shuffled(items: readonly string[]): string[] {
  const result = [...items];
  for (let last = result.length - 1; last > 0; last--) {
    const other = Math.floor(runtime.random() * (last + 1));
    [result[last], result[other]] = [result[other] as string, result[last] as string];
  }
  return result;
}
