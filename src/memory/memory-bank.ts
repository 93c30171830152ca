import { runtime } from '../environment/runtime.js';
import { attachedState } from '../store-kit/attached-state.js';

/** A set from which a random element is taken in constant time. */
export class MemoryBank {
  readonly #items: string[] = [];
  readonly #members = new Set<string>();
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
    if (this.#members.has(item)) return false;
    this.#members.add(item);
    this.#items.push(item);
    return true;
  }

  /** The item has left the bank for good. With a ledger, it cannot be added again. */
  retire(item: string): void {
    this.enter(item);
  }

  take(): string | null {
    const last = this.#items.pop();
    if (last === undefined) return null;
    const index = Math.floor(runtime.random() * (this.#items.length + 1));
    const taken = this.#items[index] ?? last;
    if (taken !== last) this.#items[index] = last;
    this.#members.delete(taken);
    return taken;
  }
}

export const memoryBanks = attachedState<MemoryBank>('memory.item-bank.4');
