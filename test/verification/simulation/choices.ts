// Where the scheduler's decisions come from. A run is a function of its choices, so a path of them
// replays it.

export interface Choices {
  /** One of `ordinary + faulty` possibilities, the ordinary ones first. */
  pick(ordinary: number, faulty: number): number;
  /** At least 0, below 1: what the library gets from `runtime.random`. */
  random(): number;
}

/**
 * A 32-bit generator of the xorshift family, the cheapest there is. Another one would make other
 * schedules of the seeds that are kept as regression cases.
 */
export function generator(seed: number): () => number {
  let state = (Math.imul(seed, 0x9e3779b1) ^ 0x5bd1e995) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 0x1_0000_0000;
  };
}

/** Takes a faulty possibility now and then, and among equals any. */
export function randomChoices(seed: number, faultShare: number): Choices {
  const next = generator(seed);
  return {
    pick: (ordinary, faulty) => {
      const isFaulty = ordinary === 0 || (faulty > 0 && next() < faultShare);
      return isFaulty ? ordinary + Math.floor(next() * faulty) : Math.floor(next() * ordinary);
    },
    random: next,
  };
}

/** Goes through every path of choices, depth first: `begin` a run, then `advance` to the next. */
export class EveryPath implements Choices {
  readonly #taken: number[] = [];
  readonly #possible: number[] = [];
  #depth = 0;

  begin(): void {
    this.#depth = 0;
  }

  /** Whether there is another path. */
  advance(): boolean {
    while (this.#taken.length > 0) {
      const last = this.#taken.length - 1;
      if ((this.#taken[last] as number) + 1 < (this.#possible[last] as number)) {
        this.#taken[last] = (this.#taken[last] as number) + 1;
        return true;
      }
      this.#taken.pop();
      this.#possible.pop();
    }
    return false;
  }

  get path(): readonly number[] {
    return this.#taken;
  }

  pick(ordinary: number, faulty: number): number {
    const depth = this.#depth++;
    const possible = ordinary + faulty;
    if (depth === this.#taken.length) {
      this.#taken.push(0);
      this.#possible.push(possible);
    }
    if (this.#possible[depth] !== possible) {
      throw new Error('The same choices led to another state: the simulation has lost control.');
    }
    return this.#taken[depth] as number;
  }

  // Orders the items of a page one way or the other; delays need no more.
  random(): number {
    return this.pick(2, 0) / 2;
  }
}

/** Goes one path again. */
export function replay(path: readonly number[]): Choices {
  let depth = 0;
  const pick = () => path[depth++] ?? 0;
  return { pick, random: () => pick() / 2 };
}
