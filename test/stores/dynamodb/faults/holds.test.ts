// What chosen items, holds, sweeps and groups make of each answer that DynamoDB Local never gives by itself.
import {
  PutItemCommand,
  type TransactWriteItem,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import {
  createTables,
  DeduplicationDynamoDbRepository,
  Deduplicator,
  deduplicationTableWithHoldIndex,
  ItemBankDynamoDbRepository,
  itemBankTable,
} from 'storagebox';
import { describe, expect, test } from 'vitest';
import {
  cancellation,
  type InterceptedCall,
  intercept,
  timeout,
} from '../../../support/interceptor.js';
import {
  allRows,
  freshTables,
  openPair,
  removeItems,
  type Tables,
  throughOwnClient,
} from '../../../support/tables.js';
import { useVirtualTime } from '../../../support/virtual-time.js';

type Answer = (call: InterceptedCall, nth: number) => Promise<unknown>;

const HOUR_MS = 3_600_000;
const faithful: Answer = (call) => call.send();
const actionsOf = ({ input }: InterceptedCall) => input.TransactItems as TransactWriteItem[];
const itemsOf = (call: InterceptedCall) =>
  actionsOf(call).flatMap(({ Delete }) => Delete?.Key?.item?.S ?? []);

/** Items in the bank, and the given answer to each request of one operation. */
async function setUp(
  answer: Answer = faithful,
  items: readonly string[] = ['voucher'],
  operation = 'TransactWriteItems',
) {
  const tables = await freshTables();
  const others = new Deduplicator(openPair(throughOwnClient(tables)));
  await others.addItemsToBank(items);
  const calls: InterceptedCall[] = [];
  intercept(tables.client, (call) => {
    if (call.operation !== operation) return call.send();
    calls.push(call);
    return answer(call, calls.length);
  });
  return { tables, others, calls, deduplicator: new Deduplicator(openPair(tables)) };
}

/** The hold of the user ended an hour ago. */
async function endHold(tables: Tables, deduplicationId = 'user'): Promise<void> {
  const { client, deduplicationTableName: TableName } = throughOwnClient(tables);
  await client.send(
    new UpdateItemCommand({
      TableName,
      Key: { deduplication_id: { S: deduplicationId } },
      UpdateExpression: 'SET held_until = :end',
      ExpressionAttributeValues: { ':end': { S: new Date(Date.now() - HOUR_MS).toISOString() } },
    }),
  );
}

async function assignmentsOf(tables: Tables): Promise<unknown[]> {
  const { client, deduplicationTableName } = throughOwnClient(tables);
  const rows = await allRows(client, deduplicationTableName);
  return rows.map((row) => [
    row.deduplication_id?.S,
    row.item_string?.S,
    row.held_until === undefined ? 'for good' : 'held',
  ]);
}

async function bankOf(tables: Tables): Promise<unknown[]> {
  const { client, itemBankTableName } = throughOwnClient(tables);
  return (await allRows(client, itemBankTableName)).map(({ item }) => item?.S).sort();
}

describe('a chosen item', () => {
  test('is claimed by one read and one transaction, without a scan', async () => {
    const { tables } = await setUp(faithful, ['14C', '14D']);
    const operations: string[] = [];
    intercept(tables.client, (call) => {
      operations.push(call.operation);
      return call.send();
    });
    const deduplicator = new Deduplicator(openPair(tables));
    await deduplicator.claim('user', { item: '14C' });
    expect(operations).toEqual(['GetItem', 'TransactWriteItems']);
    expect(await bankOf(tables)).toEqual(['14D']);
  });

  test('is not taken if the ID got it by an attempt whose answer was lost', async () => {
    const { calls, deduplicator } = await setUp(async (call, nth) => {
      const output = await call.send();
      if (nth === 1) throw timeout();
      return output;
    });
    expect(await deduplicator.claim('user', { item: 'voucher' })).toMatchObject({
      status: 'claimed',
    });
    expect(calls).toHaveLength(2);
  });

  test('is taken only when the ID has none: one that it got meanwhile is told', async () => {
    const { others, deduplicator } = await setUp(
      async (call, nth) => {
        if (nth > 1) return call.send();
        await others.claim('other user', { item: '14C' });
        await others.claim('user', { item: '14D' });
        // DynamoDB may tell only some of the reasons.
        throw cancellation('None', 'ConditionalCheckFailed');
      },
      ['14C', '14D'],
    );
    expect(await deduplicator.claim('user', { item: '14C' })).toMatchObject({
      status: 'existing',
      item: '14D',
    });
  });

  test('that others are in the way of is tried again, and is given up after a bounded time', async () => {
    const { sleptMs } = useVirtualTime();
    const { tables, deduplicator } = await setUp(async () => {
      throw cancellation('None', 'TransactionConflict');
    });
    await expect(deduplicator.claim('user', { item: 'voucher' })).rejects.toMatchObject({
      code: 'STORAGEBOX_CONTENTION',
    });
    expect(sleptMs.reduce((sum, delayMs) => sum + delayMs, 0)).toBeLessThan(11_001);
    expect(await bankOf(tables)).toEqual(['voucher']);
  });

  test('that the bank shows and no transaction finds is no taken one, but two accounts', async () => {
    const { tables } = await setUp();
    const { client } = throughOwnClient(tables);
    intercept(client, async (call) => {
      if (call.operation !== 'TransactWriteItems') return call.send();
      throw cancellation('None', 'ConditionalCheckFailed');
    });
    const { deduplicationRepo } = openPair({ ...tables, client });
    const { itemRepo } = openPair(throughOwnClient(tables));
    const deduplicator = new Deduplicator({ itemRepo, deduplicationRepo });
    await expect(deduplicator.claim('user', { item: 'voucher' })).rejects.toMatchObject({
      code: 'STORAGEBOX_ACCOUNT_MISMATCH',
    });
    await removeItems(tables, ['voucher']);
    expect(await deduplicator.claim('user', { item: 'voucher' })).toMatchObject({
      status: 'taken',
    });
  });
});

describe('a confirmation', () => {
  test('whose answer was lost has the same answer by the same token', async () => {
    const { tables, others, calls, deduplicator } = await setUp(async (call, nth) => {
      const output = await call.send();
      if (nth === 1) throw timeout();
      return output;
    });
    await others.claim('user', { holdForMs: HOUR_MS });
    expect(await deduplicator.confirm('user')).toBe('voucher');
    expect(new Set(calls.map(({ input }) => input.ClientRequestToken)).size).toBe(1);
    expect(await assignmentsOf(tables)).toEqual([['user', 'voucher', 'for good']]);
  });

  test('of a hold that is taken back in between revives nothing', async () => {
    const { tables, others, deduplicator } = await setUp(async (call, nth) => {
      if (nth === 1) await others.releaseExpiredHolds();
      return call.send();
    });
    await others.claim('user', { holdForMs: HOUR_MS });
    await endHold(tables);
    expect(await deduplicator.confirm('user')).toBeNull();
    expect(await assignmentsOf(tables)).toEqual([]);
    expect(await bankOf(tables)).toEqual(['voucher']);
  });

  test('of a hold that is extended in between confirms it', async () => {
    const { tables, others, calls, deduplicator } = await setUp(async (call, nth) => {
      if (nth === 1) await others.claim('user', { holdForMs: 2 * HOUR_MS });
      return call.send();
    });
    await others.claim('user', { holdForMs: HOUR_MS });
    expect(await deduplicator.confirm('user')).toBe('voucher');
    expect(calls).toHaveLength(2);
    expect(await assignmentsOf(tables)).toEqual([['user', 'voucher', 'for good']]);
  });

  test('that arrives when its caller has given it up does not confirm a later hold', async () => {
    useVirtualTime();
    const late: InterceptedCall[] = [];
    const { tables, others, deduplicator } = await setUp(async (call) => {
      late.push(call);
      throw timeout();
    });
    await others.claim('user', { holdForMs: HOUR_MS });
    await expect(deduplicator.confirm('user')).rejects.toMatchObject({
      code: 'STORAGEBOX_OUTCOME_UNKNOWN',
    });
    await others.releaseItemForDeduplicationId('user');
    await others.claim('user', { holdForMs: HOUR_MS });
    await expect(late[0]?.send()).rejects.toMatchObject({ name: 'TransactionCanceledException' });
    expect(await assignmentsOf(tables)).toEqual([['user', 'voucher', 'held']]);
  });
});

describe('a claim that extends a hold', () => {
  test('that is confirmed in between leaves it so', async () => {
    const { tables, others, deduplicator } = await setUp(async (call, nth) => {
      if (nth === 1) await others.confirm('user');
      return call.send();
    });
    await others.claim('user', { holdForMs: HOUR_MS });
    expect(await deduplicator.claim('user', { holdForMs: 2 * HOUR_MS })).toMatchObject({
      status: 'existing',
      heldUntil: null,
    });
    expect(await assignmentsOf(tables)).toEqual([['user', 'voucher', 'for good']]);
  });

  test('that is taken back in between claims anew', async () => {
    const { tables, others, deduplicator } = await setUp(async (call, nth) => {
      if (nth === 1) await others.releaseExpiredHolds();
      return call.send();
    });
    await others.claim('user', { holdForMs: HOUR_MS });
    await endHold(tables);
    expect(await deduplicator.claim('user', { holdForMs: HOUR_MS })).toMatchObject({
      status: 'claimed',
      item: 'voucher',
    });
    expect(await assignmentsOf(tables)).toEqual([['user', 'voucher', 'held']]);
  });
});

describe('a sweep', () => {
  /** Two IDs whose holds have ended, and what others do before the first write of the sweep. */
  async function sweepWhile(meanwhile: (others: Deduplicator, user: string) => Promise<unknown>) {
    const { tables, others, deduplicator } = await setUp(
      async (call, nth) => {
        const user = String(actionsOf(call)[0]?.Delete?.Key?.deduplication_id?.S);
        if (nth === 1) await meanwhile(others, user);
        return call.send();
      },
      ['voucher-1', 'voucher-2'],
    );
    for (const user of ['user-1', 'user-2']) {
      await others.claim(user, { holdForMs: HOUR_MS });
      await endHold(tables, user);
    }
    return { tables, report: await deduplicator.releaseExpiredHolds({ concurrency: 1 }) };
  }

  test.each([
    ['confirmed', 'for good', (others: Deduplicator, user: string) => others.confirm(user)],
    [
      'extended',
      'held',
      (others: Deduplicator, user: string) => others.claim(user, { holdForMs: HOUR_MS }),
    ],
  ])('leaves a hold that is %s between its read and its write', async (_, end, meanwhile) => {
    const { tables, report } = await sweepWhile(meanwhile);
    expect(report).toEqual({ found: 2, released: 1, kept: 1, ofOtherBanks: 0 });
    expect((await assignmentsOf(tables)).map((row) => (row as string[])[2])).toEqual([end]);
    expect(await bankOf(tables)).toHaveLength(1);
  });

  test('whose answer was lost has taken each item back once', async () => {
    const { tables, others, deduplicator } = await setUp(async (call, nth) => {
      const output = await call.send();
      if (nth === 1) throw timeout();
      return output;
    });
    await others.claim('user', { holdForMs: HOUR_MS });
    await endHold(tables);
    expect(await deduplicator.releaseExpiredHolds()).toMatchObject({ found: 1, released: 1 });
    expect(await bankOf(tables)).toEqual(['voucher']);
  });

  test('that arrives late takes no later assignment back', async () => {
    useVirtualTime();
    const late: InterceptedCall[] = [];
    const { tables, others, deduplicator } = await setUp(async (call) => {
      late.push(call);
      throw timeout();
    });
    await others.claim('user', { holdForMs: HOUR_MS });
    await endHold(tables);
    await expect(deduplicator.releaseExpiredHolds()).rejects.toMatchObject({
      code: 'STORAGEBOX_OUTCOME_UNKNOWN',
    });
    await others.confirm('user');
    await expect(late[0]?.send()).rejects.toMatchObject({ name: 'TransactionCanceledException' });
    expect(await assignmentsOf(tables)).toEqual([['user', 'voucher', 'for good']]);
    expect(await bankOf(tables)).toEqual([]);
  });

  test('reads the index if there is one, which is a hint: the row decides', async () => {
    const { client, itemBankTableName, deduplicationTableName } = await freshTables();
    const tableName = `held-${deduplicationTableName}`;
    await createTables(
      [deduplicationTableWithHoldIndex(tableName, 'holds'), itemBankTable(itemBankTableName)],
      { client },
    );
    const tables = { client, itemBankTableName, deduplicationTableName: tableName };
    const others = new Deduplicator(openPair(throughOwnClient(tables)));
    await others.addItemsToBank(['voucher-1', 'voucher-2']);
    for (const user of ['user-1', 'user-2']) {
      await others.claim(user, { holdForMs: HOUR_MS });
      await endHold(tables, user);
    }
    const scans: InterceptedCall['input'][] = [];
    intercept(client, async (call) => {
      if (call.operation !== 'Scan') return call.send();
      scans.push(call.input);
      const output = await call.send();
      // The page is from a moment ago.
      await others.confirm('user-1');
      return output;
    });
    const deduplicator = new Deduplicator({
      itemRepo: new ItemBankDynamoDbRepository({ tableName: itemBankTableName, client }),
      deduplicationRepo: new DeduplicationDynamoDbRepository({
        tableName,
        holdIndexName: 'holds',
        client,
      }),
    });
    expect(await deduplicator.releaseExpiredHolds()).toEqual({
      found: 2,
      released: 1,
      kept: 1,
      ofOtherBanks: 0,
    });
    expect(scans).toMatchObject([{ TableName: tableName, IndexName: 'holds' }]);
    expect(await assignmentsOf(tables)).toMatchObject([['user-1', expect.any(String), 'for good']]);
  });
});

describe('a group', () => {
  const ids = ['a', 'b', 'c'];
  const stock = ['voucher-1', 'voucher-2', 'voucher-3', 'voucher-4'];
  const claimed = ids.map(() => 'claimed');
  const statusesOf = (members: readonly { status: string }[] = []) =>
    members.map(({ status }) => status);

  test('one of whose items is gone takes another one', async () => {
    const { others, calls, deduplicator } = await setUp(async (call, nth) => {
      if (nth === 1) await others.claim('other user', { item: String(itemsOf(call)[1]) });
      return call.send();
    }, stock);
    const { members } = await deduplicator.claimAll(ids);
    expect(statusesOf(members)).toEqual(claimed);
    expect(calls).toHaveLength(2);
    expect(new Set(members?.map(({ item }) => item)).size).toBe(3);
  });

  test('one of whose IDs gets an item meanwhile leaves it that one', async () => {
    const { tables, others, deduplicator } = await setUp(async (call, nth) => {
      if (nth === 1) await others.claim('b');
      return call.send();
    }, stock);
    const { members } = await deduplicator.claimAll(ids);
    expect(statusesOf(members)).toEqual(['claimed', 'existing', 'claimed']);
    expect(await assignmentsOf(tables)).toHaveLength(3);
    expect(await bankOf(tables)).toHaveLength(1);
  });

  test('one of whose IDs loses its item meanwhile gets it a new one', async () => {
    const { tables, others, deduplicator } = await setUp(async (call, nth) => {
      if (nth === 1) await others.retireItemForDeduplicationId('b');
      return call.send();
    }, stock);
    await others.claim('b');
    const { members } = await deduplicator.claimAll(ids);
    expect(statusesOf(members)).toEqual(claimed);
    expect(await assignmentsOf(tables)).toHaveLength(3);
    expect(await bankOf(tables)).toEqual([]);
  });

  test('that others, or throttling, are in the way of is tried again with another token', async () => {
    useVirtualTime();
    const { calls, deduplicator } = await setUp(async (call, nth) => {
      const rest = ['None', 'None', 'None', 'None'];
      if (nth === 1) throw cancellation('None', 'TransactionConflict', ...rest);
      if (nth === 2) throw cancellation('ThrottlingError', 'None', ...rest);
      return call.send();
    }, stock);
    expect(await deduplicator.claimAll(ids)).toMatchObject({ status: 'claimed' });
    expect(new Set(calls.map(({ input }) => input.ClientRequestToken)).size).toBe(3);
  });

  test('whose answer was lost finds out by the same token', async () => {
    const { tables, calls, deduplicator } = await setUp(async (call, nth) => {
      const output = await call.send();
      if (nth === 1) throw timeout();
      return output;
    }, stock);
    expect(await deduplicator.claimAll(ids)).toMatchObject({ status: 'claimed' });
    expect(calls).toHaveLength(2);
    expect(await bankOf(tables)).toHaveLength(1);
  });

  test('looks at its IDs again before it says that too little is left', async () => {
    const { others, deduplicator } = await setUp(
      async (call, nth) => {
        const output = await call.send();
        // All that was left becomes theirs after their IDs were read.
        if (nth === 1) await others.claimAll(ids);
        return output;
      },
      ['voucher-1', 'voucher-2', 'voucher-3'],
      'TransactGetItems',
    );
    const { status, members } = await deduplicator.claimAll(ids);
    expect(status).toBe('existing');
    expect(statusesOf(members)).toEqual(ids.map(() => 'existing'));
  });
});

describe('a row without an end of a hold', () => {
  test.each([
    ['of version 0.1', { assigned_at: { S: '2026-01-01T00:00:00.000Z' } }],
    ['of the Python module', {}],
  ])(
    '%s is for good: it is confirmed, not extended, kept by groups, and released',
    async (_, more) => {
      const { tables, calls, deduplicator } = await setUp();
      const { client, deduplicationTableName: TableName } = throughOwnClient(tables);
      const Item = { deduplication_id: { S: 'user' }, item_string: { S: 'earlier' }, ...more };
      await client.send(new PutItemCommand({ TableName, Item }));
      const existing = { status: 'existing', item: 'earlier', itemBankName: null, heldUntil: null };
      expect(await deduplicator.confirm('user')).toBe('earlier');
      expect(await deduplicator.claim('user', { holdForMs: HOUR_MS })).toEqual(existing);
      expect(await deduplicator.releaseExpiredHolds()).toMatchObject({ found: 0 });
      expect(calls).toEqual([]);
      const { members } = await deduplicator.claimAll(['user', 'new'], { holdForMs: HOUR_MS });
      expect(members?.[0]).toEqual({ deduplicationId: 'user', ...existing });
      expect(await deduplicator.releaseItemForDeduplicationId('user')).toBe('earlier');
      expect(await bankOf(tables)).toEqual(['earlier']);
    },
  );
});
