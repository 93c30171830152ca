// What the claim makes of each answer that DynamoDB Local never gives by itself.
import type { TransactWriteItem } from '@aws-sdk/client-dynamodb';
import { Deduplicator } from 'storagebox';
import { describe, expect, test } from 'vitest';
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
  removeItems,
  throughOwnClient,
} from '../../../support/tables.js';
import { useVirtualTime } from '../../../support/virtual-time.js';

type Answer = (call: InterceptedCall, nth: number) => Promise<unknown>;

/** One voucher in the bank, and the given answer to each request of one operation, from the 1st. */
async function setUp(operation: string, answer: Answer, vouchers: readonly string[] = ['voucher']) {
  const tables = await freshTables();
  const pair = openPair(tables);
  await pair.itemRepo.batchAddItems(vouchers);
  const calls: InterceptedCall[] = [];
  intercept(tables.client, (call) => {
    if (call.operation !== operation) return call.send();
    calls.push(call);
    return answer(call, calls.length);
  });
  return { tables, calls, deduplicator: new Deduplicator(pair) };
}

const tokensOf = (calls: readonly InterceptedCall[]) =>
  calls.map(({ input }) => input.ClientRequestToken);

describe('a transaction that others, or throttling, are in the way of', () => {
  for (const codes of [
    ['TransactionConflict', 'None'],
    ['None', 'TransactionConflict'],
    ['ThrottlingError', 'None'],
    ['None', 'ProvisionedThroughputExceeded'],
  ]) {
    test(`is followed by another one after ${codes.join(', ')}`, async () => {
      const { tables, deduplicator, calls } = await setUp(
        'TransactWriteItems',
        async (call, nth) => {
          if (nth <= 2) throw cancellation(...codes);
          return call.send();
        },
      );
      expect(await deduplicator.claim('user')).toEqual({
        status: 'claimed',
        item: 'voucher',
        itemBankName: tables.itemBankTableName,
        heldUntil: null,
      });
      expect(new Set(tokensOf(calls)).size).toBe(3);
    });
  }

  test('gives way to one for another item', async () => {
    const tried: unknown[] = [];
    const { deduplicator } = await setUp(
      'TransactWriteItems',
      async (call) => {
        const [, removal] = call.input.TransactItems as TransactWriteItem[];
        tried.push(removal?.Delete?.Key?.item?.S);
        if (tried[0] === tried.at(-1)) throw cancellation('None', 'TransactionConflict');
        return call.send();
      },
      ['voucher-1', 'voucher-2'],
    );
    expect(await deduplicator.claim('user')).toMatchObject({ status: 'claimed' });
    expect(new Set(tried).size).toBe(2);
  });

  test('is given up after a bounded time, and the item stays in the bank', async () => {
    const { sleptMs } = useVirtualTime();
    const { deduplicator, tables } = await setUp('TransactWriteItems', async () => {
      throw cancellation('None', 'TransactionConflict');
    });
    await expect(deduplicator.claim('user')).rejects.toMatchObject({
      code: 'STORAGEBOX_CONTENTION',
      cause: { name: 'TransactionCanceledException' },
    });
    expect(Math.max(...sleptMs)).toBeLessThanOrEqual(1_000);
    expect(sleptMs.reduce((sum, delayMs) => sum + delayMs, 0)).toBeLessThan(11_001);
    expect(await allRows(tables.client, tables.itemBankTableName)).toHaveLength(1);
  });

  test('is given up earlier when the read before it was slow', async () => {
    const { sleptMs, advance } = useVirtualTime();
    const { deduplicator, tables } = await setUp('GetItem', async (call) => {
      advance(9_000);
      return call.send();
    });
    intercept(tables.client, async (call) => {
      if (call.operation === 'TransactWriteItems')
        throw cancellation('None', 'TransactionConflict');
      return call.send();
    });
    await expect(deduplicator.claim('user')).rejects.toMatchObject({
      code: 'STORAGEBOX_CONTENTION',
    });
    expect(sleptMs.reduce((sum, delayMs) => sum + delayMs, 0)).toBeLessThan(2_001);
  });

  test('is given up as well when others take each candidate first', async () => {
    const { advance } = useVirtualTime();
    const many = Array.from({ length: 50 }, (_, index) => `voucher-${index}`);
    const losing: Answer = async (call) => {
      const [, removal] = call.input.TransactItems as TransactWriteItem[];
      await removeItems(tables, [String(removal?.Delete?.Key?.item?.S)]);
      advance(1_000);
      return call.send();
    };
    const { deduplicator, tables } = await setUp('TransactWriteItems', losing, many);
    await expect(deduplicator.claim('user')).rejects.toMatchObject({
      code: 'STORAGEBOX_CONTENTION',
      elapsedMs: 10_000,
    });
  });
});

describe('errors of AWS', () => {
  for (const operation of ['Scan', 'TransactWriteItems']) {
    test(`throttling of ${operation} past all retries reaches the caller unchanged`, async () => {
      useVirtualTime();
      const throttling = serviceError('ThrottlingException');
      const { deduplicator } = await setUp(operation, async () => {
        throw throttling;
      });
      await expect(deduplicator.claim('user')).rejects.toBe(throttling);
    });
  }

  for (const operation of ['GetItem', 'Scan', 'TransactWriteItems']) {
    test(`access denied to ${operation} reaches the caller unchanged`, async () => {
      const denied = serviceError('AccessDeniedException');
      const { deduplicator } = await setUp(operation, async () => {
        throw denied;
      });
      await expect(deduplicator.claim('user')).rejects.toBe(denied);
    });
  }

  test('access denied on the way to null reaches the caller unchanged', async () => {
    const denied = serviceError('AccessDeniedException');
    const answer = async () => {
      throw denied;
    };
    const { deduplicator } = await setUp('TransactGetItems', answer, []);
    await expect(deduplicator.claim('user')).rejects.toBe(denied);
  });

  test('credentials that cannot be had are no unknown outcome', async () => {
    const noCredentials = Object.assign(new Error(), { name: 'CredentialsProviderError' });
    const { deduplicator, calls } = await setUp('TransactWriteItems', async () => {
      throw noCredentials;
    });
    await expect(deduplicator.claim('user')).rejects.toBe(noCredentials);
    expect(calls).toHaveLength(1);
  });
});

