// What becomes of the caller's own writes, whatever DynamoDB answers.
import type { TransactWriteItem } from '@aws-sdk/client-dynamodb';
import { Deduplicator } from 'storagebox';
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
  freshTablesWithLedger,
  openPair,
  ownWritesBeside,
  type Tables,
  throughOwnClient,
} from '../../../support/tables.js';
import { useVirtualTime } from '../../../support/virtual-time.js';

type Answer = (call: InterceptedCall, nth: number) => Promise<unknown>;

/** Items in the bank, counters beside it, and the given answer to each transaction. */
async function setUp(answer: Answer, items: readonly string[] = ['voucher']) {
  const tables = await freshTables();
  const own = await ownWritesBeside(tables);
  const others = new Deduplicator(openPair(throughOwnClient(tables)));
  await others.addItemsToBank(items);
  const calls: InterceptedCall[] = [];
  intercept(tables.client, (call) => {
    if (call.operation !== 'TransactWriteItems') return call.send();
    calls.push(call);
    return answer(call, calls.length);
  });
  return { tables, own, others, calls, deduplicator: new Deduplicator(openPair(tables)) };
}

const faithful: Answer = (call) => call.send();
const actionsOf = ({ input }: InterceptedCall) => input.TransactItems as TransactWriteItem[];
const tokensOf = (calls: readonly InterceptedCall[]) =>
  calls.map(({ input }) => input.ClientRequestToken);
const itemOf = (call: InterceptedCall) => actionsOf(call)[1]?.Delete?.Key?.item?.S;

async function expectNothingWritten({ client, ...tables }: Tables, items = 1): Promise<void> {
  expect(await allRows(client, tables.itemBankTableName)).toHaveLength(items);
  expect(await allRows(client, tables.deduplicationTableName)).toEqual([]);
}

describe('own writes into the tables of the package are refused', () => {
  const arnOf = (name: string) => `arn:aws:dynamodb:eu-west-1:000000000000:table/${name}`;
  const actions: Record<string, (TableName: string) => TransactWriteItem> = {
    Put: (TableName) => ({ Put: { TableName, Item: { item: { S: 'x' } } } }),
    Delete: (TableName) => ({ Delete: { TableName, Key: { item: { S: 'x' } } } }),
    Update: (TableName) => ({
      Update: { TableName, Key: { item: { S: 'x' } }, UpdateExpression: 'REMOVE a' },
    }),
    ConditionCheck: (TableName) => ({
      ConditionCheck: { TableName, Key: { item: { S: 'x' } }, ConditionExpression: 'a = a' },
    }),
  };

  test.each(Object.entries(actions))('%s, by name and by ARN, in every call', async (_, action) => {
    const tables = await freshTablesWithLedger();
    const deduplicator = new Deduplicator(openPair(tables));
    await deduplicator.addItemsToBank(['voucher-1', 'voucher-2']);
    await deduplicator.claim('holder', { holdForMs: 60_000 });
    const { itemBankTableName, deduplicationTableName, ledgerTableName } = tables;
    const names = [itemBankTableName, deduplicationTableName, ledgerTableName];
    for (const tableName of names.flatMap((name) => [name, arnOf(name)])) {
      const alongside = () => [action(tableName)];
      for (const call of [
        () => deduplicator.claim('user', { alongside }),
        () => deduplicator.claim('user', { item: 'voucher-1', alongside }),
        () => deduplicator.claimAll(['user'], { alongside }),
        () => deduplicator.confirm('holder', { alongside }),
        () => deduplicator.releaseItemForDeduplicationId('holder', { alongside }),
        () => deduplicator.retireItemForDeduplicationId('holder', { alongside }),
      ]) {
        await expect(call()).rejects.toMatchObject({
          code: 'STORAGEBOX_INVALID_OPTION',
          option: 'alongside',
          written: 'nothing',
        });
      }
    }
    expect(await allRows(tables.client, itemBankTableName)).toHaveLength(1);
    expect(await allRows(tables.client, deduplicationTableName)).toHaveLength(1);
  });
});

test('there is room for 98 beside a claim, and for no more', async () => {
  const { tables, own, calls, deduplicator } = await setUp(faithful);
  const many = (count: number) =>
    Array.from({ length: count }, (_, nth) => own.adding(`order-${nth}`)).flat();
  const tooMany = deduplicator.claim('user', { alongside: () => many(99) });
  await expect(tooMany).rejects.toMatchObject({ code: 'STORAGEBOX_INVALID_OPTION' });
  expect(calls).toEqual([]);
  await expectNothingWritten(tables);
  const { status } = await deduplicator.claim('user', { alongside: () => many(98) });
  expect(status).toBe('claimed');
  expect(await own.countOf('order-97')).toBe(1);
});

