// What adding and taking out make of each answer that DynamoDB Local never gives by itself.
import { BatchNotFullyAddedError, Deduplicator, writtenBy } from 'storagebox';
import { describe, expect, test } from 'vitest';
import { deliveredTooLate, FaultyTransport, refused } from '../../../support/faulty-transport.js';
import {
  cancellation,
  type InterceptedCall,
  intercept,
  serviceError,
  timeout,
} from '../../../support/interceptor.js';
import {
  allRows,
  freshTables,
  openPair,
  type Tables,
  throughOwnClient,
} from '../../../support/tables.js';
import { useVirtualTime } from '../../../support/virtual-time.js';

const vouchers = (count: number) => Array.from({ length: count }, (_, index) => `voucher-${index}`);

/** An empty bank, and the given answer to each transaction, from the 1st. */
async function setUp(answer: (call: InterceptedCall, nth: number) => Promise<unknown>) {
  const tables = await freshTables();
  let transactions = 0;
  intercept(tables.client, (call) =>
    call.operation === 'TransactWriteItems' ? answer(call, ++transactions) : call.send(),
  );
  return { tables, ...openPair(tables) };
}

async function bankOf({ client, itemBankTableName }: Tables): Promise<string[]> {
  const rows = await allRows(client, itemBankTableName);
  return rows.map((row) => String(row.item?.S)).sort();
}

async function failureOf(call: Promise<unknown>): Promise<BatchNotFullyAddedError> {
  const error = await call.catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(BatchNotFullyAddedError);
  return error as BatchNotFullyAddedError;
}

describe('a batch', () => {
  test('whose response is lost adds its items once, even when one is taken before it is sent again', async () => {
    const { tables, itemRepo } = await setUp(async (call, nth) => {
      const output = await call.send();
      if (nth > 1) return output;
      taken = await openPair(tables).itemRepo.getItemFromBank();
      throw timeout();
    });
    let taken: string | null = null;
    const report = await itemRepo.batchAddItems(vouchers(10));
    expect(report).toEqual({ read: 10, added: 10, repeats: 0, alreadyKnown: 0 });
    expect(await bankOf(tables)).toEqual(vouchers(10).filter((item) => item !== taken));
  });

  test('is patient with a throttled table', async () => {
    const { sleptMs } = useVirtualTime();
    const { itemRepo } = await setUp(async (call, nth) => {
      if (nth <= 20) throw cancellation(...vouchers(10).map(() => 'ThrottlingError'));
      return call.send();
    });
    expect(await itemRepo.batchAddItems(vouchers(10))).toMatchObject({ added: 10 });
    expect(sleptMs).toHaveLength(20);
  });

  test('that is refused tells that none of the refused items are in', async () => {
    const denied = serviceError('AccessDeniedException');
    const { tables, itemRepo } = await setUp(async (call, nth) => {
      if (nth === 3) throw denied;
      return call.send();
    });
    const error = await failureOf(itemRepo.batchAddItems(vouchers(1_000), { concurrency: 1 }));
    expect(error).toMatchObject({ cause: denied, read: 300, added: 200, unconfirmed: [] });
    expect(error.notAdded).toEqual(vouchers(300).slice(200));
    expect(await bankOf(tables)).toEqual(vouchers(200).sort());
  });

  test('whose outcome stays unknown tells which items are unconfirmed', async () => {
    useVirtualTime();
    const { itemRepo } = await setUp(async (call) => {
      await call.send();
      throw timeout();
    });
    const error = await failureOf(itemRepo.batchAddItems(vouchers(150), { concurrency: 2 }));
    expect(error).toMatchObject({
      cause: { code: 'STORAGEBOX_OUTCOME_UNKNOWN' },
      added: 0,
      notAdded: [],
    });
    expect([...error.unconfirmed].sort()).toEqual(vouchers(150).sort());
  });

  test('that is refused after an attempt of unknown outcome leaves its items unconfirmed', async () => {
    const { itemRepo } = await setUp(async (_call, nth) => {
      throw nth === 1 ? timeout() : serviceError('AccessDeniedException');
    });
    const error = await failureOf(itemRepo.batchAddItems(vouchers(5)));
    expect(error).toMatchObject({
      cause: { code: 'STORAGEBOX_OUTCOME_UNKNOWN', cause: { name: 'AccessDeniedException' } },
      notAdded: [],
      unconfirmed: vouchers(5),
    });
  });

  test('does not call an item certainly out while its first transaction can still arrive', async () => {
    const tables = await freshTables();
    const others = openPair(throughOwnClient(tables));
    await others.itemRepo.addItemToBank('known');
    const transport = new FaultyTransport(tables.client);
    transport.inject('TransactWriteItems', (attempt) => {
      if (attempt.nth === 1) return deliveredTooLate(attempt);
      return attempt.nth === 2 ? attempt.send() : refused('AccessDeniedException')(attempt);
    });
    const error = await failureOf(openPair(tables).itemRepo.batchAddItems(['known', 'new']));
    expect(error).toMatchObject({
      alreadyKnown: 1,
      notAdded: [],
      unconfirmed: ['new'],
      cause: { code: 'STORAGEBOX_OUTCOME_UNKNOWN', cause: { name: 'AccessDeniedException' } },
    });

    // The item that was in the way leaves, and the first transaction arrives.
    expect(await others.itemRepo.getItemFromBank()).toBe('known');
    await transport.deliverLateRequests();
    expect(await bankOf(throughOwnClient(tables))).toContain('new');
  });

  test('that is refused in its second transaction, the first one being answered, is certainly out', async () => {
    const { itemRepo } = await setUp(async (call, nth) => {
      if (nth === 3) throw serviceError('AccessDeniedException');
      return call.send();
    });
    await itemRepo.addItemToBank('known');
    const error = await failureOf(itemRepo.batchAddItems(['known', 'new']));
    expect(error).toMatchObject({
      notAdded: ['new'],
      unconfirmed: [],
      cause: { name: 'AccessDeniedException' },
    });
  });

  test('sends the rest of a chunk again when the bank holds some of it', async () => {
    const { tables, itemRepo } = await setUp((call) => call.send());
    await itemRepo.batchAddItems(vouchers(40));
    const report = await openPair(tables).itemRepo.batchAddItems(vouchers(60));
    expect(report).toEqual({ read: 60, added: 20, repeats: 0, alreadyKnown: 40 });
    expect(await bankOf(tables)).toEqual(vouchers(60).sort());
  });

  test('of known items alone adds nothing', async () => {
    const { itemRepo } = await setUp((call) => call.send());
    await itemRepo.batchAddItems(vouchers(150));
    const report = await itemRepo.batchAddItems(vouchers(150));
    expect(report).toEqual({ read: 150, added: 0, repeats: 0, alreadyKnown: 150 });
  });

  test('that is aborted while it waits for a throttled table ends with the reason', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const { tables, itemRepo } = await setUp(async () => {
      controller.abort(reason);
      throw cancellation('ThrottlingError');
    });
    const { signal } = controller;
    const error = await failureOf(itemRepo.batchAddItems(['voucher'], { signal }));
    expect(error).toMatchObject({ cause: reason, notAdded: ['voucher'], unconfirmed: [] });
    expect(await bankOf(tables)).toEqual([]);
  });
});

