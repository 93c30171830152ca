import { runtime } from '../environment/runtime.js';
import { attachedState } from '../store-kit/attached-state.js';

/** A set from which a given or a random element is taken in constant time. */
export class MemoryBank {
  readonly #items: string[] = [];
  /** From each item to its place in `#items`. */
  readonly #places = new Map<string, number>();
  /** Every item that was ever added; `null` when items may be added more than once. */
  readonly #ledger: Set<string> | null;

  readonly name: string | null;

  constructor(hasLedger: boolean, name: string | null) {
    this.name = name;
    this.#ledger = hasLedger ? new Set() : null;
  }

  /** In no particular order. */
  get items(): readonly string[] {
    return this.#items;
  }

  get hasLedger(): boolean {
    return this.#ledger !== null;
  }

  /** Returns whether the item was new to the bank and its ledger. */
  add(item: string): boolean {
    if (this.#ledger !== null && !this.enter(item)) return false;
    return this.giveBack(item);
  }

  /** Enters the item into the ledger alone. Returns whether it was new to the ledger. */
  enter(item: string): boolean {
    const isNew = this.#ledger?.has(item) === false;
    this.#ledger?.add(item);
    return isNew;
  }

  /** Returns whether the item was not in the bank. Does not check the ledger. */
  giveBack(item: string): boolean {
    if (this.#places.has(item)) return false;
    this.#places.set(item, this.#items.length);
    this.#items.push(item);
    return true;
  }

  /** The item has left the bank for good. With a ledger, it cannot be added again. */
  retire(item: string): void {
    this.enter(item);
  }

  has(item: string): boolean {
    return this.#places.has(item);
  }

  /** Items in random order, without taking them. */
  choose(count: number): string[] {
    const chosen = new Set<string>();
    const isAll = count >= this.#items.length;
    if (isAll) return [...this.#items];
    while (chosen.size < count) {
      const index = Math.floor(runtime.random() * this.#items.length);
      chosen.add(this.#items[index] as string);
    }
    return [...chosen];
  }

  /** Takes a random item; `null` when there is none. */
  take(): string | null {
    const [item] = this.choose(1);
    if (item === undefined) return null;
    this.remove(item);
    return item;
  }

  /** Takes an item that is in the bank. */
  remove(item: string): void {
    const place = this.#places.get(item) as number;
    const last = this.#items.pop() as string;
    this.#places.delete(item);
    if (last === item) return;
    this.#items[place] = last;
    this.#places.set(last, place);
  }
}

export const memoryBanks = attachedState<MemoryBank>('memory.item-bank.5');