test('what the caller changes afterwards is not sent under the same token', async () => {
  useVirtualTime();
  const sent: string[] = [];
  const { own, calls, deduplicator } = await setUp(async (call, nth) => {
    sent.push(JSON.stringify(call.input));
    const output = await call.send();
    // The caller uses its object for the next order meanwhile.
    writes[0] = own.adding('another order')[0] as TransactWriteItem;
    if (kept.Update) kept.Update.UpdateExpression = 'ADD #times :one, lost :one';
    if (nth === 1) throw timeout();
    return output;
  });
  const writes = own.adding('order');
  const kept = writes[0] as TransactWriteItem;
  expect(await deduplicator.claim('user', { alongside: () => writes })).toMatchObject({
    status: 'claimed',
  });
  expect(calls).toHaveLength(2);
  expect(sent[1]).toBe(sent[0]);
  expect(await own.countOf('order')).toBe(1);
  expect(await own.countOf('another order')).toBe(0);
});

describe('a conflict or throttling on the rows of the caller', () => {
  const codes = ['TransactionConflict', 'ThrottlingError', 'ProvisionedThroughputExceeded'];

  test.each(codes)('(%s) is waited for, and is no refusal', async (code) => {
    useVirtualTime();
    const { own, calls, deduplicator } = await setUp(async (call, nth) => {
      if (nth <= 2) throw cancellation('None', 'None', code);
      return call.send();
    });
    const alongside = () => own.adding('order');
    expect(await deduplicator.claim('user', { alongside })).toMatchObject({ status: 'claimed' });
    expect(new Set(tokensOf(calls)).size).toBe(3);
    expect(await own.countOf('order')).toBe(1);
  });

  test.each(codes)('(%s) on the last item does not make the bank seem empty', async (code) => {
    useVirtualTime();
    const { own, others, deduplicator } = await setUp(async () => {
      throw cancellation('None', 'None', code);
    });
    const alongside = () => own.adding('order');
    const call = deduplicator.claim('user', { alongside });
    await expect(call).rejects.toMatchObject({ code: 'STORAGEBOX_CONTENTION' });
    expect(await others.claim('other user')).toMatchObject({ status: 'claimed', item: 'voucher' });
  });

  test('is waited for by a group, a confirmation and a release', async () => {
    useVirtualTime();
    const failing = new Set<unknown>();
    const { own, deduplicator } = await setUp(
      async (call) => {
        const { length } = actionsOf(call);
        if (!failing.has(length)) {
          failing.add(length);
          throw cancellation(...Array(length - 1).fill('None'), 'TransactionConflict');
        }
        return call.send();
      },
      ['voucher-1', 'voucher-2'],
    );
    const alongside = () => own.adding('order');
    const { status } = await deduplicator.claimAll(['a', 'b'], { holdForMs: 60_000, alongside });
    expect(status).toBe('claimed');
    failing.clear();
    expect(await deduplicator.confirm('a', { alongside })).not.toBeNull();
    failing.clear();
    expect(await deduplicator.releaseItemForDeduplicationId('b', { alongside })).not.toBeNull();
    expect(await own.countOf('order')).toBe(3);
  });
});

