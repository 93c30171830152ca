/** Something that is scheduled. */
export interface Actor {
  act(): void;
}

const ARITY = 4;

/** Virtual time, and who acts next: a heap with four children per node. */
export class EventQueue {
  #nowMs = 0;
  #size = 0;
  #times = new Float64Array(1_024);
  readonly #actors: Actor[] = [];

  get nowMs(): number {
    return this.#nowMs;
  }

  get size(): number {
    return this.#size;
  }

  /** An actor has at most one moment at a time. */
  schedule(atMs: number, actor: Actor): void {
    if (this.#size === this.#times.length) {
      const times = new Float64Array(this.#times.length * 2);
      times.set(this.#times);
      this.#times = times;
    }
    const times = this.#times;
    const actors = this.#actors;
    let place = this.#size++;
    while (place > 0) {
      const parent = (place - 1) >> 2;
      const parentTime = times[parent] as number;
      if (parentTime <= atMs) break;
      times[place] = parentTime;
      actors[place] = actors[parent] as Actor;
      place = parent;
    }
    times[place] = atMs;
    actors[place] = actor;
  }

  /** The next actor; time moves on to its moment. `null` when there is none up to `endMs`. */
  next(endMs: number): Actor | null {
    const times = this.#times;
    const actors = this.#actors;
    if (this.#size === 0 || (times[0] as number) > endMs) return null;
    const first = actors[0] as Actor;
    this.#nowMs = times[0] as number;
    const size = --this.#size;
    const lastTime = times[size] as number;
    const last = actors.pop() as Actor;
    if (size === 0) return first;
    let place = 0;
    for (;;) {
      const firstChild = place * ARITY + 1;
      if (firstChild >= size) break;
      const childrenEnd = Math.min(firstChild + ARITY, size);
      let smallest = firstChild;
      for (let child = firstChild + 1; child < childrenEnd; child++) {
        if ((times[child] as number) < (times[smallest] as number)) smallest = child;
      }
      const smallestTime = times[smallest] as number;
      if (smallestTime >= lastTime) break;
      times[place] = smallestTime;
      actors[place] = actors[smallest] as Actor;
      place = smallest;
    }
    times[place] = lastTime;
    actors[place] = last;
    return first;
  }
}
