// What holds, groups and chosen items are refused for before anything is done, and what a sweep makes of its holds.
import {
  type AtomicWrites,
  Deduplicator,
  type DeduplicatorOptions,
  type ExpiredHoldsReport,
  MAX_HOLD_MS,
  UnknownItemBankError,
} from 'storagebox/core';
import { DeduplicationMemoryRepository, ItemBankMemoryRepository } from 'storagebox/memory';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { runtime } from '../../src/environment/runtime.js';
import { MapDeduplication, SetItemBank } from '../support/custom-backend.js';

// biome-ignore lint/suspicious/noExplicitAny: what TypeScript would refuse, done anyway.
const any = (value: unknown) => value as any;

const memoryPair = () => ({
  itemRepo: new ItemBankMemoryRepository(),
  deduplicationRepo: new DeduplicationMemoryRepository(),
});

/** From here to the end of the test, the wall clock stands until it is moved. */
function controlledDate() {
  let nowMs = Date.UTC(2026, 0);
  const date = vi.spyOn(runtime, 'date').mockImplementation(() => new Date(nowMs));
  onTestFinished(() => date.mockRestore());
  return {
    at: (laterMs: number) => new Date(nowMs + laterMs),
    pass(byMs: number) {
      nowMs += byMs;
    },
  };
}

/** A pair whose atomic writes the test gives. */
function deduplicatorWith(
  atomicWrites: Partial<AtomicWrites>,
  options: Partial<DeduplicatorOptions> = {},
) {
  const claimItem: AtomicWrites['claimItem'] = async () => ({ status: 'exhausted', item: null });
  const deduplicationRepo = Object.assign(new MapDeduplication(), {
    atomicWritesWith: async (): Promise<AtomicWrites> => ({ claimItem, ...atomicWrites }),
  });
  return new Deduplicator({ itemRepo: new SetItemBank(), deduplicationRepo, ...options });
}

describe('what cannot be used is refused, and asks the store for nothing', () => {
  const claimItem = vi.fn<AtomicWrites['claimItem']>();
  const claimItems = vi.fn<Required<AtomicWrites>['claimItems']>();
  const confirmItem = vi.fn<Required<AtomicWrites>['confirmItem']>();
  const deduplicator = () =>
    deduplicatorWith({
      features: ['item', 'holdForMs', 'alongside'],
      claimItem,
      claimItems,
      confirmItem,
    });
  const ids = (count: number) => Array.from({ length: count }, (_, index) => `user-${index}`);

  const lengths = [0, -1, 1.5, Number.NaN, MAX_HOLD_MS + 1, '60000', null].map(any);

  test.each(lengths)('a hold of %s milliseconds', async (holdForMs) => {
    const refusal = { code: 'STORAGEBOX_INVALID_OPTION', option: 'holdForMs', written: 'nothing' };
    for (const call of [
      deduplicator().claim('user', { holdForMs }),
      deduplicator().claim('user', { item: '14C', holdForMs }),
      deduplicator().claimAll(['user'], { holdForMs }),
    ]) {
      await expect(call).rejects.toMatchObject(refusal);
    }
    expect(() => deduplicatorWith({}, { maxHoldMs: holdForMs })).toThrow(
      expect.objectContaining({ option: 'maxHoldMs' }),
    );
  });

  test.each(['', 42, null, 'x'.repeat(2_049), '\uD800'].map(any))('the item %j', async (item) => {
    for (const call of [
      deduplicator().claim('user', { item }),
      deduplicator().confirm('user', { item }),
    ]) {
      await expect(call).rejects.toMatchObject({ code: 'STORAGEBOX_INVALID_ITEM' });
    }
  });

  test.each([[[]], ['order'], [{}], [null]].map(any))(
    'own writes that are %j',
    async (alongside) => {
      for (const call of [
        deduplicator().claim('user', { alongside }),
        deduplicator().claimAll(['user'], { alongside }),
        deduplicator().confirm('user', { alongside }),
        deduplicator().releaseItemForDeduplicationId('user', { alongside }),
        deduplicator().retireItemForDeduplicationId('user', { alongside }),
      ]) {
        await expect(call).rejects.toMatchObject({
          code: 'STORAGEBOX_INVALID_OPTION',
          option: 'alongside',
        });
      }
    },
  );

  test.each([
    ['none', []],
    ['51', ids(51)],
    ['one that comes twice', ['user-1', 'user-2', 'user-1']],
    ['no array', any(new Set(['user-1']))],
    ['a string', any('user-1')],
  ])('a group of IDs: %s', async (_name, group) => {
    await expect(deduplicator().claimAll(group)).rejects.toMatchObject({
      code: 'STORAGEBOX_INVALID_OPTION',
      option: 'deduplicationIds',
    });
  });

  test('an invalid ID of a group, by its index', async () => {
    await expect(deduplicator().claimAll(['user-1', 'user-2', ''])).rejects.toMatchObject({
      code: 'STORAGEBOX_INVALID_DEDUPLICATION_ID',
      index: 2,
    });
  });

  test('and nothing was asked for', () => {
    for (const call of [claimItem, claimItems, confirmItem]) expect(call).not.toHaveBeenCalled();
  });
});