describe('a refusal', () => {
  test('tells the reasons of the own writes alone, in their order', async () => {
    const { tables, own, deduplicator } = await setUp(faithful);
    const alongside = () => own.addingInVain('order');
    const error = await deduplicator.claim('user', { alongside }).catch((reason) => reason);
    expect(error).toMatchObject({
      code: 'STORAGEBOX_ALONGSIDE_REFUSED',
      written: 'nothing',
      reasons: [{ Code: 'None' }, { Code: 'ConditionalCheckFailed' }],
    });
    expect(error.cause).toMatchObject({ name: 'TransactionCanceledException' });
    await expectNothingWritten(tables);
    expect(await own.countOf('order')).toBe(0);
  });

  test('comes after another candidate if the item is gone as well', async () => {
    const tried: unknown[] = [];
    const { own, others, deduplicator } = await setUp(
      async (call, nth) => {
        tried.push(itemOf(call));
        if (nth === 1) await others.claim('other user', { item: String(itemOf(call)) });
        return call.send();
      },
      ['voucher-1', 'voucher-2'],
    );
    const alongside = (item: string) =>
      item === tried[0] || tried.length === 0 ? own.addingInVain('order') : own.adding('order');
    expect(await deduplicator.claim('user', { alongside })).toMatchObject({ status: 'claimed' });
    expect(new Set(tried).size).toBe(2);
    expect(await own.countOf('order')).toBe(1);
  });

  test('does not count if the ID has an item, although only the own reason was told', async () => {
    const { tables, own, others, calls } = await setUp(
      async (call) => {
        await others.claim('user');
        await call.send().catch(() => {});
        throw cancellation('None', 'None', 'ConditionalCheckFailed');
      },
      ['voucher-1', 'voucher-2'],
    );
    const deduplicator = new Deduplicator({ ...openPair(tables), skipFirstRead: true });
    const alongside = () => own.adding('order');
    expect(await deduplicator.claim('user', { alongside })).toMatchObject({ status: 'existing' });
    expect(calls).toHaveLength(1);
    expect(await own.countOf('order')).toBe(0);
  });

  test('of a group does not count while its IDs have changed', async () => {
    const { own, others, deduplicator } = await setUp(
      async (call, nth) => {
        if (nth > 1) return call.send();
        await others.claim('b');
        throw cancellation('None', 'None', 'None', 'None', 'ConditionalCheckFailed');
      },
      ['voucher-1', 'voucher-2', 'voucher-3'],
    );
    const alongside = () => own.adding('order');
    const { status, members } = await deduplicator.claimAll(['a', 'b'], { alongside });
    expect(status).toBe('claimed');
    expect(members?.map((member) => member.status)).toEqual(['claimed', 'existing']);
    expect(await own.countOf('order')).toBe(1);
  });

  test('of a confirmation does not count while the hold has changed', async () => {
    const { own, others, deduplicator } = await setUp(async (call, nth) => {
      if (nth > 1) return call.send();
      await others.claim('user', { holdForMs: 3_600_000 });
      throw cancellation('None', 'ConditionalCheckFailed');
    });
    await others.claim('user', { holdForMs: 60_000 });
    const alongside = () => own.adding('order');
    expect(await deduplicator.confirm('user', { alongside })).toBe('voucher');
    expect(await own.countOf('order')).toBe(1);
  });

  const inDoubt: Answer = async (_call, nth) => {
    if (nth === 1) throw timeout();
    throw cancellation('None', 'None', 'ConditionalCheckFailed');
  };

  test('while the first attempt got no answer leaves the outcome open', async () => {
    useVirtualTime();
    const { own, deduplicator } = await setUp(inDoubt);
    const call = deduplicator.claim('user', { alongside: () => own.adding('order') });
    await expect(call).rejects.toMatchObject({
      code: 'STORAGEBOX_OUTCOME_UNKNOWN',
      cause: { code: 'STORAGEBOX_ALONGSIDE_REFUSED' },
    });
  });

  test('of a group, a confirmation or a release in doubt leaves the outcome open', async () => {
    useVirtualTime();
    let nth = 0;
    const { own, others, deduplicator } = await setUp(
      (call) => {
        const { length } = actionsOf(call);
        if (++nth % 2 === 1) throw timeout();
        throw cancellation(...Array(length - 1).fill('None'), 'ConditionalCheckFailed');
      },
      ['voucher-1', 'voucher-2'],
    );
    await others.claim('holder', { holdForMs: 60_000 });
    const alongside = () => own.adding('order');
    for (const call of [
      () => deduplicator.claimAll(['user'], { alongside }),
      () => deduplicator.confirm('holder', { alongside }),
      () => deduplicator.releaseItemForDeduplicationId('holder', { alongside }),
    ]) {
      await expect(call()).rejects.toMatchObject({ code: 'STORAGEBOX_OUTCOME_UNKNOWN' });
    }
  });
});

test('an outcome that stays unknown is found out by the next call, which makes nothing again', async () => {
  useVirtualTime();
  let isBroken = true;
  const { own, deduplicator } = await setUp(async (call) => {
    const output = await call.send();
    if (isBroken) throw timeout();
    return output;
  });
  const alongside = () => own.adding('order');
  await expect(deduplicator.claim('user', { alongside })).rejects.toMatchObject({
    code: 'STORAGEBOX_OUTCOME_UNKNOWN',
  });
  isBroken = false;
  expect(await deduplicator.claim('user', { alongside })).toMatchObject({ status: 'existing' });
  expect(await own.countOf('order')).toBe(1);
});