describe('taking an item out', () => {
  test('whose response is lost takes out one item and no more', async () => {
    const { tables, itemRepo } = await setUp(async (call, nth) => {
      const output = await call.send();
      if (nth === 2) throw timeout();
      return output;
    });
    await itemRepo.batchAddItems(vouchers(3));
    const item = await itemRepo.getItemFromBank();
    expect(await bankOf(tables)).toEqual(vouchers(3).filter((voucher) => voucher !== item));
  });

  test('whose outcome stays unknown throws an error that carries the item', async () => {
    useVirtualTime();
    const { itemRepo } = await setUp(async (call, nth) => {
      const output = await call.send();
      if (nth > 1) throw timeout();
      return output;
    });
    await itemRepo.addItemToBank('voucher');
    await expect(itemRepo.getItemFromBank()).rejects.toMatchObject({
      code: 'STORAGEBOX_ITEM_STRANDED',
      item: 'voucher',
    });
  });

  test('that is refused throws the refusal', async () => {
    const denied = serviceError('AccessDeniedException');
    const { itemRepo } = await setUp(async (call, nth) => {
      if (nth > 1) throw denied;
      return call.send();
    });
    await itemRepo.addItemToBank('voucher');
    await expect(itemRepo.getItemFromBank()).rejects.toBe(denied);
  });

  test('is given up after a bounded time when others take each candidate first', async () => {
    const { advance } = useVirtualTime();
    const { itemRepo } = await setUp(async (call, nth) => {
      if (nth === 1) return call.send();
      advance(1_000);
      throw cancellation('ConditionalCheckFailed');
    });
    await itemRepo.batchAddItems(vouchers(50));
    await expect(itemRepo.getItemFromBank()).rejects.toMatchObject({
      code: 'STORAGEBOX_CONTENTION',
    });
  });
});

