import { attachedState } from '../attached-state.js';
import { runtime } from '../runtime.js';

/** A set from which a random element is taken in constant time. */
export class MemoryBank {
  readonly #items: string[] = [];
  readonly #members = new Set<string>();

  /** Whether the item is new to the bank. */
  add(item: string): boolean {
    if (this.#members.has(item)) return false;
    this.#members.add(item);
    this.#items.push(item);
    return true;
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

export const memoryBanks = attachedState<MemoryBank>('memory.item-bank.1');
