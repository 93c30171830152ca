// What a bank with a ledger asks of DynamoDB; what it promises is in the conformance suite.
import {
  BatchGetItemCommand,
  type BatchGetItemCommandInput,
  DeleteItemCommand,
  PutItemCommand,
  type TransactWriteItemsCommandInput,
} from '@aws-sdk/client-dynamodb';
import { Deduplicator, ItemBankDynamoDbRepository, ledgerTable } from 'storagebox';
import { describe, expect, test } from 'vitest';
import { audit } from '../../support/audit.js';
import { intercept, serviceError } from '../../support/interceptor.js';
import {
  allRows,
  freshTables,
  freshTablesWithLedger,
  openPair,
  removeItems,
  type Tables,
  throughOwnClient,
} from '../../support/tables.js';

const vouchers = (count: number) =>
  Array.from({ length: count }, (_, index) => `voucher-${index}`).sort();

async function itemsIn({ client }: Tables, tableName: string): Promise<string[]> {
  return (await allRows(client, tableName)).map((row) => String(row.item?.S)).sort();
}

/** How often each operation is sent. */
function countRequests(tables: Tables): Map<string, number> {
  const requests = new Map<string, number>();
  intercept(tables.client, ({ operation, send }) => {
    requests.set(operation, (requests.get(operation) ?? 0) + 1);
    return send();
  });
  return requests;
}

/** Claims until nothing is left, each time for a new ID. */
async function handOut(tables: Tables): Promise<void> {
  const deduplicator = new Deduplicator(openPair(tables));
  for (let user = 0; ; user++) {
    if ((await deduplicator.fetchItemForDeduplicationId(`user-${user}`)) === null) return;
  }
}