describe('an unknown outcome', () => {
  for (const [name, error] of [
    ['a timeout', timeout()],
    ['a fault of the server', serviceError('InternalServerError', {}, 500)],
    ['a reply that cannot be read', new SyntaxError('Unexpected end of JSON input')],
    ['a transaction in progress', serviceError('TransactionInProgressException')],
  ] as const) {
    test(`${name} after the write landed: the same token finds out`, async () => {
      const { deduplicator, calls, tables } = await setUp(
        'TransactWriteItems',
        async (call, nth) => {
          const output = await call.send();
          if (nth === 1) throw error;
          return output;
        },
      );
      expect(await deduplicator.claim('user')).toEqual({
        status: 'claimed',
        item: 'voucher',
        itemBankName: tables.itemBankTableName,
        heldUntil: null,
      });
      expect(new Set(tokensOf(calls)).size).toBe(1);
      expect(await allRows(tables.client, tables.itemBankTableName)).toEqual([]);
    });
  }

  test('that stays unknown throws, and the next call returns the item that had landed', async () => {
    useVirtualTime();
    let isBroken = true;
    const { tables, deduplicator } = await setUp('TransactWriteItems', async (call) => {
      const output = await call.send();
      if (isBroken) throw timeout();
      return output;
    });
    await expect(deduplicator.claim('user')).rejects.toMatchObject({
      code: 'STORAGEBOX_OUTCOME_UNKNOWN',
      cause: { name: 'TimeoutError' },
    });
    isBroken = false;
    expect(await deduplicator.claim('user')).toEqual({
      status: 'existing',
      item: 'voucher',
      itemBankName: tables.itemBankTableName,
      heldUntil: null,
    });
  });

  test('stays unknown when others take each further candidate until the time is up', async () => {
    const { advance } = useVirtualTime();
    const { deduplicator } = await setUp(
      'TransactWriteItems',
      async (_call, nth) => {
        if (nth === 1) throw timeout();
        advance(1_000);
        throw cancellation('None', 'ConditionalCheckFailed');
      },
      Array.from({ length: 50 }, (_, index) => `voucher-${index}`),
    );
    // The first attempt may still be applied.
    await expect(deduplicator.claim('user')).rejects.toMatchObject({
      code: 'STORAGEBOX_OUTCOME_UNKNOWN',
      cause: { code: 'STORAGEBOX_CONTENTION' },
    });
  });

  test('that a conflict follows stays unknown', async () => {
    useVirtualTime();
    const { deduplicator } = await setUp('TransactWriteItems', async (_call, nth) => {
      throw nth === 1 ? timeout() : cancellation('TransactionConflict', 'None');
    });
    await expect(deduplicator.claim('user')).rejects.toMatchObject({
      code: 'STORAGEBOX_OUTCOME_UNKNOWN',
    });
  });
});

describe('an ID that turns out to have an item', () => {
  test('is read when the refusal does not bring its row', async () => {
    const { tables } = await setUp('TransactWriteItems', (call) =>
      call.send().catch((error) => {
        for (const reason of error.CancellationReasons) delete reason.Item;
        throw error;
      }),
    );
    const untampered = openPair(throughOwnClient(tables));
    await untampered.deduplicationRepo.putDeduplicationId('user', 'earlier');
    const deduplicator = new Deduplicator({ ...openPair(tables), skipFirstRead: true });
    expect(await deduplicator.claim('user')).toEqual({
      status: 'existing',
      item: 'earlier',
      itemBankName: null,
      heldUntil: null,
    });
  });

  test('is claimed for after all when its row has been deleted in between', async () => {
    const { tables, deduplicator } = await setUp('TransactWriteItems', async (call, nth) => {
      if (nth === 1) throw cancellation('ConditionalCheckFailed', 'None');
      return call.send();
    });
    expect(await deduplicator.claim('user')).toEqual({
      status: 'claimed',
      item: 'voucher',
      itemBankName: tables.itemBankTableName,
      heldUntil: null,
    });
  });

  test('by the last read before null is given that item', async () => {
    const { tables, deduplicator } = await setUp(
      'GetItem',
      // A stale first read.
      async () => ({}),
      [],
    );
    await openPair(tables).deduplicationRepo.putDeduplicationId('user', 'earlier');
    expect(await deduplicator.claim('user')).toEqual({
      status: 'existing',
      item: 'earlier',
      itemBankName: null,
      heldUntil: null,
    });
  });
});

describe('the read before null', () => {
  test('waits for a transaction on the ID', async () => {
    const { deduplicator, calls } = await setUp(
      'TransactGetItems',
      async (call, nth) => {
        if (nth <= 2) throw cancellation('TransactionConflict');
        return call.send();
      },
      [],
    );
    expect(await deduplicator.claim('user')).toEqual({ status: 'exhausted', item: null });
    expect(calls).toHaveLength(3);
  });

  test('throws when that transaction does not end', async () => {
    useVirtualTime();
    const { deduplicator } = await setUp('TransactGetItems', async () => {
      throw cancellation('TransactionConflict');
    }, []);
    await expect(deduplicator.claim('user')).rejects.toMatchObject({
      code: 'STORAGEBOX_CONTENTION',
    });
  });
});
