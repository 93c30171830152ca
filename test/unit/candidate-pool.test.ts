// The pool by itself, without a server: what it promises about candidates, about reads, and about how many
// claims are tried at once. For the rest see emptiness-proof, waiting-calls and contradictions.test.ts.
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  DeduplicationDynamoDbRepository,
  Deduplicator,
  ItemBankDynamoDbRepository,
} from 'storagebox';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import {
  type Candidate,
  CandidatePool,
  type Settlement,
} from '../../src/dynamodb/claim/candidate-pool.js';
import { runtime } from '../../src/environment/runtime.js';
import { Patience } from '../../src/store-kit/patience.js';
import {
  type Call,
  type ControlledPool,
  controlled,
  type PoolRead,
  rows,
  WAITS,
  warmUp,
} from '../support/controlled-pool.js';
import { cancellation } from '../support/interceptor.js';
import { settled } from '../support/virtual-time.js';

const take = (pool: CandidatePool, mark = pool.mark()) => pool.take(mark, new Patience(10_000));
const answersOf = (calls: readonly Call[]) => calls.map(({ answer }) => answer);
const tryingOf = (calls: readonly Call[]) => calls.filter(({ isTrying }) => isTrying);
const CONTENTION = { code: 'STORAGEBOX_CONTENTION' };
const LOST_OR_GIVEN_UP = ['gone', 'inConflict', 'throttled'] as const;