describe('a batch', () => {
  test('leaves in the ledger each item with the time at which it entered', async () => {
    const tables = await freshTablesWithLedger();
    const before = Date.now();
    await openPair(tables).itemRepo.batchAddItems(vouchers(120));
    const rows = await allRows(tables.client, tables.ledgerTableName);
    expect(rows.map((row) => row.item?.S).sort()).toEqual(vouchers(120));
    for (const { item: _item, entered_at: enteredAt, ...others } of rows) {
      expect(Date.parse(String(enteredAt?.S))).toBeGreaterThanOrEqual(before);
      expect(others).toEqual({});
    }
    // Python nodes hand out every row of the bank as it is.
    const bankRows = await allRows(tables.client, tables.itemBankTableName);
    expect(bankRows.every((row) => Object.keys(row).join() === 'item')).toBe(true);
  });

  test('of new items is sent in transactions of 50', async () => {
    const tables = await freshTablesWithLedger();
    const requests = countRequests(tables);
    await openPair(tables).itemRepo.batchAddItems(vouchers(1_000), { concurrency: 1 });
    // It looks once whether the input is known, finds nothing, and looks no more.
    expect(Object.fromEntries(requests)).toEqual({ BatchGetItem: 1, TransactWriteItems: 20 });
  });

  test('of known items writes nothing', async () => {
    const tables = await freshTablesWithLedger();
    await openPair(throughOwnClient(tables)).itemRepo.batchAddItems(vouchers(500));
    const requests = countRequests(tables);
    const report = await openPair(tables).itemRepo.batchAddItems(vouchers(500));
    expect(report).toEqual({ read: 500, added: 0, repeats: 0, alreadyKnown: 500 });
    expect(Object.fromEntries(requests)).toEqual({ BatchGetItem: 10 });
  });

  test('that goes on where an earlier one ended looks only as far as that', async () => {
    const tables = await freshTablesWithLedger();
    const known = vouchers(200);
    const fresh = Array.from({ length: 200 }, (_, index) => `new-${index}`);
    await openPair(tables).itemRepo.batchAddItems(known);
    const requests = countRequests(tables);
    const report = await openPair(tables).itemRepo.batchAddItems([...known, ...fresh], {
      concurrency: 1,
    });
    expect(report).toEqual({ read: 400, added: 200, repeats: 0, alreadyKnown: 200 });
    expect(Object.fromEntries(requests)).toEqual({ BatchGetItem: 5, TransactWriteItems: 4 });
  });

  test('tells known items and repeats apart, wherever they stand', async () => {
    const tables = await freshTablesWithLedger();
    const { itemRepo } = openPair(tables);
    await itemRepo.batchAddItems(vouchers(100).filter((_, index) => index % 3 === 0));
    await handOut(tables);
    const report = await itemRepo.batchAddItems([...vouchers(100), ...vouchers(10)]);
    expect(report).toEqual({ read: 110, added: 66, repeats: 10, alreadyKnown: 34 });
    expect(await audit(tables, vouchers(100))).toMatchObject({ lost: 0, twice: 0 });
  });

  test('gets by when the ledger cannot be looked at, for the conditions are what counts', async () => {
    const tables = await freshTablesWithLedger();
    const { itemRepo } = openPair(tables);
    await itemRepo.batchAddItems(vouchers(60));
    await handOut(tables);
    intercept(tables.client, async (call) => {
      if (call.operation === 'BatchGetItem') throw serviceError('AccessDeniedException');
      return call.send();
    });
    const report = await itemRepo.batchAddItems(vouchers(70));
    expect(report).toEqual({ read: 70, added: 10, repeats: 0, alreadyKnown: 60 });
  });

  test('gets by when the look is answered in part', async () => {
    const tables = await freshTablesWithLedger();
    const { itemRepo } = openPair(tables);
    await itemRepo.batchAddItems(vouchers(40));
    await handOut(tables);
    const ownClient = throughOwnClient(tables).client;
    intercept(tables.client, async (call) => {
      if (call.operation !== 'BatchGetItem') return call.send();
      const { RequestItems = {} } = call.input as Partial<BatchGetItemCommandInput>;
      const [[tableName = '', { Keys = [] } = {}] = []] = Object.entries(RequestItems);
      const half = new BatchGetItemCommand({
        RequestItems: { [tableName]: { Keys: Keys.slice(0, 20) } },
      });
      const { Responses } = await ownClient.send(half);
      return { Responses, UnprocessedKeys: { [tableName]: { Keys: Keys.slice(20) } } };
    });
    const report = await itemRepo.batchAddItems(vouchers(45));
    expect(report).toEqual({ read: 45, added: 5, repeats: 0, alreadyKnown: 40 });
  });

  test('by two scripts at once lets each item enter once', async () => {
    const tables = await freshTablesWithLedger();
    const reports = await Promise.all(
      [1, 2].map(() => openPair(throughOwnClient(tables)).itemRepo.batchAddItems(vouchers(1_000))),
    );
    const [one, other] = reports;
    expect((one?.added ?? 0) + (other?.added ?? 0)).toBe(1_000);
    for (const { read, added, alreadyKnown } of reports) expect(added + alreadyKnown).toBe(read);
    expect(await itemsIn(tables, tables.itemBankTableName)).toEqual(vouchers(1_000));
    expect(await itemsIn(tables, tables.ledgerTableName)).toEqual(vouchers(1_000));
  });

  test('enters into the ledger what only the bank holds, so that it does not enter again', async () => {
    const tables = await freshTablesWithLedger();
    const { ledgerTableName, ...withoutLedger } = tables;
    await openPair(withoutLedger).itemRepo.addItemToBank('voucher-1');
    const { itemRepo } = openPair(tables);
    const report = await itemRepo.batchAddItems(['voucher-1', 'voucher-2']);
    expect(report).toEqual({ read: 2, added: 1, repeats: 0, alreadyKnown: 1 });
    expect(await itemsIn(tables, tables.itemBankTableName)).toEqual(['voucher-1', 'voucher-2']);
    expect(await itemsIn(tables, ledgerTableName)).toEqual(['voucher-1', 'voucher-2']);

    await handOut(tables);
    const again = await itemRepo.batchAddItems(['voucher-1', 'voucher-2']);
    expect(again).toEqual({ read: 2, added: 0, repeats: 0, alreadyKnown: 2 });
    expect(await itemsIn(tables, tables.itemBankTableName)).toEqual([]);
  });

  test('enters into the ledger what is handed out between the look at the bank and that', async () => {
    const tables = await freshTablesWithLedger();
    const { ledgerTableName, ...withoutLedger } = throughOwnClient(tables) as typeof tables;
    await openPair(withoutLedger).itemRepo.addItemToBank('voucher-1');
    let transactions = 0;
    intercept(tables.client, async (call) => {
      const isSecond = call.operation === 'TransactWriteItems' && ++transactions === 2;
      if (isSecond) await handOut(withoutLedger);
      return call.send();
    });
    const { itemRepo } = openPair(tables);
    expect(await itemRepo.batchAddItems(['voucher-1'])).toMatchObject({
      added: 0,
      alreadyKnown: 1,
    });
    expect(await itemsIn(tables, ledgerTableName)).toEqual(['voucher-1']);
    expect(await itemsIn(tables, tables.itemBankTableName)).toEqual([]);
  });

  test('that is told by two scripts at once of what only the bank holds enters it once', async () => {
    const tables = await freshTablesWithLedger();
    const { ledgerTableName, ...withoutLedger } = tables;
    await openPair(withoutLedger).itemRepo.batchAddItems(vouchers(200));
    const reports = await Promise.all(
      [1, 2].map(() => openPair(throughOwnClient(tables)).itemRepo.batchAddItems(vouchers(250))),
    );
    expect(reports.reduce((sum, { added }) => sum + added, 0)).toBe(50);
    expect(await itemsIn(tables, tables.itemBankTableName)).toEqual(vouchers(250));
    expect(await itemsIn(tables, ledgerTableName)).toEqual(vouchers(250));
  });

  test('takes no other permission than to put rows and to look at the ledger', async () => {
    const tables = await freshTablesWithLedger();
    const { ledgerTableName, ...withoutLedger } = throughOwnClient(tables) as typeof tables;
    await openPair(withoutLedger).itemRepo.addItemToBank('voucher-1');
    const actions: string[] = [];
    intercept(tables.client, ({ operation, input, send }) => {
      const { TransactItems: parts = [] } = input as Partial<TransactWriteItemsCommandInput>;
      actions.push(...(operation === 'BatchGetItem' ? [operation] : parts.flatMap(Object.keys)));
      return send();
    });
    await openPair(tables).itemRepo.addItemToBank('voucher-1');
    await openPair(tables).itemRepo.batchAddItems(['voucher-1', 'voucher-2']);
    expect(new Set(actions)).toEqual(new Set(['BatchGetItem', 'Put']));
  });

  test('whose ledger is missing names it, and nothing enters', async () => {
    const tables = await freshTables();
    const { itemRepo } = openPair({ ...tables, ledgerTableName: 'no_such_ledger' });
    const missing = { code: 'STORAGEBOX_TABLE_NOT_FOUND', tableNames: ['no_such_ledger'] };
    await expect(itemRepo.batchAddItems(vouchers(3))).rejects.toMatchObject({
      code: 'STORAGEBOX_BATCH_NOT_FULLY_ADDED',
      notAdded: vouchers(3),
      cause: missing,
    });
    await expect(itemRepo.addItemToBank('voucher-0')).rejects.toMatchObject(missing);
    expect(await itemsIn(tables, tables.itemBankTableName)).toEqual([]);
  });
});

