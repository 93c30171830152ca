/** Gives numbers from 0 up to, but not including, 1. */
export type Random = () => number;

/** The same numbers for the same seed, evenly spread (the generator known as "mulberry32"). */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function pick<Element>(elements: readonly Element[], random: Random): Element {
  const element = elements[Math.floor(random() * elements.length)];
  if (element === undefined) throw new RangeError('Expected something to pick from, got nothing');
  return element;
}