describe('adding one item', () => {
  test('throws the refusal', async () => {
    const denied = serviceError('AccessDeniedException');
    const { itemRepo } = await setUp(async () => {
      throw denied;
    });
    await expect(itemRepo.addItemToBank('voucher')).rejects.toBe(denied);
  });
});

describe('assigning an item', () => {
  test('whose response is lost is no loss against itself', async () => {
    const { deduplicationRepo } = await setUp(async (call, nth) => {
      const output = await call.send();
      if (nth === 1) throw timeout();
      return output;
    });
    await deduplicationRepo.putDeduplicationId('user', 'voucher');
    expect(await deduplicationRepo.getValueForDeduplicationId('user')).toBe('voucher');
  });

  test('throws the refusal', async () => {
    const denied = serviceError('AccessDeniedException');
    const { deduplicationRepo } = await setUp(async () => {
      throw denied;
    });
    await expect(deduplicationRepo.putDeduplicationId('user', 'voucher')).rejects.toBe(denied);
  });

  test('goes on when the row in the way is deleted in between', async () => {
    const { deduplicationRepo } = await setUp(async (call, nth) => {
      if (nth === 1) throw cancellation('ConditionalCheckFailed');
      return call.send();
    });
    await deduplicationRepo.putDeduplicationId('user', 'voucher');
    expect(await deduplicationRepo.getValueForDeduplicationId('user')).toBe('voucher');
  });

  test('is not called refused while its first transaction can still arrive', async () => {
    const { deduplicationRepo } = await setUp(async (_, nth) => {
      if (nth === 1) throw timeout();
      throw nth === 2
        ? cancellation('ConditionalCheckFailed')
        : serviceError('AccessDeniedException');
    });
    await expect(deduplicationRepo.putDeduplicationId('user', 'voucher')).rejects.toMatchObject({
      code: 'STORAGEBOX_OUTCOME_UNKNOWN',
      cause: { name: 'AccessDeniedException' },
    });
  });

  test('that meets its own row is not certain to have written nothing', async () => {
    const { tables, deduplicationRepo } = await setUp(async (call, nth) => {
      if (nth === 1) throw timeout();
      if (nth === 2) throw cancellation('ConditionalCheckFailed');
      // The first attempt arrives at last.
      await openPair(throughOwnClient(tables)).deduplicationRepo.putDeduplicationId(
        'user',
        'voucher',
      );
      return call.send();
    });
    const error = await deduplicationRepo
      .putDeduplicationId('user', 'voucher')
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'STORAGEBOX_DEDUPLICATION_ID_ALREADY_ASSIGNED',
      existingItem: 'voucher',
    });
    expect(writtenBy(error)).toBe('unknown');
  });

  test('is not called refused when the read that would tell what became of it fails', async () => {
    const { tables, deduplicationRepo } = await setUp(async (_, nth) => {
      throw nth === 1 ? timeout() : cancellation('ConditionalCheckFailed');
    });
    intercept(tables.client, async ({ operation, send }) => {
      if (operation === 'GetItem') throw serviceError('ResourceNotFoundException');
      return send();
    });
    // The first attempt may have been applied: the row in the way can be its own.
    await expect(deduplicationRepo.putDeduplicationId('user', 'voucher')).rejects.toMatchObject({
      code: 'STORAGEBOX_OUTCOME_UNKNOWN',
      cause: { code: 'STORAGEBOX_TABLE_NOT_FOUND' },
    });
  });
});

describe('a claim in two steps', () => {
  test('whose assignment DynamoDB refuses throws the refusal, and the item is back in the bank', async () => {
    const denied = serviceError('AccessDeniedException');
    const { itemRepo, deduplicationRepo, tables } = await setUp(async (call) => {
      if (JSON.stringify(call.input).includes('deduplication_id')) throw denied;
      return call.send();
    });
    await itemRepo.addItemToBank('voucher');
    const deduplicator = new Deduplicator({
      itemRepo,
      deduplicationRepo: Object.assign(deduplicationRepo, { atomicClaimWith: undefined }),
    });
    await expect(deduplicator.claim('user')).rejects.toBe(denied);
    expect(writtenBy(denied)).toBe('nothing');
    expect(await bankOf(tables)).toEqual(['voucher']);
  });
});