test('the ledger is told by the repository, and its definition has the key of a bank', () => {
  expect(
    new ItemBankDynamoDbRepository({ tableName: 'codes', ledgerTableName: 'ledger' }),
  ).toMatchObject({ tableName: 'codes', ledgerTableName: 'ledger' });
  expect(new ItemBankDynamoDbRepository({ tableName: 'codes' }).ledgerTableName).toBe(undefined);
  expect(ledgerTable('ledger')).toMatchObject({
    TableName: 'ledger',
    KeySchema: [{ AttributeName: 'item', KeyType: 'HASH' }],
  });
});

test('a two-step claim gives its item back although the ledger knows it', async () => {
  const tables = await freshTablesWithLedger();
  const { itemRepo, deduplicationRepo } = openPair(tables);
  await itemRepo.batchAddItems(vouchers(20));
  const claims = Array.from({ length: 10 }, () => {
    const twoStep = Object.assign(openPair(tables).deduplicationRepo, {
      atomicClaimWith: undefined,
    });
    return new Deduplicator({ itemRepo, deduplicationRepo: twoStep }).claim('user');
  });
  const items = new Set((await Promise.all(claims)).map(({ item }) => item));
  expect(items.size).toBe(1);
  expect(await deduplicationRepo.countAssignments()).toBe(1);
  expect(await itemRepo.countItems()).toBe(19);
});

