// Group commit: in a rush, writes of many calls share one write to the store.

import { type Carrier, Gathering } from './gathering.js';
import { GroupWindow } from './group-window.js';
import { CLAIM_PATIENCE_MS, Patience } from './patience.js';
import type { Queue } from './queue.js';

/** One call's write. */
export interface GroupWrite {
  /** Two writes with the same key never share a group; with `null`, a write shares one with any. */
  readonly key: string | null;
  /** Of its call. If it has ended when the turn of the write comes, the write is dropped. */
  readonly patience: Patience;
  /** The most writes, this one included, that may share a group. 1: it goes alone. */
  readonly maxGroupSize: number;
}

export interface GroupOutcome<Outcome> {
  /** One for each write of the group, in its order. */
  readonly outcomes: readonly Outcome[];
  /** What became of the group as a whole: the size of later groups follows from it. */
  readonly group: 'committed' | 'setback' | 'throttled';
}

/**
 * Writes the group. The patience is that of the call with the most time left; its signal is aborted once
 * nobody waits for any of the writes.
 */
export type Commit<Write, Outcome> = (
  writes: readonly Write[],
  patience: Patience,
) => Promise<GroupOutcome<Outcome>>;

export interface GroupCommitOptions {
  /** How many writes may share the first group. Default: 1, for a store in which large groups can fail. */
  readonly firstGroupSize?: number;
  /** As in `Carrier`. */
  readonly stallMs?: number;
  /** As in `Carrier`: waited for before a group is put together. */
  readonly gather?: () => Promise<void> | undefined;
}

interface Waiting<Write, Outcome> {
  readonly write: Write;
  resolve(outcome: Outcome): void;
  reject(error: unknown): void;
}

/**
 * Writes go alone while few are under way. Further ones wait, first come, first served, and as soon as one
 * ends, the next ones go together. Those that wait are divided among the groups that may begin now, and no
 * group is larger than the {@link GroupWindow} allows.
 */
export class GroupCommit<Write extends GroupWrite, Outcome> {
  readonly #commit: Commit<Write, Outcome>;
  readonly #gathering: Gathering<Waiting<Write, Outcome>>;
  readonly #window: GroupWindow;

  constructor(
    maxUnderWay: number | Carrier<unknown>['maxUnderWay'],
    commit: Commit<Write, Outcome>,
    { firstGroupSize, stallMs, gather }: GroupCommitOptions = {},
  ) {
    this.#commit = commit;
    this.#window = new GroupWindow(firstGroupSize);
    this.#gathering = new Gathering({
      stallMs,
      maxUnderWay: typeof maxUnderWay === 'number' ? () => maxUnderWay : maxUnderWay,
      takeNext: (waiting, room) => this.#takeNext(waiting, room),
      carry: (group) => this.#carry(group),
      ...(gather !== undefined && { gather }),
    });
  }

  /** Whether a further write has to wait. */
  get isRush(): boolean {
    return this.#gathering.isFull;
  }

  /** Whether no write waits or is under way. */
  get isIdle(): boolean {
    return this.#gathering.isIdle;
  }

  /**
   * What became of the write, as `commit` tells.
   *
   * @throws ContentionError or the signal's reason when the patience ends before the write is sent
   * @throws what `commit` throws
   */
  write(write: Write): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      this.#gathering.add({ write, resolve, reject });
    });
  }

  #takeNext(waiting: Queue<Waiting<Write, Outcome>>, room: number): Waiting<Write, Outcome>[] {
    const group: Waiting<Write, Outcome>[] = [];
    const keys = new Set<string | null>();
    let maxSize = Math.min(this.#window.size, Math.ceil(waiting.size / room));
    for (let next = waiting.peek(); next !== undefined; next = waiting.peek()) {
      const { key, patience, maxGroupSize } = next.write;
      maxSize = Math.min(maxSize, maxGroupSize);
      if (group.length > 0 && (group.length >= maxSize || keys.has(key))) break;
      waiting.take();
      try {
        patience.assertLeft();
      } catch (error) {
        next.reject(error);
        continue;
      }
      group.push(next);
      if (key !== null) keys.add(key);
    }
    return group;
  }

  async #carry(group: readonly Waiting<Write, Outcome>[]): Promise<void> {
    const writes = group.map(({ write }) => write);
    try {
      const { outcomes, group: end } = await this.#commit(writes, patienceOf(writes));
      this.#note(end, writes);
      group.forEach(({ resolve }, index) => {
        resolve(outcomes[index] as Outcome);
      });
    } catch (error) {
      for (const { reject } of group) reject(error);
    }
  }

  #note(end: GroupOutcome<Outcome>['group'], writes: readonly Write[]): void {
    if (end === 'throttled') this.#window.noteThrottling();
    else if (end === 'setback') this.#window.noteSetback();
    else {
      const maxSize = Math.min(...writes.map(({ maxGroupSize }) => maxGroupSize));
      this.#window.noteCommit(writes.length, maxSize);
    }
  }
}

function patienceOf(writes: readonly GroupWrite[]): Patience {
  const [first, ...others] = writes.map(({ patience }) => patience) as [Patience, ...Patience[]];
  if (others.length === 0) return first;
  const patiences = [first, ...others];
  const waitedMs = Math.min(...patiences.map(({ elapsedMs }) => elapsedMs));
  return new Patience(CLAIM_PATIENCE_MS, allAborted(patiences), waitedMs);
}

/** Aborted once all of them are; `undefined` when one of them never is. */
function allAborted(patiences: readonly Patience[]): AbortSignal | undefined {
  const signals = patiences.flatMap(({ signal }) => signal ?? []);
  if (signals.length < patiences.length) return undefined;
  const controller = new AbortController();
  let waiting = signals.length;
  for (const signal of signals) {
    const leave = () => {
      if (--waiting === 0) controller.abort(signal.reason);
    };
    signal.addEventListener('abort', leave, { once: true });
  }
  return controller.signal;
}