test('a group is what it was when it was asked for', async () => {
  const claimItems = vi.fn<Required<AtomicWrites>['claimItems']>(async () => ({
    status: 'exhausted',
    itemsNeeded: 1,
    itemsSeen: 0,
  }));
  const group = ['user-1', 'user-2'];
  const answer = deduplicatorWith({ claimItems }).claimAll(group);
  group[0] = 'somebody else';
  await answer;
  expect(claimItems.mock.calls[0]?.[0]).toEqual(['user-1', 'user-2']);
});

describe('a pair', () => {
  const pairs: Record<string, () => Deduplicator> = {
    'in two steps': () =>
      new Deduplicator({ itemRepo: new SetItemBank(), deduplicationRepo: new MapDeduplication() }),
    'of an earlier version': () =>
      deduplicatorWith({
        claimItem: async () => ({ status: 'claimed', item: 'voucher' }),
        releaseItem: async () => 'voucher',
      }),
  };
  test.each(Object.entries(pairs))('%s says what it does not know', async (_name, open) => {
    const alongside = any(() => expect.unreachable('own writes were asked for'));
    const calls: Record<string, (deduplicator: Deduplicator) => Promise<unknown>> = {
      item: (deduplicator) => deduplicator.claim('user', { item: '14C' }),
      holdForMs: (deduplicator) => deduplicator.claim('user', { holdForMs: 1 }),
      alongside: (deduplicator) => deduplicator.claim('user', { alongside }),
      claimAll: (deduplicator) => deduplicator.claimAll(['user']),
      confirm: (deduplicator) => deduplicator.confirm('user'),
      releaseExpiredHolds: (deduplicator) => deduplicator.releaseExpiredHolds(),
    };
    for (const [feature, call] of Object.entries(calls)) {
      const deduplicator = open();
      await deduplicator.addItemsToBank(['voucher']);
      const refusal = { code: 'STORAGEBOX_FEATURE_NOT_SUPPORTED', feature, written: 'nothing' };
      await expect(call(deduplicator)).rejects.toMatchObject(refusal);
      expect(await deduplicator.deduplicationRepo.getValueForDeduplicationId('user')).toBeNull();
    }
  });

  test('that releases, but knows no own writes, does not release without them', async () => {
    const releaseItem = vi.fn(async () => 'voucher');
    const confirmItem = vi.fn(async () => 'voucher');
    const deduplicator = deduplicatorWith({ releaseItem, confirmItem });
    const alongside = any(() => []);
    for (const call of [
      deduplicator.releaseItemForDeduplicationId('user', { alongside }),
      deduplicator.retireItemForDeduplicationId('user', { alongside }),
      deduplicator.confirm('user', { alongside }),
    ]) {
      await expect(call).rejects.toMatchObject({
        code: 'STORAGEBOX_FEATURE_NOT_SUPPORTED',
        feature: 'alongside',
      });
    }
    expect(releaseItem).not.toHaveBeenCalled();
    expect(confirmItem).not.toHaveBeenCalled();
  });

  test('that leaves the end of a hold out gives a claim without one', async () => {
    const deduplicator = deduplicatorWith({
      claimItem: async () => ({ status: 'claimed', item: 'voucher' }),
    });
    expect(await deduplicator.claim('user')).toEqual({
      status: 'claimed',
      item: 'voucher',
      itemBankName: null,
      heldUntil: null,
    });
  });
});