describe('fillLedger', () => {
  /** 10 items in the bank and 10 handed out, 5 of them by the Python module. */
  async function seededWithoutLedger() {
    const tables = await freshTablesWithLedger();
    const { ledgerTableName: _, ...withoutLedger } = tables;
    const pair = openPair(withoutLedger);
    await pair.itemRepo.batchAddItems(vouchers(20));
    const deduplicator = new Deduplicator(pair);
    for (let user = 0; user < 5; user++) await deduplicator.claim(`user-${user}`);
    for (let user = 5; user < 10; user++) {
      await pair.deduplicationRepo.putDeduplicationId(
        `user-${user}`,
        String(await pair.itemRepo.getItemFromBank()),
      );
    }
    return tables;
  }

  test('enters what is in the bank and what was handed out, so that nothing enters again', async () => {
    const tables = await seededWithoutLedger();
    const { itemRepo, deduplicationRepo } = openPair(tables);
    const progress: number[] = [];
    const report = await itemRepo.fillLedger(deduplicationRepo, {
      onProgress: ({ added }) => progress.push(added),
    });
    expect(report).toEqual({ read: 20, added: 20, repeats: 0, alreadyKnown: 0 });
    expect(progress).toEqual([20]);
    expect(await itemsIn(tables, tables.ledgerTableName)).toEqual(vouchers(20));
    const again = await itemRepo.batchAddItems(vouchers(21));
    expect(again).toEqual({ read: 21, added: 1, repeats: 0, alreadyKnown: 20 });
    expect(await audit(tables, vouchers(21))).toMatchObject({ lost: 0, twice: 0 });
  });

  test('run again adds nothing and writes nothing', async () => {
    const tables = await seededWithoutLedger();
    const { itemRepo, deduplicationRepo } = openPair(tables);
    await itemRepo.fillLedger(deduplicationRepo);
    const requests = countRequests(tables);
    const report = await itemRepo.fillLedger(deduplicationRepo);
    expect(report).toEqual({ read: 20, added: 0, repeats: 0, alreadyKnown: 20 });
    expect(requests.get('TransactWriteItems')).toBe(undefined);
  });

  test('leaves out what was handed out by other banks', async () => {
    const tables = await seededWithoutLedger();
    const other = {
      ...(await freshTables()),
      deduplicationTableName: tables.deduplicationTableName,
    };
    await openPair(other).itemRepo.addItemToBank('class-2');
    await new Deduplicator(openPair(other)).claim('student');
    const { itemRepo, deduplicationRepo } = openPair(tables);
    expect(await itemRepo.fillLedger(deduplicationRepo)).toMatchObject({ read: 20, added: 20 });
    expect(await itemsIn(tables, tables.ledgerTableName)).toEqual(vouchers(20));
  });

  test('counts an assignment as its own whether the bank was named by its name or its ARN', async () => {
    const tables = await freshTablesWithLedger();
    const { client, deduplicationTableName: TableName, itemBankTableName } = tables;
    const Item = {
      deduplication_id: { S: 'user' },
      item_string: { S: 'voucher' },
      item_bank_table: { S: `arn:aws:dynamodb:eu-west-1:000000000000:table/${itemBankTableName}` },
    };
    await client.send(new PutItemCommand({ TableName, Item }));
    const { itemRepo, deduplicationRepo } = openPair(tables);
    expect(await itemRepo.fillLedger(deduplicationRepo)).toMatchObject({ added: 1 });
  });

  test('sees an item that is handed out while it reads', async () => {
    const tables = await freshTablesWithLedger();
    const { ledgerTableName: _, ...withoutLedger } = throughOwnClient(tables);
    await openPair(withoutLedger).itemRepo.batchAddItems(vouchers(50));
    intercept(tables.client, async (call) => {
      const isBankRead =
        call.operation === 'Scan' && call.input.TableName === tables.itemBankTableName;
      const output = await call.send();
      if (isBankRead) await handOut(withoutLedger);
      return output;
    });
    const { itemRepo, deduplicationRepo } = openPair(tables);
    const report = await itemRepo.fillLedger(deduplicationRepo);
    expect(report).toEqual({ read: 100, added: 50, repeats: 50, alreadyKnown: 0 });
    expect(await itemsIn(tables, tables.ledgerTableName)).toEqual(vouchers(50));
  });

  test('that is stopped goes on when it is run again', async () => {
    const tables = await freshTablesWithLedger();
    const { ledgerTableName: _, ...withoutLedger } = tables;
    await openPair(withoutLedger).itemRepo.batchAddItems(vouchers(500));
    const { itemRepo, deduplicationRepo } = openPair(tables);
    const controller = new AbortController();
    const stopped = itemRepo.fillLedger(deduplicationRepo, {
      signal: controller.signal,
      concurrency: 1,
      onProgress: ({ added }) => {
        if (added >= 200) controller.abort(new Error('enough'));
      },
    });
    await expect(stopped).rejects.toMatchObject({
      code: 'STORAGEBOX_BATCH_NOT_FULLY_ADDED',
      added: 200,
      cause: { message: 'enough' },
    });
    const report = await itemRepo.fillLedger(deduplicationRepo);
    expect(report).toEqual({ read: 500, added: 300, repeats: 0, alreadyKnown: 200 });
  });

  test('that is stopped lacks the item of the first assignment, so that a look tells', async () => {
    const tables = await freshTablesWithLedger();
    const { itemRepo, deduplicationRepo } = openPair(tables);
    for (const voucher of vouchers(150)) {
      await deduplicationRepo.putDeduplicationId(`user of ${voucher}`, voucher);
    }
    const controller = new AbortController();
    const stopped = itemRepo.fillLedger(deduplicationRepo, {
      signal: controller.signal,
      concurrency: 1,
      onProgress: () => controller.abort(new Error('enough')),
    });
    await expect(stopped).rejects.toMatchObject({ added: 100 });
    for await (const first of deduplicationRepo.listAssignments()) {
      expect(await itemsIn(tables, tables.ledgerTableName)).not.toContain(first.item);
      break;
    }
  });

  test('leaves in the ledger what no longer is in either table', async () => {
    const tables = await seededWithoutLedger();
    const { itemRepo, deduplicationRepo } = openPair(tables);
    await itemRepo.fillLedger(deduplicationRepo);
    await removeItems(tables, vouchers(20));
    await tables.client.send(
      new DeleteItemCommand({
        TableName: tables.deduplicationTableName,
        Key: { deduplication_id: { S: 'user-0' } },
      }),
    );
    expect(await itemRepo.batchAddItems(vouchers(20))).toMatchObject({ added: 0 });
  });
});
