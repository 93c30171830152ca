import { attachedState } from '../attached-state.js';
import { runtime } from '../runtime.js';

/** A set from which a random element is taken in constant time. */
export class MemoryBank {
  readonly #items: string[] = [];
  readonly #members = new Set<string>();
  /** Every item that ever entered; `null` when items may enter more than once. */
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

  /** Whether the item is new to the bank and its ledger. */
  add(item: string): boolean {
    if (this.#ledger?.has(item)) return false;
    this.#ledger?.add(item);
    return this.giveBack(item);
  }

  /** Whether the bank did not hold the item. The ledger is not asked. */
  giveBack(item: string): boolean {
    if (this.#members.has(item)) return false;
    this.#members.add(item);
    this.#items.push(item);
    return true;
  }

  /** The item has left the bank for good, and does not enter again where there is a ledger. */
  retire(item: string): void {
    this.#ledger?.add(item);
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

export const memoryBanks = attachedState<MemoryBank>('memory.item-bank.3');
