// Items for an input of any kind and length, in its order, whatever becomes of the single claims.
import { getEventListeners } from 'node:events';
import {
  type AtomicClaim,
  type AtomicClaimOptions,
  type ClaimResult,
  Deduplicator,
  type HandOut,
} from 'storagebox/core';
import { DeduplicationMemoryRepository, ItemBankMemoryRepository } from 'storagebox/memory';
import { describe, expect, test } from 'vitest';
import { MapDeduplication, SetItemBank } from '../support/custom-backend.js';

const ids = (count: number) => Array.from({ length: count }, (_, index) => `user-${index}`);
const settled = () => new Promise((resolve) => setImmediate(resolve));

async function filledPair(items: number) {
  const itemRepo = new ItemBankMemoryRepository();
  await itemRepo.batchAddItems(Array.from({ length: items }, (_, index) => `voucher-${index}`));
  return new Deduplicator({ itemRepo, deduplicationRepo: new DeduplicationMemoryRepository() });
}

/** A deduplicator whose claims wait until the test settles them. */
function heldClaims(bulkConcurrency?: number, skipFirstRead = false) {
  const begun: {
    readonly deduplicationId: string;
    readonly options: AtomicClaimOptions;
    resolve(result: ClaimResult): void;
    reject(error: unknown): void;
  }[] = [];
  const atomicClaim: AtomicClaim = {
    bulkConcurrency,
    claimItem: (deduplicationId, options) =>
      new Promise((resolve, reject) => begun.push({ deduplicationId, options, resolve, reject })),
  };
  const deduplicationRepo = Object.assign(new MapDeduplication(), {
    atomicClaimWith: async () => atomicClaim,
  });
  return {
    begun,
    deduplicator: new Deduplicator({
      itemRepo: new SetItemBank(),
      deduplicationRepo,
      skipFirstRead,
    }),
  };
}

const claimed = (item: string): ClaimResult => ({
  status: 'claimed',
  item,
  itemBankName: 'codes',
  heldUntil: null,
});

/** Reads to the end, or to the failure. */
async function readAll(results: AsyncIterable<HandOut>) {
  const handOuts: HandOut[] = [];
  try {
    for await (const handOut of results) handOuts.push(handOut);
  } catch (error) {
    return { handOuts, error };
  }
  return { handOuts, error: null };
}

describe('results', () => {
  test('come for each ID in the order of the input, and the same again the next time', async () => {
    const deduplicator = await filledPair(50);
    const first = await readAll(deduplicator.fetchItemsForDeduplicationIds(ids(60)));
    expect(first.handOuts.map(({ deduplicationId }) => deduplicationId)).toEqual(ids(60));
    const given = first.handOuts.filter(({ status }) => status === 'claimed');
    expect(new Set(given.map(({ item }) => item)).size).toBe(50);
    const inVain = first.handOuts.filter(({ status }) => status === 'exhausted');
    expect(inVain.map(({ item }) => item)).toEqual(Array(10).fill(null));

    const second = await readAll(deduplicator.fetchItemsForDeduplicationIds(new Set(ids(60))));
    expect(second.handOuts).toEqual(
      first.handOuts.map((handOut) =>
        handOut.status === 'claimed' ? { ...handOut, status: 'existing' } : handOut,
      ),
    );
  });

  test('keep their order when later claims end earlier', async () => {
    const { begun, deduplicator } = heldClaims();
    const results = readAll(deduplicator.fetchItemsForDeduplicationIds(ids(3)));
    await settled();
    for (const { resolve, deduplicationId } of begun.toReversed()) {
      resolve(claimed(`voucher of ${deduplicationId}`));
      await settled();
    }
    expect((await results).handOuts).toEqual(
      ids(3).map((deduplicationId) => ({
        deduplicationId,
        ...claimed(`voucher of ${deduplicationId}`),
      })),
    );
  });

  test('give an ID that comes twice the same item twice, and tell of one first hand-out', async () => {
    const deduplicator = await filledPair(5);
    const { handOuts } = await readAll(
      deduplicator.fetchItemsForDeduplicationIds(['user', 'user', 'other', 'user']),
    );
    expect(handOuts.map(({ status }) => status)).toEqual([
      'claimed',
      'existing',
      'claimed',
      'existing',
    ]);
    const items = handOuts
      .filter(({ deduplicationId }) => deduplicationId === 'user')
      .map(({ item }) => item);
    expect(new Set(items).size).toBe(1);
  });

  test('of an empty input are none', async () => {
    const deduplicator = await filledPair(1);
    expect(await readAll(deduplicator.fetchItemsForDeduplicationIds([]))).toEqual({
      handOuts: [],
      error: null,
    });
  });

  test('do not wait for an input that is slow to give the next ID', async () => {
    const deduplicator = await filledPair(5);
    const input = (async function* () {
      yield 'user';
      await new Promise(() => {});
    })();
    for await (const { deduplicationId } of deduplicator.fetchItemsForDeduplicationIds(input)) {
      expect(deduplicationId).toBe('user');
      break;
    }
  });

  test('are counted for the progress as they are handed out', async () => {
    const deduplicator = await filledPair(2);
    await deduplicator.claim('user-1');
    const progress: unknown[] = [];
    const onProgress = (now: unknown) => progress.push(now);
    await readAll(deduplicator.fetchItemsForDeduplicationIds(ids(3), { onProgress }));
    expect(progress).toEqual([
      { done: 1, claimed: 1, existing: 0, exhausted: 0 },
      { done: 2, claimed: 1, existing: 1, exhausted: 0 },
      { done: 3, claimed: 1, existing: 1, exhausted: 1 },
    ]);
  });
});