describe('the end of a hold in memory', () => {
  test('is so much later than the claim, and later claims only move it further', async () => {
    const { at, pass } = controlledDate();
    const deduplicator = new Deduplicator(memoryPair());
    await deduplicator.addItemsToBank(['voucher']);
    const hold = async (holdForMs: number) =>
      (await deduplicator.claim('user', { holdForMs })).heldUntil;
    expect(await hold(1_000)).toEqual(at(1_000));
    expect(await hold(500)).toEqual(at(1_000));
    expect(await hold(3_000)).toEqual(at(3_000));
    pass(2_500);
    expect(await hold(1_000)).toEqual(at(1_000));
    expect((await deduplicator.claim('user')).heldUntil).toEqual(at(1_000));
  });

  test('is never later than the limit, which counts from the assignment on', async () => {
    const { at, pass } = controlledDate();
    const deduplicator = new Deduplicator({ ...memoryPair(), maxHoldMs: 2_000 });
    await deduplicator.addItemsToBank(['voucher']);
    const hold = async (holdForMs: number) =>
      (await deduplicator.claim('user', { holdForMs })).heldUntil;
    expect(await hold(1_500)).toEqual(at(1_500));
    pass(1_000);
    expect(await hold(1_500)).toEqual(at(1_000));
    pass(5_000);
    expect(await hold(1_500)).toEqual(at(-4_000));
    expect(await deduplicator.releaseExpiredHolds()).toMatchObject({ released: 1 });
    expect(await hold(9_000)).toEqual(at(2_000));
  });

  test('is looked at with the clock of the sweep', async () => {
    const { pass } = controlledDate();
    const deduplicator = new Deduplicator(memoryPair());
    await deduplicator.addItemsToBank(['voucher']);
    await deduplicator.claim('user', { holdForMs: 1_000 });
    const none = { found: 0, released: 0, kept: 0, ofOtherBanks: 0 };
    pass(999);
    expect(await deduplicator.releaseExpiredHolds()).toEqual(none);
    pass(1);
    expect(await deduplicator.releaseExpiredHolds()).toEqual({ ...none, found: 1, released: 1 });
    expect(await deduplicator.releaseExpiredHolds()).toEqual(none);
  });

  test('is part of the assignment that is looked up and listed', async () => {
    const { at } = controlledDate();
    const { itemRepo, deduplicationRepo } = memoryPair();
    const deduplicator = new Deduplicator({ itemRepo, deduplicationRepo });
    await deduplicator.addItemsToBank(['voucher-1', 'voucher-2']);
    await deduplicator.claim('user-1', { holdForMs: 1_000 });
    await deduplicator.claim('user-2');
    const ends: Record<string, Date | null | undefined> = {};
    for await (const each of deduplicationRepo.listAssignments()) {
      ends[each.deduplicationId] = each.heldUntil;
    }
    expect(ends).toEqual({ 'user-1': at(1_000), 'user-2': null });
    expect(await deduplicationRepo.getAssignment('user-1')).toMatchObject({ heldUntil: at(1_000) });
  });
});

