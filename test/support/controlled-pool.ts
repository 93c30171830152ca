// A candidate pool over a bank whose pages the test gives, one by one, and whose time the test moves.
import { onTestFinished, vi } from 'vitest';
import {
  type Candidate,
  CandidatePool,
  type Page,
  type Settlement,
  type TakeOptions,
} from '../../src/dynamodb/claim/candidate-pool.js';
import type { Contradictions } from '../../src/dynamodb/claim/contradictions.js';
import { runtime } from '../../src/environment/runtime.js';
import { Patience } from '../../src/store-kit/patience.js';
import { controlledTime, settled } from './virtual-time.js';

/** In place of the answer of a call that has none yet. */
export const WAITS = 'still waits';

export const rows = (count: number, name = 'item') =>
  Array.from({ length: count }, (_, index) => `${name}-${index}`);

export interface Call {
  /** An item, `null`, what was thrown, or {@link WAITS}. */
  readonly answer: unknown;
  /** Whether it has a candidate that is not settled yet. */
  readonly isTrying: boolean;
  /** What becomes of its candidate. */
  settle(settlement: Settlement, contradictions?: Contradictions): Promise<void>;
}

export interface CallOptions extends TakeOptions {
  readonly mark?: number;
  readonly patience?: Patience;
}

export interface PoolRead {
  readonly startKey: string | null;
  readonly demand: number;
  readonly isUnderWay: boolean;
  readonly onThrottled: () => void;
  answer(items: readonly string[], nextKey?: string | null): Promise<void>;
  fail(message: string): Promise<void>;
}

export type ControlledPool = ReturnType<typeof controlled>;

/** Made-up start keys are `key-1`, `key-2` and so on. */
export function controlled() {
  const { timers, passMs } = controlledTime();
  let madeUpKeys = 0;
  const uuid = vi.spyOn(runtime, 'uuid').mockImplementation(() => `key-${++madeUpKeys}`);
  onTestFinished(() => uuid.mockRestore());
  const reads: PoolRead[] = [];
  const pool = new CandidatePool((startKey, demand, onThrottled) => {
    const { promise, read } = newRead(startKey, demand, onThrottled);
    reads.push(read);
    return promise;
  });

  /** The only one: a pool that reads two pages at once, or none, does not get by. */
  const readUnderWay = () => {
    const [read, ...others] = reads.filter(({ isUnderWay }) => isUnderWay);
    if (read === undefined) throw new Error('No read is under way.');
    if (others.length > 0) throw new Error('More than one read is under way.');
    return read;
  };
  const answer: PoolRead['answer'] = (items, nextKey) => readUnderWay().answer(items, nextKey);

  return {
    pool,
    reads,
    startKeys: () => reads.map(({ startKey }) => startKey),
    take: (options?: CallOptions) => newCall(pool, options),
    takeMany: (count: number, options?: CallOptions) =>
      Promise.all(Array.from({ length: count }, () => newCall(pool, options))),
    answer,
    /** Answers a whole pass that began at a made-up key: nothing follows it, and one page has it all. */
    async answerPass(items: readonly string[]) {
      await answer([]);
      await answer(items);
    },
    fail: (message: string) => readUnderWay().fail(message),
    passMs,
    timers,
  };
}

/** As many wins as it takes until so many claims, 2 or more, may be tried at once. Leaves an empty bank. */
export async function warmUp({ take, answer }: ControlledPool, attempts: number): Promise<void> {
  const first = await take();
  await answer(rows(attempts - 1, 'warm'));
  await first.settle('won');
  for (let wins = 1; wins < attempts - 1; wins++) await (await take()).settle('won');
  // From the head in two pages: of a bank that fits on one, the next pass would begin at the head.
  const last = await take({ mark: 0 });
  await answer([], 'half');
  await answer([]);
  if (last.answer !== null) throw new Error('The bank is not empty.');
}

function newRead(startKey: string | null, demand: number, onThrottled: () => void) {
  let isUnderWay = true;
  let resolve = (_page: Page) => {};
  let reject = (_error: Error) => {};
  const promise = new Promise<Page>((...functions) => {
    [resolve, reject] = functions;
  });
  const read: PoolRead = {
    startKey,
    demand,
    onThrottled,
    get isUnderWay() {
      return isUnderWay;
    },
    async answer(items, nextKey = null) {
      isUnderWay = false;
      resolve({ items, nextKey });
      await settled();
    },
    async fail(message) {
      isUnderWay = false;
      reject(new Error(message));
      await settled();
    },
  };
  return { promise, read };
}

async function newCall(
  pool: CandidatePool,
  { mark = pool.mark(), patience = new Patience(10_000), ...options }: CallOptions = {},
): Promise<Call> {
  let answer: unknown = WAITS;
  let candidate: Candidate | null = null;
  pool.take(mark, patience, options).then(
    (found) => {
      candidate = found;
      answer = found === null ? null : found.item;
    },
    (error: unknown) => {
      answer = error;
    },
  );
  await settled();
  return {
    get answer() {
      return answer;
    },
    get isTrying() {
      return candidate !== null;
    },
    async settle(settlement, contradictions) {
      if (candidate === null) throw new Error('The call has no candidate to settle.');
      pool.settle(candidate, settlement, contradictions);
      candidate = null;
      await settled();
    },
  };
}
