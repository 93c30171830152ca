// The protocol for pairs that share no transaction, with failures at each of its steps.
import { ContentionError, Deduplicator } from 'storagebox/core';
import { describe, expect, test, vi } from 'vitest';
import { MapDeduplication, SetItemBank } from '../support/custom-backend.js';
import { useVirtualTime } from '../support/virtual-time.js';

function setUp() {
  useVirtualTime();
  const itemRepo = new SetItemBank();
  const deduplicationRepo = new MapDeduplication();
  itemRepo.items.add('voucher');
  const deduplicator = new Deduplicator({ itemRepo, deduplicationRepo });
  return { itemRepo, deduplicationRepo, deduplicator };
}

const fault = new Error('injected');

describe('an assignment that fails', () => {
  test('after it landed is found out, and the item is claimed', async () => {
    const { deduplicator, deduplicationRepo, itemRepo } = setUp();
    const put = deduplicationRepo.putDeduplicationId.bind(deduplicationRepo);
    vi.spyOn(deduplicationRepo, 'putDeduplicationId').mockImplementationOnce(async (id, item) => {
      await put(id, item);
      throw fault;
    });
    expect(await deduplicator.claim('user')).toEqual({
      status: 'claimed',
      item: 'voucher',
      itemBankName: null,
      heldUntil: null,
    });
    expect(itemRepo.items.size).toBe(0);
  });

  test('once before it landed is sent again', async () => {
    const { deduplicator, deduplicationRepo } = setUp();
    vi.spyOn(deduplicationRepo, 'putDeduplicationId').mockRejectedValueOnce(fault);
    expect(await deduplicator.claim('user')).toEqual({
      status: 'claimed',
      item: 'voucher',
      itemBankName: null,
      heldUntil: null,
    });
    expect(deduplicationRepo.itemsById.get('user')).toBe('voucher');
  });

  test('with an error that says that nothing was written is thrown, and the item goes back', async () => {
    const { deduplicator, deduplicationRepo, itemRepo } = setUp();
    const refused = new ContentionError(10_000);
    vi.spyOn(deduplicationRepo, 'putDeduplicationId').mockRejectedValue(refused);
    await expect(deduplicator.claim('user')).rejects.toBe(refused);
    expect([...itemRepo.items]).toEqual(['voucher']);
  });

  test('each time is not given back blindly: the error carries the item', async () => {
    const { deduplicator, deduplicationRepo, itemRepo } = setUp();
    vi.spyOn(deduplicationRepo, 'putDeduplicationId').mockRejectedValue(fault);
    await expect(deduplicator.claim('user')).rejects.toMatchObject({
      code: 'STORAGEBOX_ITEM_STRANDED',
      item: 'voucher',
      cause: fault,
    });
    expect(itemRepo.items.size).toBe(0);
  });

  test('each time although it landed is found out by reading', async () => {
    const { deduplicator, deduplicationRepo } = setUp();
    vi.spyOn(deduplicationRepo, 'putDeduplicationId').mockImplementation(async (id, item) => {
      deduplicationRepo.itemsById.set(id, item);
      throw fault;
    });
    expect(await deduplicator.claim('user')).toEqual({
      status: 'claimed',
      item: 'voucher',
      itemBankName: null,
      heldUntil: null,
    });
  });

  test('each time while even reading fails carries the item', async () => {
    const { deduplicator, deduplicationRepo } = setUp();
    vi.spyOn(deduplicationRepo, 'putDeduplicationId').mockRejectedValue(fault);
    vi.spyOn(deduplicationRepo, 'getValueForDeduplicationId')
      .mockResolvedValueOnce(null)
      .mockRejectedValue(new Error('unreadable'));
    await expect(deduplicator.claim('user')).rejects.toMatchObject({
      code: 'STORAGEBOX_ITEM_STRANDED',
      item: 'voucher',
    });
  });
});

