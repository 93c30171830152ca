// The pool by itself: what the tests against a server cannot bring about.
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
import { cancellation } from '../support/interceptor.js';

test('a request that stalls after a lost race holds up no other call', async () => {
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

test('a claim that stalls at the beginning lets the next call try after 300 ms', async () => {
  const { pool, reads, fireSlow } = controlled();
  let nowMs = 0;
  const clock = vi.spyOn(runtime, 'nowMs').mockImplementation(() => nowMs);
  onTestFinished(() => clock.mockRestore());
  const stalled = take(pool);
  const next = take(pool);
  await reads[0]?.answer(['A', 'B', 'C']);
  expect(await stalled).toMatchObject({ item: expect.any(String) });
  nowMs += 300;
  await fireSlow();
  expect((await next)?.item).not.toBe((await stalled)?.item);
});

/** A bank whose pages are answered by the test, one by one, and whose timers go off when it says so. */
function controlled() {
  const timers: { readonly delayMs: number; readonly action: () => void; isStopped: boolean }[] =
    [];
  const after = vi.spyOn(runtime, 'after').mockImplementation((delayMs, action) => {
    const timer = { delayMs, action, isStopped: false };
    timers.push(timer);
    return () => {
      timer.isStopped = true;
    };
  });
  onTestFinished(() => after.mockRestore());
  const reads: {
    readonly startKey: string | null;
    readonly onThrottled: () => void;
    answer(items: readonly string[], nextKey?: string | null): Promise<void>;
  }[] = [];
  const pool = new CandidatePool(
    (startKey, _demand, onThrottled) =>
      new Promise((resolve) => {
        const answer = async (items: readonly string[], nextKey: string | null = null) => {
          resolve({ items, nextKey });
          await settled();
        };
        reads.push({ startKey, onThrottled, answer });
      }),
  );
  const fire = async (isMeant: (delayMs: number) => boolean) => {
    for (const timer of timers.filter(({ delayMs, isStopped }) => !isStopped && isMeant(delayMs))) {
      timer.isStopped = true;
      timer.action();
    }
    await settled();
  };
  return { pool, reads, fireSlow: () => fire((delayMs) => delayMs < 1_000), timers };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));
const take = (pool: CandidatePool, mark = pool.mark()) => pool.take(mark, new Patience(10_000));

describe('a read that stalls', () => {
  test('is overtaken by a second one from elsewhere, and its late page is of no use', async () => {
    const { pool, reads, fireSlow, timers } = controlled();
    const taking = take(pool);
    expect(timers.map(({ delayMs }) => delayMs)).toContain(300);
    await fireSlow();
    expect(reads).toHaveLength(2);
    expect(reads[1]?.startKey).not.toBe(reads[0]?.startKey);
    await reads[1]?.answer(['A']);
    const candidate = (await taking) as Candidate;
    expect(candidate).toMatchObject({ item: 'A' });
    pool.settle(candidate, 'won');
    await reads[0]?.answer(['late']);
    const next = take(pool);
    await settled();
    await reads[2]?.answer(['B']);
    expect(await next).toMatchObject({ item: 'B' });
  });

  test('is not joined by a second one while the table throttles, nor by a third one', async () => {
    const { pool, reads, fireSlow } = controlled();
    const first = take(pool);
    reads[0]?.onThrottled();
    await fireSlow();
    expect(reads).toHaveLength(1);
    await reads[0]?.answer(['A'], 'A');
    pool.settle((await first) as Candidate, 'won');
    void take(pool);
    void take(pool);
    await settled();
    await fireSlow();
    await fireSlow();
    expect(reads).toHaveLength(3);
  });

  test('is one that takes three times as long as the longest of late', async () => {
    let nowMs = 0;
    const now = vi.spyOn(runtime, 'nowMs').mockImplementation(() => nowMs);
    onTestFinished(() => now.mockRestore());
    const { pool, reads, timers } = controlled();
    for (const [nth, durationMs] of [10, 1_000].entries()) {
      const taking = take(pool);
      nowMs += durationMs;
      await reads[nth]?.answer([`item ${nth}`], `item ${nth}`);
      pool.settle((await taking) as Candidate, 'won');
    }
    void take(pool);
    expect(timers.map(({ delayMs }) => delayMs)).toContain(3_000);
  });

  test('and its second one prove nothing to a call that began after they did', async () => {
    const { pool, reads, fireSlow } = controlled();
    const first = take(pool);
    await fireSlow();
    const later = take(pool);
    // The second read and the rest of its pass show an empty bank; an item came in before the last call.
    await reads[1]?.answer([]);
    await reads[2]?.answer([]);
    expect(await first).toBeNull();
    await reads[3]?.answer(['A']);
    expect(await later).toMatchObject({ item: 'A' });
  });

  test('holds up no call for longer than its own patience', async () => {
    let nowMs = 0;
    const now = vi.spyOn(runtime, 'nowMs').mockImplementation(() => nowMs);
    onTestFinished(() => now.mockRestore());
    const { pool, reads, timers, fireSlow } = controlled();
    const first = take(pool);
    const joined = expect(take(pool)).rejects.toMatchObject({ code: 'STORAGEBOX_CONTENTION' });
    await fireSlow();
    expect(reads).toHaveLength(2);
    nowMs = 10_000;
    timers.find(({ delayMs }) => delayMs === 10_000)?.action();
    await joined;
    // The first call began the read, so it learns how the read ends.
    await reads[0]?.answer(['A']);
    expect(await first).toMatchObject({ item: 'A' });
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

test('a read ahead that fails is repeated only when a call begins or ends', async () => {
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
    });
  });
});
