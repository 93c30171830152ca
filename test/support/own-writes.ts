// Counters for own writes in memory.
import type { MemoryWrite } from 'storagebox/memory';

export function ownWritesInMemory() {
  const counters = new Map<string, number>();
  const countOf = (name: string) => counters.get(name) ?? 0;
  return {
    adding:
      (name: string): MemoryWrite =>
      () => {
        counters.set(name, countOf(name) + 1);
      },
    addingInVain:
      (name: string): MemoryWrite =>
      () => {
        throw new Error(`The test refuses "${name}".`);
      },
    countOf: async (name: string) => countOf(name),
  };
}