describe('an ID that gets an item in between', () => {
  test('keeps it, and the item that was taken goes back', async () => {
    const { deduplicator, deduplicationRepo, itemRepo } = setUp();
    const take = itemRepo.getItemFromBank.bind(itemRepo);
    vi.spyOn(itemRepo, 'getItemFromBank').mockImplementation(async () => {
      deduplicationRepo.itemsById.set('user', 'theirs');
      return take();
    });
    expect(await deduplicator.claim('user')).toEqual({
      status: 'existing',
      item: 'theirs',
      itemBankName: null,
      heldUntil: null,
    });
    expect([...itemRepo.items]).toEqual(['voucher']);
  });

  test('keeps it, and an item that cannot go back is reported', async () => {
    const { deduplicator, deduplicationRepo, itemRepo } = setUp();
    vi.spyOn(deduplicationRepo, 'getValueForDeduplicationId').mockResolvedValueOnce(null);
    deduplicationRepo.itemsById.set('user', 'theirs');
    vi.spyOn(itemRepo, 'addItemToBank').mockRejectedValue(fault);
    await expect(deduplicator.claim('user')).rejects.toMatchObject({
      code: 'STORAGEBOX_ITEM_STRANDED',
      item: 'voucher',
      cause: fault,
    });
  });

  test('keeps it, and the item goes back through `returnItemToBank` where there is one', async () => {
    const { deduplicator, deduplicationRepo, itemRepo } = setUp();
    vi.spyOn(deduplicationRepo, 'getValueForDeduplicationId').mockResolvedValueOnce(null);
    deduplicationRepo.itemsById.set('user', 'theirs');
    // A bank with a ledger knows the item, so adding it does nothing.
    vi.spyOn(itemRepo, 'addItemToBank').mockResolvedValue();
    const returnItem = vi.spyOn(itemRepo, 'returnItemToBank').mockResolvedValue();
    expect(await deduplicator.claim('user')).toEqual({
      status: 'existing',
      item: 'theirs',
      itemBankName: null,
      heldUntil: null,
    });
    expect(returnItem.mock.calls).toEqual([['voucher']]);
  });

  test('keeps it, and the item goes back into a bank of the three methods alone', async () => {
    const { deduplicationRepo, itemRepo } = setUp();
    vi.spyOn(deduplicationRepo, 'getValueForDeduplicationId').mockResolvedValueOnce(null);
    deduplicationRepo.itemsById.set('user', 'theirs');
    const ofThreeMethods = Object.assign(itemRepo, { returnItemToBank: undefined as never });
    const deduplicator = new Deduplicator({ itemRepo: ofThreeMethods, deduplicationRepo });
    expect(await deduplicator.claim('user')).toEqual({
      status: 'existing',
      item: 'theirs',
      itemBankName: null,
      heldUntil: null,
    });
    expect([...itemRepo.items]).toEqual(['voucher']);
  });

  test('from the last item of the bank is not told "sold out"', async () => {
    const { deduplicator, deduplicationRepo, itemRepo } = setUp();
    vi.spyOn(itemRepo, 'getItemFromBank').mockImplementation(async () => {
      deduplicationRepo.itemsById.set('user', 'voucher');
      return null;
    });
    expect(await deduplicator.claim('user')).toEqual({
      status: 'existing',
      item: 'voucher',
      itemBankName: null,
      heldUntil: null,
    });
  });
});

test('an abort after the item was taken does not strand it', async () => {
  const { deduplicator, deduplicationRepo, itemRepo } = setUp();
  const controller = new AbortController();
  const take = itemRepo.getItemFromBank.bind(itemRepo);
  vi.spyOn(itemRepo, 'getItemFromBank').mockImplementation(async () => {
    controller.abort(fault);
    return take();
  });
  await expect(deduplicator.claim('user', { signal: controller.signal })).rejects.toBe(fault);
  await vi.waitFor(() => expect(deduplicationRepo.itemsById.get('user')).toBe('voucher'));
});

test('an abort before the item is taken leaves it in the bank', async () => {
  const { deduplicator, deduplicationRepo, itemRepo } = setUp();
  const controller = new AbortController();
  vi.spyOn(deduplicationRepo, 'getValueForDeduplicationId').mockImplementation(async () => {
    controller.abort(fault);
    await Promise.resolve();
    return null;
  });
  await expect(deduplicator.claim('user', { signal: controller.signal })).rejects.toBe(fault);
  await new Promise((resolve) => setImmediate(resolve));
  expect([...itemRepo.items]).toEqual(['voucher']);
});