describe('the input', () => {
  test('is read no further than the claims that may be under way, and not before it is asked for', async () => {
    let read = 0;
    const counted = function* () {
      for (const id of ids(1_000)) {
        read++;
        yield id;
      }
    };
    const deduplicator = await filledPair(1_000);
    const results = deduplicator.fetchItemsForDeduplicationIds(counted(), { concurrency: 7 });
    await settled();
    expect(read).toBe(0);
    let handedOut = 0;
    for await (const _ of results) {
      handedOut++;
      await settled();
      expect(read - handedOut).toBeLessThanOrEqual(7);
    }
    expect(handedOut).toBe(1_000);
  });

  test('is claimed for as many at once as asked for', async () => {
    const { begun, deduplicator } = heldClaims();
    const results = readAll(
      deduplicator.fetchItemsForDeduplicationIds(ids(10), { concurrency: 4 }),
    );
    await settled();
    expect(begun).toHaveLength(4);
    begun[0]?.resolve(claimed('voucher'));
    await settled();
    expect(begun).toHaveLength(5);
    begun[1]?.reject(new Error('enough'));
    for (const { resolve } of begun) resolve(claimed('voucher'));
    expect((await results).error).toEqual(new Error('enough'));
  });

  test('is closed when the caller leaves the loop, after what is under way has ended', async () => {
    const { begun, deduplicator } = heldClaims();
    let isClosed = false;
    const input = (async function* () {
      try {
        yield* ids(10);
      } finally {
        await settled();
        isClosed = true;
      }
    })();
    const left = (async () => {
      const options = { concurrency: 2 };
      for await (const _ of deduplicator.fetchItemsForDeduplicationIds(input, options)) break;
    })();
    await settled();
    begun[0]?.resolve(claimed('voucher-0'));
    await settled();
    expect(isClosed).toBe(false);
    for (const { resolve } of begun) resolve(claimed('voucher-1'));
    await left;
    expect(isClosed).toBe(true);
    expect(begun.length).toBeLessThanOrEqual(3);
  });
});

describe('claims', () => {
  test.each([
    [undefined, undefined, 16],
    [40, undefined, 40],
    [40, 3, 3],
  ])(
    'are as many at once as the caller, the pair or the default says (%s, %s)',
    async (ofPair, concurrency, expected) => {
      const { begun, deduplicator } = heldClaims(ofPair);
      const results = deduplicator.fetchItemsForDeduplicationIds(ids(100), { concurrency });
      const next = results[Symbol.asyncIterator]().next();
      await settled();
      expect(begun).toHaveLength(expected);
      begun[0]?.resolve(claimed('voucher'));
      await next;
    },
  );

  test.each([0, -1, 1.5, Number.NaN])(
    'are refused if the pair asks for %s at once',
    async (ofPair) => {
      const { begun, deduplicator } = heldClaims(ofPair);
      const { error } = await readAll(deduplicator.fetchItemsForDeduplicationIds(ids(1)));
      expect(error).toMatchObject({ code: 'STORAGEBOX_INVALID_OPTION', option: 'bulkConcurrency' });
      expect(begun).toEqual([]);
    },
  );

  test('tell the pair that nobody waits for a single one, and calls by themselves do not', async () => {
    const { begun, deduplicator } = heldClaims();
    const results = deduplicator.fetchItemsForDeduplicationIds(ids(1));
    const next = results[Symbol.asyncIterator]().next();
    const single = deduplicator.claim('single');
    await settled();
    const isInBulk = Object.fromEntries(
      begun.map(({ deduplicationId, options }) => [deduplicationId, options.isInBulk ?? false]),
    );
    expect(isInBulk).toEqual({ 'user-0': true, single: false });
    for (const { resolve } of begun) resolve(claimed('voucher'));
    await Promise.all([next, single]);
  });

  test('read the ID first, whatever the option, while the input has its items already', async () => {
    const { begun, deduplicator } = heldClaims(1, true);
    const results = deduplicator.fetchItemsForDeduplicationIds(ids(5));
    const statuses = ['claimed', 'existing', 'existing', 'claimed', 'claimed'] as const;
    const reading = readAll(results);
    for (const [nth, status] of statuses.entries()) {
      await settled();
      begun[nth]?.resolve({ ...claimed(`voucher-${nth}`), status } as ClaimResult);
    }
    await reading;
    const hasRead = begun.map(({ options }) => !options.skipFirstRead);
    expect(hasRead).toEqual([false, false, true, true, false]);
  });
});

