// One ID asked for several times at once in one process.
import { type AtomicClaim, type ClaimResult, Deduplicator } from 'storagebox/core';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { MapDeduplication, SetItemBank } from '../support/custom-backend.js';

/** A pair whose claims wait until the test settles them. */
function setUp(options: { skipFirstRead?: boolean } = {}) {
  const begun: {
    readonly signal?: AbortSignal | undefined;
    readonly skipFirstRead: boolean;
    resolve(result: ClaimResult): void;
    reject(error: unknown): void;
  }[] = [];
  const atomicClaim: AtomicClaim = {
    features: ['item', 'holdForMs', 'alongside'],
    claimItem: (_id, options) =>
      new Promise((resolve, reject) => begun.push({ ...options, resolve, reject })),
  };
  const deduplicationRepo = Object.assign(new MapDeduplication(), {
    atomicClaimWith: async () => atomicClaim,
  });
  const deduplicator = new Deduplicator({
    itemRepo: new SetItemBank(),
    deduplicationRepo,
    ...options,
  });
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  return { begun, deduplicator, settled };
}

const EXHAUSTED = { status: 'exhausted', item: null } as const;
const CLAIMED = {
  status: 'claimed',
  item: 'voucher',
  itemBankName: 'codes',
  heldUntil: null,
} as const;
const EXISTING = {
  status: 'existing',
  item: 'voucher',
  itemBankName: 'codes',
  heldUntil: null,
} as const;

test('shares one claim and one look after it', async () => {
  const { begun, deduplicator, settled } = setUp({ skipFirstRead: true });
  const answers = Promise.all([1, 2, 3].map(() => deduplicator.claim('user')));
  await settled();
  expect(begun).toHaveLength(1);
  begun[0]?.resolve(CLAIMED);
  await settled();
  expect(begun).toHaveLength(2);
  begun[1]?.resolve(EXISTING);
  expect(await answers).toEqual([CLAIMED, EXISTING, EXISTING]);
  expect(begun.map(({ skipFirstRead }) => skipFirstRead)).toEqual([true, false]);
});

test('does not hand a later call an item that may have been given back before it', async () => {
  const { begun, deduplicator, settled } = setUp();
  const first = deduplicator.claim('user');
  await settled();
  const later = deduplicator.claim('user');
  begun[0]?.resolve(EXISTING);
  expect(await first).toEqual(EXISTING);
  await settled();
  begun[1]?.resolve({ ...CLAIMED, item: 'another voucher' });
  expect(await later).toEqual({ ...CLAIMED, item: 'another voucher' });
});

describe('calls at once with wishes', () => {
  const HELD = { ...EXISTING, heldUntil: new Date(Date.UTC(2026, 0)) } as const;

  test('share one claim and one look after it if they ask for the same', async () => {
    const { begun, deduplicator, settled } = setUp();
    const wishes = { item: 'voucher', holdForMs: 1_000 };
    const answers = Promise.all([1, 2, 3].map(() => deduplicator.claim('user', wishes)));
    await settled();
    expect(begun).toHaveLength(1);
    begun[0]?.resolve({ ...HELD, status: 'claimed' });
    await settled();
    expect(begun).toHaveLength(2);
    expect(begun).toMatchObject([wishes, wishes]);
    begun[1]?.resolve(HELD);
    expect(await answers).toEqual([{ ...HELD, status: 'claimed' }, HELD, HELD]);
  });

  type Wishes = { readonly item: string | undefined; readonly holdForMs?: number };
  const others: [Partial<Wishes>, Partial<Wishes>][] = [
    [{}, { item: 'voucher' }],
    [{}, { holdForMs: 1_000 }],
    [{ item: 'voucher' }, { item: 'another' }],
    [{ holdForMs: 1_000 }, { holdForMs: 2_000 }],
    [{ item: 'voucher' }, { item: 'voucher', holdForMs: 1_000 }],
  ];
  test.each(others)('share nothing if they ask for %j and %j', async (one, other) => {
    const { begun, deduplicator, settled } = setUp();
    const answers = Promise.all(
      [one, other].map((wishes) => deduplicator.claim('user', wishes as Wishes)),
    );
    await settled();
    expect(begun).toHaveLength(2);
    expect(begun).toMatchObject([one, other]);
    begun[0]?.resolve(CLAIMED);
    begun[1]?.resolve(EXISTING);
    expect(await answers).toEqual([CLAIMED, EXISTING]);
  });

  test('share nothing if they have own writes, even the same', async () => {
    const { begun, deduplicator, settled } = setUp();
    // The types are those of a pair without own writes.
    const wishes = { alongside: (() => []) as never };
    const answers = Promise.all([1, 2, 3].map(() => deduplicator.claim('user', wishes)));
    await settled();
    expect(begun).toHaveLength(3);
    begun[0]?.resolve(CLAIMED);
    begun[1]?.resolve(EXISTING);
    begun[2]?.resolve(EXISTING);
    expect(await answers).toEqual([CLAIMED, EXISTING, EXISTING]);
  });

  test('of two IDs are not confused, whatever they are called', async () => {
    const { begun, deduplicator, settled } = setUp();
    const answers = Promise.all([
      deduplicator.claim('user","voucher', { holdForMs: 1 }),
      deduplicator.claim('user', { item: 'voucher', holdForMs: 1 }),
    ]);
    await settled();
    expect(begun).toHaveLength(2);
    for (const each of begun) each.resolve(CLAIMED);
    expect(await answers).toEqual([CLAIMED, CLAIMED]);
  });
});

