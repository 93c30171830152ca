import { runtime } from '../environment/runtime.js';
import type { Patience } from './patience.js';
import { Queue } from './queue.js';

/** How long a call may remain in the queue after its patience is over. */
const SWEEP_INTERVAL_MS = 250;

/** Whether one more action may run beside those. */
type HasRoom = (passing: number) => boolean;

/** Limits how many actions run at once. Further ones wait in a queue: first come, first served. */
export class Gate {
  /** `null` while the limit is not known: until then every action waits. */
  #hasRoom: HasRoom | null = null;
  #passing = 0;
  readonly #queue = new Queue<Waiting>();
  readonly #obstacle: ErrorOptions;
  #isSweeping = false;

  /**
   * @param limit may be a promise, which must not reject; a limit that changes is a function, and is asked
   *   when an action comes or ends
   * @param obstacle says why a call had to wait
   */
  constructor(limit: number | Promise<number> | HasRoom, obstacle: string) {
    this.#obstacle = { cause: new Error(obstacle) };
    if (typeof limit === 'function') this.#hasRoom = limit;
    else if (typeof limit === 'number') this.#hasRoom = upTo(limit);
    else void limit.then((known) => this.#open(upTo(known)));
  }

  /**
   * @param patience called only if the action has to wait
   * @param action receives the time that it waited, in milliseconds
   * @throws ContentionError or the signal's reason when the patience ends before the action begins
   */
  pass<Result>(
    patience: () => Patience,
    action: (waitedMs: number) => Promise<Result>,
  ): Promise<Result> {
    if (!this.#isOpen()) {
      const ofAction = patience();
      return this.#wait(ofAction).then(() => this.#run(action, ofAction.elapsedMs));
    }
    this.#passing++;
    return this.#run(action, 0);
  }

  async #run<Result>(
    action: (waitedMs: number) => Promise<Result>,
    waitedMs: number,
  ): Promise<Result> {
    try {
      return await action(waitedMs);
    } finally {
      this.#passing--;
      this.#admit();
    }
  }

  #isOpen(): boolean {
    return this.#hasRoom?.(this.#passing) ?? false;
  }

  #open(hasRoom: HasRoom): void {
    this.#hasRoom = hasRoom;
    this.#admit();
    void this.#sweep();
  }

  #wait(patience: Patience): Promise<void> {
    const turn = new Promise<void>((resolve, reject) => {
      this.#queue.add({ patience, resolve, reject });
    });
    if (this.#hasRoom !== null) void this.#sweep();
    return turn;
  }

  #admit(): void {
    while (this.#isOpen()) {
      const waiting = this.#queue.take();
      if (waiting === undefined) return;
      if (this.#turnAwayIfSpent(waiting)) continue;
      this.#passing++;
      waiting.resolve();
    }
  }

  /** One timer for all waiting calls, which runs only while there are any. */
  async #sweep(): Promise<void> {
    if (this.#isSweeping) return;
    this.#isSweeping = true;
    while (this.#queue.size > 0) {
      await runtime.sleep(SWEEP_INTERVAL_MS);
      this.#queue.takeWhere((waiting) => this.#turnAwayIfSpent(waiting));
    }
    this.#isSweeping = false;
  }

  #turnAwayIfSpent({ patience, reject }: Waiting): boolean {
    try {
      patience.assertLeft(this.#obstacle);
      return false;
    } catch (error) {
      reject(error);
      return true;
    }
  }
}

function upTo(limit: number): HasRoom {
  return (passing) => passing < limit;
}

interface Waiting {
  readonly patience: Patience;
  resolve(): void;
  reject(error: unknown): void;
}