describe('a failure', () => {
  test('of a claim comes after the results before it, and lets nothing else begin', async () => {
    const { begun, deduplicator } = heldClaims();
    const results = readAll(
      deduplicator.fetchItemsForDeduplicationIds(ids(10), { concurrency: 3 }),
    );
    await settled();
    const fault = new Error('injected');
    begun[1]?.reject(fault);
    await settled();
    begun[0]?.resolve(claimed('voucher-0'));
    let isTold = false;
    results.then(() => {
      isTold = true;
    });
    await settled();
    // The third claim is under way still.
    expect(isTold).toBe(false);
    begun[2]?.resolve(claimed('voucher-2'));
    const { handOuts, error } = await results;
    expect(handOuts.map(({ deduplicationId }) => deduplicationId)).toEqual(['user-0']);
    expect(error).toBe(fault);
    expect(begun).toHaveLength(3);
  });

  test('of the input comes after the results before it', async () => {
    const deduplicator = await filledPair(10);
    const fault = new Error('the file ended too early');
    const input = (async function* () {
      yield* ids(5);
      throw fault;
    })();
    const { handOuts, error } = await readAll(deduplicator.fetchItemsForDeduplicationIds(input));
    expect(handOuts.map(({ deduplicationId }) => deduplicationId)).toEqual(ids(5));
    expect(error).toBe(fault);
  });

  test('of an ID in a stream tells its place, and those before it have their items', async () => {
    const deduplicator = await filledPair(10);
    const input = (function* () {
      yield* ['user-0', 'user-1', '', 'user-3'];
    })();
    const { handOuts, error } = await readAll(deduplicator.fetchItemsForDeduplicationIds(input));
    expect(handOuts.map(({ deduplicationId }) => deduplicationId)).toEqual(ids(2));
    expect(error).toMatchObject({ code: 'STORAGEBOX_INVALID_DEDUPLICATION_ID', index: 2 });
  });

  test('of an ID in an array stops all of it at once', async () => {
    const { begun, deduplicator } = heldClaims();
    expect(() => deduplicator.fetchItemsForDeduplicationIds(['user-0', ''])).toThrow(
      'Expected the deduplication ID at index 1',
    );
    expect(begun).toHaveLength(0);
  });

  test('of the caller’s own progress listener ends it', async () => {
    const deduplicator = await filledPair(10);
    const onProgress = () => {
      throw new Error('disk full');
    };
    const { handOuts, error } = await readAll(
      deduplicator.fetchItemsForDeduplicationIds(ids(5), { onProgress }),
    );
    expect(handOuts).toEqual([]);
    expect(error).toEqual(new Error('disk full'));
  });
});

describe('an abort', () => {
  test('hands out what is under way, then throws its reason', async () => {
    const { begun, deduplicator } = heldClaims();
    const controller = new AbortController();
    const results = readAll(
      deduplicator.fetchItemsForDeduplicationIds(ids(10), {
        concurrency: 2,
        signal: controller.signal,
      }),
    );
    await settled();
    controller.abort(new Error('the operator changed her mind'));
    for (const { resolve, deduplicationId } of begun) resolve(claimed(deduplicationId));
    const { handOuts, error } = await results;
    expect(handOuts.map(({ deduplicationId }) => deduplicationId)).toEqual(ids(2));
    expect(error).toEqual(new Error('the operator changed her mind'));
    expect(begun).toHaveLength(2);
  });

  test('does not wait for an input that has fallen silent', async () => {
    const deduplicator = await filledPair(10);
    const controller = new AbortController();
    const input = (async function* () {
      yield 'user';
      await new Promise(() => {});
    })();
    const results = readAll(
      deduplicator.fetchItemsForDeduplicationIds(input, { signal: controller.signal }),
    );
    await settled();
    controller.abort(new Error('enough'));
    const { handOuts, error } = await results;
    expect(handOuts).toHaveLength(1);
    expect(error).toEqual(new Error('enough'));
  });

  test('lets nothing begin for an ID that the input gives afterwards', async () => {
    const { begun, deduplicator } = heldClaims();
    const controller = new AbortController();
    let giveNext = () => {};
    const input = (async function* () {
      yield 'user-0';
      await new Promise<void>((resolve) => {
        giveNext = resolve;
      });
      yield 'user-1';
    })();
    const results = readAll(
      deduplicator.fetchItemsForDeduplicationIds(input, { signal: controller.signal }),
    );
    await settled();
    controller.abort(new Error('enough'));
    giveNext();
    await settled();
    begun[0]?.resolve(claimed('voucher'));
    expect((await results).handOuts).toHaveLength(1);
    expect(begun).toHaveLength(1);
  });

  test('is not listened for by what is never read', () => {
    const { signal } = new AbortController();
    const { deduplicator } = heldClaims();
    deduplicator.fetchItemsForDeduplicationIds(['a'], { signal });
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  test('before the beginning lets nothing begin', async () => {
    const { begun, deduplicator } = heldClaims();
    const signal = AbortSignal.abort(new Error('too late'));
    const { error } = await readAll(deduplicator.fetchItemsForDeduplicationIds(ids(3), { signal }));
    expect(error).toEqual(new Error('too late'));
    expect(begun).toHaveLength(0);
  });
});