describe('a sweep', () => {
  const settled = () => new Promise((resolve) => setImmediate(resolve));

  /** A sweep whose releases the test ends. */
  function setUp(count: number) {
    const underWay: { resolve(item: string | null): void; reject(error: unknown): void }[] = [];
    const state = { isListingEnded: false };
    const deduplicator = deduplicatorWith({
      expiredHolds: async function* () {
        try {
          for (let nth = 0; nth < count; nth++) {
            yield {
              deduplicationId: `user-${nth}`,
              release: () =>
                new Promise<string | null>((resolve, reject) => underWay.push({ resolve, reject })),
            };
          }
        } finally {
          state.isListingEnded = true;
        }
      },
    });
    return { deduplicator, underWay, state };
  }

  test('takes so many back at once, and counts what became of each', async () => {
    const { deduplicator, underWay } = setUp(4);
    const told: ExpiredHoldsReport[] = [];
    const onProgress = (progress: ExpiredHoldsReport) => told.push(progress);
    const sweep = deduplicator.releaseExpiredHolds({ concurrency: 3, onProgress });
    await settled();
    expect(underWay).toHaveLength(3);
    underWay[1]?.resolve('voucher');
    await settled();
    expect(underWay).toHaveLength(4);
    underWay[0]?.resolve(null);
    await settled();
    underWay[2]?.reject(new UnknownItemBankError(0));
    await settled();
    underWay[3]?.resolve('another voucher');
    const report = { found: 4, released: 2, kept: 1, ofOtherBanks: 1 };
    expect(await sweep).toEqual(report);
    expect(told).toEqual([
      { found: 1, released: 1, kept: 0, ofOtherBanks: 0 },
      { found: 2, released: 1, kept: 1, ofOtherBanks: 0 },
      { found: 3, released: 1, kept: 1, ofOtherBanks: 1 },
      report,
    ]);
  });

  test('that fails ends when all that is under way has ended, and begins no more', async () => {
    const { deduplicator, underWay, state } = setUp(9);
    const fault = new Error('access denied');
    const ended = vi.fn();
    const sweep = deduplicator.releaseExpiredHolds({ concurrency: 2 });
    sweep.then(ended, ended);
    await settled();
    underWay[0]?.reject(fault);
    await settled();
    expect(ended).not.toHaveBeenCalled();
    underWay[1]?.resolve('voucher');
    await expect(sweep).rejects.toBe(fault);
    expect(underWay).toHaveLength(2);
    expect(state.isListingEnded).toBe(true);
  });

  test('whose listener throws ends with that error, and begins no more', async () => {
    const { deduplicator, underWay, state } = setUp(9);
    const fault = new Error('no progress, please');
    const onProgress = () => {
      throw fault;
    };
    const sweep = deduplicator.releaseExpiredHolds({ concurrency: 1, onProgress });
    await settled();
    underWay[0]?.resolve('voucher');
    await expect(sweep).rejects.toBe(fault);
    expect(underWay).toHaveLength(1);
    expect(state.isListingEnded).toBe(true);
  });

  test('that is aborted waits for what is under way, and begins no more', async () => {
    const { deduplicator, underWay } = setUp(9);
    const controller = new AbortController();
    const reason = new Error('the server stops');
    const ended = vi.fn();
    const sweep = deduplicator.releaseExpiredHolds({ concurrency: 2, signal: controller.signal });
    sweep.then(ended, ended);
    await settled();
    controller.abort(reason);
    underWay[0]?.resolve('voucher');
    await settled();
    expect(ended).not.toHaveBeenCalled();
    underWay[1]?.resolve('voucher');
    await expect(sweep).rejects.toBe(reason);
    expect(underWay).toHaveLength(2);
  });

  test('whose signal is aborted already looks at nothing', async () => {
    const { deduplicator, underWay } = setUp(9);
    const reason = new Error('the server stops');
    const sweep = deduplicator.releaseExpiredHolds({ signal: AbortSignal.abort(reason) });
    await expect(sweep).rejects.toBe(reason);
    expect(underWay).toEqual([]);
  });

  test('gives items to the banks that they came from, and leaves those of unknown banks', async () => {
    const { pass } = controlledDate();
    const deduplicationRepo = new DeduplicationMemoryRepository();
    const names = ['own', 'known', 'unknown'];
    const banks = names.map((name) => new ItemBankMemoryRepository({ name }));
    for (const [index, itemRepo] of banks.entries()) {
      const deduplicator = new Deduplicator({ itemRepo, deduplicationRepo });
      await itemRepo.addItemToBank('voucher');
      await deduplicator.claim(`user of ${names[index]}`, { holdForMs: 1 });
    }
    pass(1);
    const [itemRepo, known, unknown] = banks as [
      ItemBankMemoryRepository,
      ItemBankMemoryRepository,
      ItemBankMemoryRepository,
    ];
    const deduplicator = new Deduplicator({ itemRepo, deduplicationRepo, releaseBanks: [known] });
    expect(await deduplicator.releaseExpiredHolds()).toEqual({
      found: 3,
      released: 2,
      kept: 0,
      ofOtherBanks: 1,
    });
    expect(await Promise.all(banks.map((bank) => bank.countItems()))).toEqual([1, 1, 0]);
    await unknown.addItemToBank('another voucher');
    expect(await deduplicationRepo.getValueForDeduplicationId('user of unknown')).toBe('voucher');
  });

  test.each([
    ['concurrency', 0],
    ['concurrency', 1.5],
    ['onProgress', true],
    ['signal', 'abort'],
  ])('with the %s %j is refused', async (option, value) => {
    const sweep = deduplicatorWith({}).releaseExpiredHolds({ [option]: value });
    await expect(sweep).rejects.toMatchObject({ code: 'STORAGEBOX_INVALID_OPTION', option });
  });
});

describe('the bank in memory', () => {
  test('gives a chosen item, and neither loses nor repeats another one', async () => {
    const items = Array.from({ length: 20 }, (_, index) => `seat-${index}`);
    const deduplicator = new Deduplicator(memoryPair());
    await deduplicator.addItemsToBank(items);
    // The last, the first and one in the middle: whatever takes their place in the bank stays there.
    for (const item of ['seat-19', 'seat-0', 'seat-7']) {
      expect(await deduplicator.claim(`of ${item}`, { item })).toMatchObject({ status: 'claimed' });
      expect(await deduplicator.claim('late', { item })).toEqual({ status: 'taken', item: null });
    }
    const group = Array.from({ length: 10 }, (_, index) => `user-${index}`);
    const { members = [] } = await deduplicator.claimAll(group);
    const rest: (string | null)[] = [];
    for (let nth = 0; nth < 7; nth++) rest.push(await deduplicator.itemRepo.getItemFromBank());
    const given = [...members.map(({ item }) => item), ...rest, 'seat-19', 'seat-0', 'seat-7'];
    expect(given.sort()).toEqual([...items].sort());
    expect(await deduplicator.itemRepo.getItemFromBank()).toBeNull();
  });
});