describe('an item', () => {
  test('that one call tries is given to no other, however often pages show it', async () => {
    const bank = controlled();
    await warmUp(bank, 4);
    const first = await bank.take();
    await bank.answer(['A', 'B', 'C']);
    const second = await bank.take();
    // The page that is read ahead shows the same items, two of them in flight and one not yet tried.
    await bank.answer(['A', 'B', 'C']);
    const third = await bank.take();
    const fourth = await bank.take();
    expect(answersOf([first, second, third]).sort()).toEqual(['A', 'B', 'C']);
    expect(fourth.answer).toBe(WAITS);
  });

  test('that was kept goes to the next call, which needs no read for it', async () => {
    const bank = controlled();
    const first = await bank.take();
    await bank.answerPass(['A']);
    const second = await bank.take({ mark: 0 });
    expect(second.answer).toBe(WAITS);
    await first.settle('kept');
    expect(second.answer).toBe('A');
    await second.settle('kept');
    expect((await bank.take()).answer).toBe('A');
    expect(bank.reads).toHaveLength(2);
  });

  test.each(['won', 'gone', 'inConflict', 'throttled'] as const)(
    'that was %s is not given again until a page shows it',
    async (fate) => {
      const bank = controlled();
      const first = await bank.take();
      await bank.answerPass(['A']);
      await first.settle(fate);
      const second = await bank.take();
      expect(second.answer).toBe(WAITS);
      await bank.answer(['A']);
      expect(second.answer).toBe('A');
    },
  );

  test.each(['won', 'gone'] as const)(
    'that was %s while a page was on its way is not given because that page shows it',
    async (fate) => {
      const bank = controlled();
      await warmUp(bank, 3);
      const first = await bank.take();
      await bank.answer(['A'], 'B');
      await bank.answer(['B'], 'C');
      const second = await bank.take();
      expect(second.answer).toBe('B');
      await first.settle(fate);
      const third = await bank.take();
      await bank.answer(['A'], 'D');
      expect(third.answer).toBe(WAITS);
      await bank.answer(['D']);
      expect(third.answer).toBe('D');
    },
  );

  test('may be tried at any place in the order of its page, and no order is preferred', async () => {
    const random = vi.spyOn(runtime, 'random').mockImplementation(seededRandom());
    onTestFinished(() => random.mockRestore());
    const counts = new Map<string, number>();
    for (let times = 0; times < 600; times++) {
      const pool = new CandidatePool(async () => ({ items: ['A', 'B', 'C'], nextKey: null }));
      let order = '';
      while (order.length < 3) {
        const candidate = (await take(pool)) as Candidate;
        order += candidate.item;
        pool.settle(candidate, 'won');
      }
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect([...counts.keys()].sort()).toEqual(['ABC', 'ACB', 'BAC', 'BCA', 'CAB', 'CBA']);
    for (const count of counts.values()) expect(Math.abs(count - 100)).toBeLessThan(30);
  });
});

/** mulberry32: the same numbers in each run. */
function seededRandom(): () => number {
  let state = 1;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe('a pass', () => {
  test('begins when a call needs it, and not before', async () => {
    const { pool, reads, take } = controlled();
    pool.mark();
    await settled();
    expect(reads).toHaveLength(0);
    await take();
    expect(reads).toHaveLength(1);
  });

  test('goes from a random place to the end, and then from the head to the very end', async () => {
    const { startKeys, take, answer } = controlled();
    const call = await take();
    await answer([], 'place');
    await answer([]);
    await answer([], 'other place');
    expect(call.answer).toBe(WAITS);
    await answer([]);
    expect(call.answer).toBeNull();
    expect(startKeys()).toEqual(['key-1', 'place', null, 'other place']);
  });

  test('begins at another random place than the one before', async () => {
    const bank = controlled();
    await warmUp(bank, 2);
    await bank.take();
    expect(bank.startKeys()).toEqual(['key-1', null, 'half', 'key-2']);
  });

  test('over a bank that fits on one page begins at the head: one read is a pass', async () => {
    const bank = controlled();
    const first = await bank.take();
    await bank.answerPass(['A']);
    await first.settle('won');
    const second = await bank.take();
    expect(bank.startKeys()).toEqual(['key-1', null, null]);
    await bank.answer([]);
    expect(second.answer).toBeNull();
  });
});

describe('after a setback', () => {
  test('a request that stalls holds up no other call', async () => {
    const items = ['A', 'B', 'C'];
    const pool = new CandidatePool(async () => ({ items, nextKey: null }));
    const patience = new Patience(10_000);
    const lost = await pool.take(0, patience);
    if (lost === null) throw new Error('The bank has items.');
    pool.settle(lost, 'gone');
    const stalled = await pool.take(0, patience);
    const next = await Promise.race([
      pool.take(0, patience),
      new Promise((resolve) => setImmediate(resolve)),
    ]);
    expect(next).toMatchObject({ item: expect.stringMatching(/^[ABC]$/) });
    expect(next).not.toMatchObject({ item: stalled?.item });
  });

  test.each(LOST_OR_GIVEN_UP)(
    'with an item that was %s, calls go on at another random place, with nothing of the page',
    async (fate) => {
      const { startKeys, take, answer } = controlled();
      const first = await take();
      await answer(['A', 'B', 'C'], 'place');
      const second = await take();
      await first.settle(fate);
      expect(second.answer).toBe(WAITS);
      expect(startKeys()).toEqual(['key-1', 'key-2']);
      await answer(['D']);
      expect(second.answer).toBe('D');
    },
  );

  test('a page that was on its way from the same part of the bank is not used', async () => {
    const { startKeys, take, answer } = controlled();
    const first = await take();
    await answer(['A'], 'place');
    const second = await take();
    await first.settle('gone');
    await answer(['B'], 'next place');
    expect(second.answer).toBe(WAITS);
    expect(startKeys()).toEqual(['key-1', 'place', 'key-2']);
    await answer(['C']);
    expect(second.answer).toBe('C');
  });

  test('with an item of an earlier page, the part that is being worked on is not left', async () => {
    const bank = controlled();
    await warmUp(bank, 3);
    const first = await bank.take();
    await bank.answer(['A'], 'place');
    await bank.answer(['B', 'C'], 'next place');
    await first.settle('gone');
    const others = await bank.takeMany(2);
    expect(answersOf(others).sort()).toEqual(['B', 'C']);
    expect(bank.startKeys().slice(3)).toEqual(['key-2', 'place', 'next place']);
  });

  test('a second one on the same page does not make the process move once more', async () => {
    const bank = controlled();
    await warmUp(bank, 3);
    const first = await bank.take();
    await bank.answer(['A', 'B', 'C', 'D'], 'place');
    const second = await bank.take();
    await first.settle('gone');
    await second.settle('gone');
    const third = await bank.take();
    await bank.answer(['E']);
    expect(third.answer).toBe('E');
  });

  test('in a bank that fits on one page, that page is read again', async () => {
    const { startKeys, take, answer, answerPass } = controlled();
    const first = await take();
    await answerPass(['A', 'B']);
    const second = await take({ mark: 0 });
    await first.settle('gone');
    expect(startKeys()).toEqual(['key-1', null, null]);
    const [left] = ['A', 'B'].filter((item) => item !== first.answer);
    await answer([left as string]);
    expect(second.answer).toBe(left);
  });
});

describe('a read', () => {
  test('is the only one at a time, and all calls that wait share its page', async () => {
    const { reads, takeMany, answer } = controlled();
    const calls = await takeMany(5);
    expect(reads).toHaveLength(1);
    await answer(rows(160));
    expect(tryingOf(calls)).toHaveLength(5);
    expect(new Set(answersOf(calls)).size).toBe(5);
    expect(reads).toHaveLength(1);
  });

  test('is asked for as many items as calls want one', async () => {
    const { reads, take, takeMany, fail } = controlled();
    await take();
    await takeMany(9);
    await fail('broken');
    expect(reads.map(({ demand }) => demand)).toEqual([1, 9]);
  });

  test('is asked for no more than twice as many items as may be tried at once', async () => {
    const { reads, takeMany, answer } = controlled();
    const calls = await takeMany(10);
    await answer(rows(3));
    // From now on two may be tried: others would take the rest of a large page before this process does.
    await tryingOf(calls)[0]?.settle('gone');
    expect(reads.at(-1)?.demand).toBe(4);
  });

  test('goes ahead to the next page while the last candidates of this one are tried', async () => {
    const { startKeys, take, answer } = controlled();
    const first = await take();
    await answer(['A', 'B'], 'place');
    expect(startKeys()).toEqual(['key-1']);
    await first.settle('won');
    const second = await take();
    expect([first.answer, second.answer].sort()).toEqual(['A', 'B']);
    expect(startKeys()).toEqual(['key-1', 'place']);
  });

  test('does not go ahead beyond the end of a pass', async () => {
    const { reads, take, answerPass } = controlled();
    const call = await take();
    await answerPass(['A']);
    expect(call.answer).toBe('A');
    expect(reads).toHaveLength(2);
  });

  test('that went ahead and fails, fails no call, not even one that waits for it by then', async () => {
    const bank = controlled();
    await warmUp(bank, 2);
    const first = await bank.take();
    await bank.answer(['A'], 'place');
    const second = await bank.take();
    expect(bank.startKeys().slice(3)).toEqual(['key-2', 'place']);
    await bank.fail('broken');
    expect(answersOf([first, second])).toEqual(['A', WAITS]);
    expect(bank.startKeys().slice(3)).toEqual(['key-2', 'place', 'place']);
    await bank.answer(['B']);
    expect(second.answer).toBe('B');
  });

  test('that fails, fails the calls that it began for; later ones get another read', async () => {
    const { reads, take, takeMany, fail, answer } = controlled();
    const first = await take();
    const [second, third] = (await takeMany(2)) as [Call, Call];
    await fail('broken');
    expect(first.answer).toMatchObject({ message: 'broken' });
    expect(answersOf([second, third])).toEqual([WAITS, WAITS]);
    const fourth = await take();
    await fail('still broken');
    const message = 'still broken';
    expect(answersOf([second, third])).toMatchObject([{ message }, { message }]);
    expect(reads).toHaveLength(3);
    await answer(['A']);
    expect(fourth.answer).toBe('A');
  });

  test('ahead that fails is repeated only when a call begins or ends', async () => {
    let reads = 0;
    const pool = new CandidatePool(async () => {
      reads++;
      if (reads > 100) return new Promise(() => {});
      if (reads > 1) throw new Error('The credentials have expired.');
      return { items: ['A'], nextKey: 'A' };
    });
    const candidate = (await take(pool)) as Candidate;
    await settled();
    expect(reads).toBe(2);
    const next = take(pool);
    await settled();
    expect(reads).toBe(3);
    pool.settle(candidate, 'won');
    await expect(next).rejects.toThrow('The credentials have expired.');
    expect(reads).toBe(4);
  });
});

describe('a read that stalls', () => {
  test('is overtaken by a second one from elsewhere, and its late page is of no use', async () => {
    const { reads, take, answer, passMs } = controlled();
    const first = await take();
    await passMs(299);
    expect(reads).toHaveLength(1);
    await passMs(1);
    expect(reads).toHaveLength(2);
    expect(reads[1]?.startKey).not.toBe(reads[0]?.startKey);
    await reads[1]?.answer(['A']);
    expect(first.answer).toBe('A');
    await first.settle('won');
    await reads[0]?.answer(['late']);
    const next = await take();
    await answer(['B']);
    expect(next.answer).toBe('B');
  });

  test('may still answer first, and then the second one is of no use', async () => {
    const { reads, take, passMs } = controlled();
    const first = await take();
    await passMs(300);
    await reads[0]?.answer(['A'], 'place');
    expect(first.answer).toBe('A');
    await first.settle('won');
    await reads[1]?.answer(['late']);
    const next = await take();
    expect(next.answer).toBe(WAITS);
    expect(reads[2]?.startKey).toBe('place');
    await reads[2]?.answer(['B']);
    expect(next.answer).toBe('B');
  });

  test('is not joined by a second one while the table throttles, nor by a third one', async () => {
    const { reads, take, takeMany, answer, passMs } = controlled();
    const first = await take();
    reads[0]?.onThrottled();
    await passMs(999);
    expect(reads).toHaveLength(1);
    await answer(['A'], 'A');
    await first.settle('won');
    await takeMany(2);
    await passMs(999);
    await passMs(999);
    expect(reads).toHaveLength(3);
  });

  test('is joined by a second one only when a call waits for the page', async () => {
    const bank = controlled();
    await warmUp(bank, 2);
    const first = await bank.take();
    await bank.answer(['A'], 'place');
    await bank.passMs(300);
    expect(first.answer).toBe('A');
    expect(bank.startKeys().slice(3)).toEqual(['key-2', 'place']);
    const second = await bank.take();
    expect(bank.startKeys().slice(3)).toEqual(['key-2', 'place', 'key-3']);
    await bank.reads.at(-1)?.answer(['B']);
    expect(second.answer).toBe('B');
  });

  test('is overtaken each time, not only the first time', async () => {
    const { reads, take, passMs } = controlled();
    const first = await take();
    await passMs(300);
    await reads[1]?.answer(['A'], 'place');
    await first.settle('won');
    const second = await take();
    await passMs(300);
    expect(reads).toHaveLength(4);
    await reads[3]?.answer(['B']);
    expect(second.answer).toBe('B');
  });

  test('and fails after it was overtaken fails no call', async () => {
    const bank = controlled();
    await warmUp(bank, 2);
    const first = await bank.take();
    const joined = await bank.take();
    await bank.answer([]);
    const stalled = bank.reads.at(-1);
    await bank.passMs(300);
    await bank.reads.at(-1)?.answer([]);
    await bank.reads.at(-1)?.answer(['A']);
    // The first call tries the only item, and the other one waits for what becomes of it.
    await stalled?.fail('broken');
    expect(answersOf([first, joined])).toEqual(['A', WAITS]);
  });

  test('may fail while the second one is under way; only if both fail, the call fails', async () => {
    const { reads, take, passMs } = controlled();
    const call = await take();
    await passMs(300);
    await reads[0]?.fail('broken');
    expect(call.answer).toBe(WAITS);
    await reads[1]?.fail('broken, too');
    expect(call.answer).toMatchObject({ message: 'broken, too' });
  });

  test('is one that takes three times as long as the longest of late', async () => {
    const bank = controlled();
    await readFor(bank, [10, 250, 700, 1_000]);
    expect(await msUntilSecondRead(bank)).toBe(3_000);
  });

  test('is given nearly as much time after one that was quick', async () => {
    const bank = controlled();
    await readFor(bank, [10, 250, 700, 1_000, 0]);
    expect(await msUntilSecondRead(bank)).toBe(2_625);
  });

  test('is not given more time because throttled reads took long', async () => {
    const bank = controlled();
    await readFor(bank, [10, 1_000], (read) => read.onThrottled());
    expect(await msUntilSecondRead(bank)).toBe(300);
  });

  /** Each read is one ahead, which takes so long. The next one has just begun when this ends. */
  async function readFor(
    { reads, take, passMs, answer }: ControlledPool,
    durationsMs: readonly number[],
    meanwhile = (_read: PoolRead) => {},
  ) {
    for (const [nth, durationMs] of durationsMs.entries()) {
      const call = await take();
      meanwhile(reads.at(-1) as PoolRead);
      await passMs(durationMs);
      await answer([`item ${nth}`], `item ${nth}`);
      await call.settle('won');
    }
  }

  async function msUntilSecondRead({ reads, take, passMs }: ControlledPool) {
    await take();
    const before = reads.length;
    let ms = 0;
    for (; reads.length === before && ms < 10_000; ms++) await passMs(1);
    return ms;
  }

  test('and its second one prove nothing to a call that began after they did', async () => {
    const { reads, take, passMs } = controlled();
    const first = await take();
    await passMs(300);
    const later = await take();
    // The second read and the rest of its pass show an empty bank; an item came in before the last call.
    await reads[1]?.answer([]);
    await reads[2]?.answer([]);
    expect(first.answer).toBeNull();
    await reads[3]?.answer(['A']);
    expect(later.answer).toBe('A');
  });

  test('holds up no call for longer than its own patience', async () => {
    const { reads, take, passMs } = controlled();
    const first = await take();
    const joined = await take();
    await passMs(9_999);
    expect(reads).toHaveLength(2);
    expect(joined.answer).toBe(WAITS);
    await passMs(1);
    expect(joined.answer).toMatchObject(CONTENTION);
    // The first call began the read, so it learns how the read ends.
    await reads[0]?.answer(['A']);
    expect(first.answer).toBe('A');
  });
});

describe('the number of claims at once', () => {
  test('is at first a small part of the first page: other processes may see the same', async () => {
    const { takeMany, answer } = controlled();
    const calls = await takeMany(100);
    await answer(rows(320));
    expect(tryingOf(calls)).toHaveLength(10);
  });

  test('is at least one, however small the first page is', async () => {
    const { takeMany, answer } = controlled();
    const calls = await takeMany(3);
    await answer(rows(3));
    expect(tryingOf(calls)).toHaveLength(1);
  });

  test('grows by one with each win, so that it doubles in each round', async () => {
    const { takeMany, answer } = controlled();
    const calls = await takeMany(31);
    await answer(rows(31));
    const rounds: number[] = [];
    for (let trying = tryingOf(calls); trying.length > 0; trying = tryingOf(calls)) {
      rounds.push(trying.length);
      for (const call of trying) await call.settle('won');
    }
    expect(rounds).toEqual([1, 2, 4, 8, 16]);
  });

  test.each(LOST_OR_GIVEN_UP)(
    'is halved after an item that was %s, and a kept one changes nothing',
    async (fate) => {
      const { takeMany, answer } = controlled();
      const calls = await takeMany(100);
      await answer(rows(320), 'place');
      const [first, ...others] = tryingOf(calls) as [Call, ...Call[]];
      await first.settle(fate);
      await answer(rows(320, 'elsewhere'), 'other place');
      expect(tryingOf(calls)).toEqual(others);
      for (const call of others) await call.settle('kept');
      expect(tryingOf(calls)).toHaveLength(5);
    },
  );

  test('is halved from what was under way, not from what was allowed', async () => {
    const { takeMany, answer } = controlled();
    const few = await takeMany(6);
    await answer(rows(320), 'place');
    await few[0]?.settle('gone');
    await answer(rows(320, 'elsewhere'), 'other place');
    const many = await takeMany(20);
    for (const call of few.slice(1)) await call.settle('won');
    // Half of the five that were under way, and five wins since then: fewer than 7.5 may let one more try.
    expect(tryingOf(many)).toHaveLength(8);
  });

  test('is two after one setback, one after more of them in a row, and grows again', async () => {
    const { reads, takeMany, answer } = controlled();
    const calls = await takeMany(20);
    await answer(rows(10), 'place');
    const numbers: number[] = [];
    const fates: Settlement[] = ['gone', 'gone', 'gone', 'won', 'gone'];
    for (const [nth, fate] of fates.entries()) {
      await tryingOf(calls)[0]?.settle(fate);
      const isReading = reads.some(({ isUnderWay }) => isUnderWay);
      if (isReading) await answer(rows(10, `page ${nth}`), `place ${nth}`);
      numbers.push(tryingOf(calls).length);
    }
    expect(numbers).toEqual([2, 1, 1, 2, 2]);
  });

  test('is one more after 300 ms when a claim stalls at the beginning', async () => {
    const { takeMany, answer, passMs } = controlled();
    const [stalled, next] = (await takeMany(2)) as [Call, Call];
    await answer(['A', 'B', 'C']);
    expect(stalled.answer).toEqual(expect.stringMatching(/^[ABC]$/));
    await passMs(299);
    expect(next.answer).toBe(WAITS);
    await passMs(1);
    expect(next.answer).toEqual(expect.stringMatching(/^[ABC]$/));
    expect(next.answer).not.toBe(stalled.answer);
  });

  test('is one more after each 300 ms in which no claim has ended, and only then', async () => {
    const { takeMany, answer, passMs } = controlled();
    const calls = await takeMany(10);
    await answer(rows(10));
    await passMs(300);
    await passMs(300);
    expect(tryingOf(calls)).toHaveLength(3);
    await passMs(200);
    await tryingOf(calls)[0]?.settle('kept');
    await passMs(299);
    expect(tryingOf(calls)).toHaveLength(3);
    await passMs(300);
    expect(tryingOf(calls)).toHaveLength(4);
  });
});

describe.each([
  { fate: 'inConflict', afterwards: 'as large as ever', atLeast: 101, atMost: Infinity },
  { fate: 'throttled', afterwards: 'small, all over the table', atLeast: 1, atMost: 100 },
] as const)('after a claim that was $fate', ({ fate, afterwards, atLeast, atMost }) => {
  test(`pages are ${afterwards}`, async () => {
    const demands = await demandsAfter(fate);
    expect(demands.at(-1)).toBeGreaterThanOrEqual(atLeast);
    expect(demands.at(-1)).toBeLessThanOrEqual(atMost);
  });
});

/** How many rows the pages should have, in a rush of 256 calls in which one claim had that fate. */
async function demandsAfter(obstacle: 'inConflict' | 'throttled'): Promise<readonly number[]> {
  const demands: number[] = [];
  let items = 0;
  const pool = new CandidatePool(async (_startKey, demand) => {
    demands.push(demand);
    const page = Array.from({ length: Math.max(30, demand) }, () => `item-${items++}`);
    return { items: page, nextKey: page.at(-1) ?? null };
  });
  const callOn = async (calls: number, fate: Settlement) => {
    for (let call = 0; call < calls; call++) {
      const candidate = await take(pool);
      await settled();
      if (candidate !== null) pool.settle(candidate, fate);
    }
  };
  const rush = (calls: number) =>
    Promise.all(Array.from({ length: 256 }, () => callOn(calls, 'won')));
  await rush(4);
  await callOn(1, obstacle);
  await rush(8);
  return demands;
}

describe('after throttling', () => {
  test('each page with candidates comes from another random place than the one before', async () => {
    const { startKeys, take, answer } = controlled();
    const first = await take();
    await answer(['A', 'B'], 'place');
    await first.settle('throttled');
    const second = await take();
    await answer(['C'], 'next place');
    expect(second.answer).toBe('C');
    expect(startKeys()).toEqual(['key-1', 'key-2', 'key-3']);
  });

  test('empty pages, and those from the head on, follow each other: the pass has an end', async () => {
    const { startKeys, take, answer } = controlled();
    const first = await take();
    await answer(['A', 'B'], 'place');
    await first.settle('throttled');
    const second = await take();
    await answer([], 'next place');
    await answer([]);
    await answer(['C'], 'behind the head');
    expect(second.answer).toBe('C');
    expect(startKeys()).toEqual(['key-1', 'key-2', 'next place', null, 'behind the head']);
  });
});

test('200,000 calls that wait are told "sold out" by one pass', async () => {
  let reads = 0;
  const pool = new CandidatePool(async () => {
    reads++;
    await settled();
    return { items: [], nextKey: null };
  });
  const calls = Array.from({ length: 200_000 }, () => take(pool));
  expect((await Promise.all(calls)).filter((candidate) => candidate !== null)).toEqual([]);
  expect(reads).toBeLessThanOrEqual(4);
});

describe('two clients', () => {
  function pairOver(isTableSeenByTransactions: (transaction: number) => boolean) {
    let transactions = 0;
    const client = (): DynamoDBClient =>
      ({
        config: { region: async () => 'here' },
        send: async ({
          input,
        }: {
          input: { TransactItems?: { Put?: object }[]; Limit?: number };
        }) => {
          if (input.Limit !== undefined) return { Items: [{ item: { S: 'A' } }] };
          if (input.TransactItems?.[0]?.Put === undefined) return { Responses: [{}] };
          if (isTableSeenByTransactions(++transactions)) return {};
          throw cancellation('None', 'ConditionalCheckFailed');
        },
      }) as unknown as DynamoDBClient;
    return new Deduplicator({
      itemRepo: new ItemBankDynamoDbRepository({ tableName: 'items', client: client() }),
      deduplicationRepo: new DeduplicationDynamoDbRepository({
        tableName: 'owners',
        client: client(),
      }),
    });
  }

  test('of two accounts are told apart from a bank that is sold out', async () => {
    await expect(pairOver(() => false).claim('user')).rejects.toMatchObject({
      code: 'STORAGEBOX_ACCOUNT_MISMATCH',
      itemBankTableName: 'items',
      deduplicationTableName: 'owners',
    });
  });

  test('of one account go on when an item was given back in between', async () => {
    const deduplicator = pairOver((transaction) => transaction > 2);
    expect(await deduplicator.claim('user')).toEqual({
      status: 'claimed',
      item: 'A',
      itemBankName: 'items',
      heldUntil: null,
    });
  });
});