test('claims anew once the shared claim has ended', async () => {
  const { begun, deduplicator, settled } = setUp();
  const first = deduplicator.claim('user');
  await settled();
  begun[0]?.resolve(CLAIMED);
  await first;
  const second = deduplicator.claim('user');
  await settled();
  expect(begun).toHaveLength(2);
  begun[1]?.resolve(EXISTING);
  expect(await second).toEqual(EXISTING);
});

test('does not let a later call believe a "sold out" that was looked for before it', async () => {
  const { begun, deduplicator, settled } = setUp();
  const first = deduplicator.claim('user');
  await settled();
  const later = [deduplicator.claim('user'), deduplicator.claim('user')];
  begun[0]?.resolve(EXHAUSTED);
  expect(await first).toEqual(EXHAUSTED);
  await settled();
  expect(begun).toHaveLength(2);
  begun[1]?.resolve(CLAIMED);
  expect(await Promise.all(later)).toEqual([CLAIMED, EXISTING]);
});

test('an abort ends the wait of its own call alone', async () => {
  const { begun, deduplicator, settled } = setUp();
  const controller = new AbortController();
  const aborted = deduplicator.claim('user', { signal: controller.signal });
  const patient = deduplicator.claim('user');
  await settled();
  controller.abort(new Error('gone'));
  await expect(aborted).rejects.toThrow('gone');
  expect(begun[0]?.signal?.aborted).toBe(false);
  begun[0]?.resolve(CLAIMED);
  await settled();
  begun[1]?.resolve(EXISTING);
  expect(await patient).toEqual(EXISTING);
});

test('a claim that nobody waits for is told to stop, and the next call begins another', async () => {
  const { begun, deduplicator, settled } = setUp();
  const controller = new AbortController();
  const aborted = deduplicator.claim('user', { signal: controller.signal });
  await settled();
  controller.abort(new Error('gone'));
  await expect(aborted).rejects.toThrow('gone');
  expect(begun[0]?.signal?.aborted).toBe(true);

  const next = deduplicator.claim('user');
  await settled();
  expect(begun).toHaveLength(2);
  // What the forgotten claim comes to concerns nobody.
  begun[0]?.reject(new Error('stopped'));
  begun[1]?.resolve(EXISTING);
  expect(await next).toEqual(EXISTING);
});

test('calls that joined a claim that failed share one new claim', async () => {
  const { begun, deduplicator, settled } = setUp({ skipFirstRead: true });
  const fault = new Error('injected');
  const first = deduplicator.claim('user');
  const joined = [deduplicator.claim('user'), deduplicator.claim('user')];
  await settled();
  begun[0]?.reject(fault);
  await expect(first).rejects.toBe(fault);
  await settled();
  expect(begun.map(({ skipFirstRead }) => skipFirstRead)).toEqual([true, false]);
  begun[1]?.resolve(CLAIMED);
  expect(await Promise.all(joined)).toEqual([CLAIMED, EXISTING]);
});

test('a failure reaches every call that shared the claim from its beginning', async () => {
  const { begun, deduplicator, settled } = setUp();
  const fault = new Error('injected');
  const first = deduplicator.claim('user');
  const joined = Promise.allSettled([deduplicator.claim('user'), deduplicator.claim('user')]);
  await settled();
  begun[0]?.resolve(CLAIMED);
  await first;
  await settled();
  begun[1]?.reject(fault);
  expect((await joined).map((answer) => answer.status === 'rejected' && answer.reason)).toEqual([
    fault,
    fault,
  ]);
});

test('a call waits for an earlier one no longer than a call may last', async () => {
  vi.useFakeTimers();
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const { begun, deduplicator } = setUp();
  const stalled = deduplicator.claim('user');
  await vi.advanceTimersByTimeAsync(4_000);
  const joined = deduplicator.claim('user').catch((error: unknown) => error);
  const ended = vi.fn();
  void joined.then(ended);
  await vi.advanceTimersByTimeAsync(9_999);
  expect(ended).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  expect(await joined).toMatchObject({
    code: 'STORAGEBOX_CONTENTION',
    cause: { message: expect.stringContaining('earlier call') },
  });
  // The stalled call itself goes on for as long as its own request does.
  expect(begun).toHaveLength(1);
  begun[0]?.resolve(CLAIMED);
  expect(await stalled).toEqual(CLAIMED);
});

test('asks again for the atomic claim when the first answer was a failure', async () => {
  let asked = 0;
  const deduplicationRepo = Object.assign(new MapDeduplication(), {
    atomicClaimWith: async (): Promise<AtomicClaim> => {
      if (++asked === 1) throw new Error('no Region');
      return { claimItem: async () => CLAIMED };
    },
  });
  const deduplicator = new Deduplicator({ itemRepo: new SetItemBank(), deduplicationRepo });
  await expect(deduplicator.claim('user')).rejects.toThrow('no Region');
  expect(await deduplicator.claim('user')).toEqual(CLAIMED);
  expect(await deduplicator.claim('user')).toEqual(CLAIMED);
  expect(asked).toBe(2);
});
