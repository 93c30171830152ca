// More calls at once than a process works on: they wait in a queue.
import { type AtomicClaim, type ClaimResult, Deduplicator } from 'storagebox/core';
import { expect, onTestFinished, test, vi } from 'vitest';
import { runtime } from '../../src/environment/runtime.js';
import { MapDeduplication, SetItemBank } from '../support/custom-backend.js';

const EXHAUSTED = { status: 'exhausted', item: null } as const;
const settled = () => new Promise((resolve) => setImmediate(resolve));

/** A pair whose claims wait until the test answers them. */
function setUp() {
  const underWay = new Map<string, (result: ClaimResult) => void>();
  const waitedMs: (number | undefined)[] = [];
  let most = 0;
  const atomicClaim: AtomicClaim = {
    claimItem: (deduplicationId, options) =>
      new Promise((resolve) => {
        waitedMs.push(options.waitedMs);
        underWay.set(deduplicationId, (result) => {
          underWay.delete(deduplicationId);
          resolve(result);
        });
        most = Math.max(most, underWay.size);
      }),
  };
  const deduplicationRepo = Object.assign(new MapDeduplication(), {
    atomicClaimWith: async () => atomicClaim,
  });
  const deduplicator = new Deduplicator({ itemRepo: new SetItemBank(), deduplicationRepo });
  return { underWay, deduplicator, waitedMs, most: () => most };
}

/** Calls of so many users, which fill the process and the queue behind it. */
async function fill({ deduplicator, underWay }: ReturnType<typeof setUp>, count: number) {
  const calls = Array.from({ length: count }, (_, index) => deduplicator.claim(`user-${index}`));
  await settled();
  expect(underWay.size).toBeLessThan(count);
  return calls;
}

test('20,000 calls are all answered, and few of them are worked on at once', async () => {
  const pair = setUp();
  const calls = await fill(pair, 20_000);
  while (pair.underWay.size > 0) {
    for (const answer of [...pair.underWay.values()]) answer(EXHAUSTED);
    await settled();
  }
  expect(await Promise.all(calls)).toEqual(calls.map(() => EXHAUSTED));
  expect(pair.most()).toBeLessThanOrEqual(1_000);
});

test('a call in the queue ends when its signal says so, and the queue moves on', async () => {
  const pair = setUp();
  const calls = await fill(pair, 2_000);
  const controller = new AbortController();
  const stopped = pair.deduplicator.claim('stopped', { signal: controller.signal });
  const last = pair.deduplicator.claim('last');
  controller.abort(new Error('enough'));
  await expect(stopped).rejects.toThrow('enough');
  while (!pair.underWay.has('last')) {
    for (const answer of [...pair.underWay.values()]) answer(EXHAUSTED);
    await settled();
  }
  expect(pair.underWay.has('stopped')).toBe(false);
  pair.underWay.get('last')?.(EXHAUSTED);
  expect(await Promise.all([...calls, last])).toHaveLength(2_001);
});

test('a call in the queue ends after 10 seconds, with nothing written', async () => {
  const pair = setUp();
  let nowMs = 0;
  const clock = vi.spyOn(runtime, 'nowMs').mockImplementation(() => nowMs);
  const slept: (() => void)[] = [];
  const sleep = vi
    .spyOn(runtime, 'sleep')
    .mockImplementation(() => new Promise((resolve) => slept.push(resolve)));
  onTestFinished(() => {
    clock.mockRestore();
    sleep.mockRestore();
  });
  const calls = await fill(pair, 2_000);
  const failures: unknown[] = [];
  const outcomes = Promise.all(calls.map((call) => call.catch((error) => failures.push(error))));
  nowMs += 10_000;
  for (const wake of slept.splice(0)) wake();
  await settled();
  expect(failures).toHaveLength(calls.length - pair.underWay.size);
  for (const failure of failures) expect(failure).toMatchObject({ code: 'STORAGEBOX_CONTENTION' });
  for (const answer of [...pair.underWay.values()]) answer(EXHAUSTED);
  await outcomes;
  expect(pair.underWay.size).toBe(0);
});

test('the time in the queue counts towards the time of the claim', async () => {
  const pair = setUp();
  let nowMs = 0;
  const clock = vi.spyOn(runtime, 'nowMs').mockImplementation(() => nowMs);
  onTestFinished(() => clock.mockRestore());
  const calls = await fill(pair, 1_500);
  nowMs += 4_000;
  while (pair.underWay.size > 0) {
    for (const answer of [...pair.underWay.values()]) answer(EXHAUSTED);
    await settled();
  }
  await Promise.all(calls);
  expect(pair.waitedMs.filter((each) => each === 0)).toHaveLength(1_000);
  expect(pair.waitedMs.filter((each) => each === 4_000)).toHaveLength(500);
});

test('however often one user clicks, the others are served', async () => {
  const { underWay, deduplicator } = setUp();
  const clicks = Array.from({ length: 5_000 }, () => deduplicator.claim('impatient'));
  const other = deduplicator.claim('other');
  await settled();
  underWay.get('other')?.(EXHAUSTED);
  expect(await other).toEqual(EXHAUSTED);
  while (underWay.size > 0) {
    underWay.get('impatient')?.(EXHAUSTED);
    await settled();
  }
  expect(await Promise.all(clicks)).toHaveLength(5_000);
});
