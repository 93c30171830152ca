// What a release makes of each answer that DynamoDB Local never gives by itself, and what it writes.
import {
  PutItemCommand,
  type TransactWriteItemsCommandInput,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { Deduplicator, ItemBankDynamoDbRepository } from 'storagebox';
import { ItemBankMemoryRepository } from 'storagebox/memory';
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
  freshTablesWithLedger,
  openPair,
  type Tables,
  throughOwnClient,
} from '../../../support/tables.js';
import { useVirtualTime } from '../../../support/virtual-time.js';

type Answer = (call: InterceptedCall, nth: number) => Promise<unknown>;

/** A user who has the one voucher, and the given answer to each request of one operation after that. */
async function setUp(operation: string, answer: Answer) {
  const tables = await freshTables();
  const others = new Deduplicator(openPair(throughOwnClient(tables)));
  await others.addItemsToBank(['voucher']);
  await others.claim('user');
  const calls: InterceptedCall[] = [];
  intercept(tables.client, (call) => {
    if (call.operation !== operation) return call.send();
    calls.push(call);
    return answer(call, calls.length);
  });
  return { tables, calls, others, deduplicator: new Deduplicator(openPair(tables)) };
}

const faithful: Answer = (call) => call.send();

async function bankOf({ client, itemBankTableName }: Tables): Promise<unknown[]> {
  return (await allRows(client, itemBankTableName)).map(({ item }) => item?.S);
}

async function assignmentsOf({ client, deduplicationTableName }: Tables): Promise<unknown[]> {
  const rows = await allRows(client, deduplicationTableName);
  return rows.map((row) => [row.deduplication_id?.S, row.item_string?.S]);
}

/** Has the row of the user say that the item came from there. */
async function nameBank({ client, deduplicationTableName }: Tables, bank: string): Promise<void> {
  await client.send(
    new UpdateItemCommand({
      TableName: deduplicationTableName,
      Key: { deduplication_id: { S: 'user' } },
      UpdateExpression: 'SET item_bank_table = :bank',
      ExpressionAttributeValues: { ':bank': { S: bank } },
    }),
  );
}

describe('a release', () => {
  test('is one read and one transaction', async () => {
    const { tables, calls, deduplicator } = await setUp('TransactWriteItems', faithful);
    expect(await deduplicator.releaseItemForDeduplicationId('user')).toBe('voucher');
    expect(calls).toHaveLength(1);
    expect(await bankOf(tables)).toEqual(['voucher']);
    expect(await assignmentsOf(tables)).toEqual([]);
  });

  test('returns the item to the bank that it came from, of all that share the assignments', async () => {
    const tables = await freshTables();
    const otherTables = await freshTables();
    const { deduplicationRepo } = openPair(tables);
    const otherItemRepo = openPair(otherTables).itemRepo;
    await otherItemRepo.addItemToBank('voucher');
    await new Deduplicator({ itemRepo: otherItemRepo, deduplicationRepo }).claim('user');
    const releaseBanks = [otherItemRepo];
    const deduplicator = new Deduplicator({ ...openPair(tables), releaseBanks });
    await deduplicator.releaseItemForDeduplicationId('user');
    expect(await bankOf(tables)).toEqual([]);
    expect(await bankOf(otherTables)).toEqual(['voucher']);
  });

  test('to a bank that is not at hand writes nothing, and the ID keeps its item', async () => {
    const { tables, calls, deduplicator } = await setUp('TransactWriteItems', faithful);
    const elsewhere = await freshTables();
    await nameBank(tables, elsewhere.itemBankTableName);
    const error = await deduplicator.releaseItemForDeduplicationId('user').catch((e) => e);
    expect(error).toMatchObject({ code: 'STORAGEBOX_UNKNOWN_ITEM_BANK' });
    expect(error.message).toContain('`releaseBanks`');
    expect(error.message).not.toContain(elsewhere.itemBankTableName);
    expect(calls).toEqual([]);
    expect(await assignmentsOf(tables)).toEqual([['user', 'voucher']]);
    expect(await bankOf(elsewhere)).toEqual([]);
  });

  test('puts the item into a bank by the name of its repository, never by the text of the row', async () => {
    const { tables, calls, deduplicator } = await setUp('TransactWriteItems', faithful);
    const { itemBankTableName } = tables;
    await nameBank(tables, `arn:aws:dynamodb:eu-west-1:000000000000:table/${itemBankTableName}`);
    expect(await deduplicator.releaseItemForDeduplicationId('user')).toBe('voucher');
    expect(JSON.stringify(calls[0]?.input)).not.toContain('arn:');
    expect(await bankOf(tables)).toEqual(['voucher']);
  });

  describe('chooses among banks', () => {
    const arnOf = (account: number, name = 'codes') =>
      `arn:aws:dynamodb:eu-west-1:${account}:table/${name}`;

    /** The table that the item of a row returns to, of an own bank and others; or the error. */
    async function destination(named: string, own: string, ...others: readonly string[]) {
      const { tables, calls } = await setUp('TransactWriteItems', async () => ({}));
      await nameBank(tables, named);
      const { client } = tables;
      const banks = [own, ...others].map(
        (tableName) => new ItemBankDynamoDbRepository({ tableName, client }),
      );
      const [itemRepo, ...releaseBanks] = banks as [(typeof banks)[0], ...typeof banks];
      const { deduplicationRepo } = openPair(tables);
      const deduplicator = new Deduplicator({ itemRepo, deduplicationRepo, releaseBanks });
      const error = await deduplicator.releaseItemForDeduplicationId('user').then(
        () => null,
        ({ code }) => code,
      );
      const { TransactItems = [] } = (calls[0]?.input ??
        {}) as Partial<TransactWriteItemsCommandInput>;
      return error ?? TransactItems.find(({ Put }) => Put)?.Put?.TableName;
    }

    const UNKNOWN = 'STORAGEBOX_UNKNOWN_ITEM_BANK';
    test.each([
      ['two ARNs in full', arnOf(1), arnOf(2), [arnOf(1)], arnOf(1)],
      ['two ARNs in full, and none fits', arnOf(3), arnOf(2), [arnOf(1)], UNKNOWN],
      ['an ARN with a bare name', arnOf(1), 'seats', ['codes'], 'codes'],
      ['a bare name with an ARN', 'codes', 'seats', [arnOf(1)], arnOf(1)],
      ['a bare name that fits two ARNs', 'codes', arnOf(1), [arnOf(2)], UNKNOWN],
      ['a bare name that one of them has as it stands', 'codes', arnOf(1), ['codes'], 'codes'],
      ['a bank that was given twice', arnOf(1), 'codes', ['codes', 'seats'], 'codes'],
      ['a name of which only the end is one', 'x/codes', 'seats', ['codes'], UNKNOWN],
      ['a name that none has', 'orders', 'seats', ['codes'], UNKNOWN],
    ])('%s', async (_name, named, own, others, expected) => {
      expect(await destination(named, own, ...others)).toBe(expected);
    });
  });

  test('asks for banks that share transactions with the deduplication table', async () => {
    const { tables, calls } = await setUp('TransactWriteItems', faithful);
    const elsewhere = new ItemBankDynamoDbRepository({
      tableName: 'codes',
      clientConfig: { region: 'eu-central-1' },
    });
    for (const bank of [elsewhere, new ItemBankMemoryRepository()]) {
      const deduplicator = new Deduplicator({ ...openPair(tables), releaseBanks: [bank] });
      for (const release of [
        deduplicator.releaseItemForDeduplicationId('user'),
        deduplicator.retireItemForDeduplicationId('user'),
      ]) {
        await expect(release).rejects.toMatchObject({
          code: 'STORAGEBOX_INVALID_OPTION',
          option: 'releaseBanks',
        });
      }
    }
    expect(calls).toEqual([]);
    expect(await assignmentsOf(tables)).toEqual([['user', 'voucher']]);
  });

  test('returns an item of a Python node, which does not tell the bank, to the own one', async () => {
    const { tables, deduplicator } = await setUp('TransactWriteItems', faithful);
    // Such a row has neither bank nor time.
    const { client, deduplicationTableName: TableName } = tables;
    const Item = { deduplication_id: { S: 'python' }, item_string: { S: 'python-voucher' } };
    await client.send(new PutItemCommand({ TableName, Item }));
    expect(await deduplicator.releaseItemForDeduplicationId('python')).toBe('python-voucher');
    expect(await bankOf(tables)).toEqual(['python-voucher']);
  });

  test('leaves an item once in a bank that holds it already', async () => {
    const { tables, others, deduplicator } = await setUp('TransactWriteItems', faithful);
    await others.addItemsToBank(['voucher']);
    expect(await deduplicator.releaseItemForDeduplicationId('user')).toBe('voucher');
    expect(await bankOf(tables)).toEqual(['voucher']);
  });

  test('to a bank whose table is gone says which, and the ID keeps its item', async () => {
    const { tables } = await setUp('TransactWriteItems', faithful);
    await nameBank(tables, 'no_such_bank');
    const gone = new ItemBankDynamoDbRepository({
      tableName: 'no_such_bank',
      client: tables.client,
    });
    const deduplicator = new Deduplicator({ ...openPair(tables), releaseBanks: [gone] });
    await expect(deduplicator.releaseItemForDeduplicationId('user')).rejects.toMatchObject({
      code: 'STORAGEBOX_TABLE_NOT_FOUND',
      tableNames: ['no_such_bank'],
    });
    expect(await assignmentsOf(tables)).toEqual([['user', 'voucher']]);
  });
});

describe('a retirement', () => {
  test('ends the assignment and leaves the bank alone', async () => {
    const { tables, deduplicator } = await setUp('TransactWriteItems', faithful);
    expect(await deduplicator.retireItemForDeduplicationId('user')).toBe('voucher');
    expect(await bankOf(tables)).toEqual([]);
    expect(await assignmentsOf(tables)).toEqual([]);
  });
});

describe('with a ledger', () => {
  async function setUpWithLedger() {
    const tables = await freshTablesWithLedger();
    const pair = openPair(tables);
    const deduplicator = new Deduplicator(pair);
    await deduplicator.addItemsToBank(['voucher']);
    await deduplicator.claim('user');
    const ledger = () => allRows(tables.client, tables.ledgerTableName);
    return { tables, pair, deduplicator, ledger };
  }

  test('a released item returns although it is known, and cannot be added a second time', async () => {
    const { tables, deduplicator } = await setUpWithLedger();
    expect(await deduplicator.releaseItemForDeduplicationId('user')).toBe('voucher');
    expect(await bankOf(tables)).toEqual(['voucher']);
    expect(await deduplicator.addItemsToBank(['voucher'])).toMatchObject({ alreadyKnown: 1 });
  });

  test('a retired item stays known, with the time', async () => {
    const { tables, deduplicator, ledger } = await setUpWithLedger();
    expect(await deduplicator.retireItemForDeduplicationId('user')).toBe('voucher');
    expect(await ledger()).toEqual([
      {
        item: { S: 'voucher' },
        entered_at: { S: expect.stringMatching(/^\d{4}-.*Z$/) },
        retired_at: { S: expect.stringMatching(/^\d{4}-.*Z$/) },
      },
    ]);
    await deduplicator.addItemsToBank(['voucher']);
    expect(await bankOf(tables)).toEqual([]);
  });

  test('a retired item that never entered is known from then on', async () => {
    const { tables, pair, deduplicator } = await setUpWithLedger();
    await pair.deduplicationRepo.putDeduplicationId('other user', 'unknown voucher');
    await deduplicator.retireItemForDeduplicationId('other user');
    await deduplicator.addItemsToBank(['unknown voucher']);
    expect(await bankOf(tables)).toEqual([]);
  });

  test('a retirement whose ledger is gone changes nothing, and says which table it is', async () => {
    const { tables, pair } = await setUpWithLedger();
    const itemRepo = new ItemBankDynamoDbRepository({
      tableName: tables.itemBankTableName,
      ledgerTableName: 'no_such_ledger',
      client: tables.client,
    });
    const { deduplicationRepo } = pair;
    const deduplicator = new Deduplicator({ itemRepo, deduplicationRepo });
    await expect(deduplicator.retireItemForDeduplicationId('user')).rejects.toMatchObject({
      code: 'STORAGEBOX_TABLE_NOT_FOUND',
      tableNames: ['no_such_ledger'],
    });
    expect(await assignmentsOf(tables)).toEqual([['user', 'voucher']]);
  });

  test('the item of another bank is retired without a note in the ledger of this one', async () => {
    const { pair, ledger } = await setUpWithLedger();
    const others = openPair(await freshTables());
    await others.itemRepo.addItemToBank('other voucher');
    const { deduplicationRepo } = pair;
    await new Deduplicator({ itemRepo: others.itemRepo, deduplicationRepo }).claim('other user');
    await new Deduplicator(pair).retireItemForDeduplicationId('other user');
    expect((await ledger()).map(({ item }) => item?.S)).toEqual(['voucher']);
  });

  test('the item of a release bank is retired with a note in the ledger of that bank', async () => {
    const { pair, ledger } = await setUpWithLedger();
    const others = openPair(await freshTables());
    await others.itemRepo.addItemToBank('other voucher');
    const { deduplicationRepo } = pair;
    await new Deduplicator({ itemRepo: others.itemRepo, deduplicationRepo }).claim('other user');
    const releaseBanks = [pair.itemRepo];
    await new Deduplicator({
      itemRepo: others.itemRepo,
      deduplicationRepo,
      releaseBanks,
    }).retireItemForDeduplicationId('user');
    const [row] = await ledger();
    expect(row).toMatchObject({ item: { S: 'voucher' }, retired_at: expect.anything() });
  });
});

describe('a row that changes between the read and the write', () => {
  test('because the same item was released and claimed again: the later assignment is released', async () => {
    const { tables, calls, others, deduplicator } = await setUp(
      'TransactWriteItems',
      async (call, nth) => {
        if (nth === 1) {
          await others.releaseItemForDeduplicationId('user');
          await others.claim('user');
        }
        return call.send();
      },
    );
    expect(await deduplicator.releaseItemForDeduplicationId('user')).toBe('voucher');
    expect(calls).toHaveLength(2);
    expect(await bankOf(tables)).toEqual(['voucher']);
  });

  test('because the item is another ID’s now: that one keeps it, and this one had none', async () => {
    const { tables, others, deduplicator } = await setUp(
      'TransactWriteItems',
      async (call, nth) => {
        if (nth === 1) {
          await others.releaseItemForDeduplicationId('user');
          await others.claim('other user');
        }
        return call.send();
      },
    );
    expect(await deduplicator.releaseItemForDeduplicationId('user')).toBeNull();
    expect(await assignmentsOf(tables)).toEqual([['other user', 'voucher']]);
    expect(await bankOf(tables)).toEqual([]);
  });

  test('each time, is given up after a bounded time', async () => {
    const { advance } = useVirtualTime();
    const { tables, deduplicator } = await setUp('TransactWriteItems', async () => {
      advance(1_000);
      throw cancellation('ConditionalCheckFailed', 'None');
    });
    await expect(deduplicator.releaseItemForDeduplicationId('user')).rejects.toMatchObject({
      code: 'STORAGEBOX_CONTENTION',
    });
    expect(await assignmentsOf(tables)).toEqual([['user', 'voucher']]);
  });
});

describe('a request that arrives when its caller has given it up', () => {
  /** The first transaction of the release, to be sent when all others have ended. */
  async function giveUpTheFirstWrite() {
    useVirtualTime();
    const late: InterceptedCall[] = [];
    const { tables, others, deduplicator } = await setUp('TransactWriteItems', async (call) => {
      late.push(call);
      throw timeout();
    });
    await expect(deduplicator.releaseItemForDeduplicationId('user')).rejects.toMatchObject({
      code: 'STORAGEBOX_OUTCOME_UNKNOWN',
      cause: { name: 'TimeoutError' },
    });
    return { tables, others, arrive: () => late[0]?.send() };
  }

  test('releases, if nothing has happened since, and the next release says null', async () => {
    const { tables, others, arrive } = await giveUpTheFirstWrite();
    await arrive();
    expect(await bankOf(tables)).toEqual(['voucher']);
    expect(await others.releaseItemForDeduplicationId('user')).toBeNull();
  });

  test('ends no assignment of the same item to the same ID that was made since', async () => {
    const { tables, others, arrive } = await giveUpTheFirstWrite();
    expect(await others.releaseItemForDeduplicationId('user')).toBe('voucher');
    expect(await others.claim('user')).toEqual({
      status: 'claimed',
      item: 'voucher',
      itemBankName: tables.itemBankTableName,
      heldUntil: null,
    });
    await expect(arrive()).rejects.toMatchObject({ name: 'TransactionCanceledException' });
    expect(await assignmentsOf(tables)).toEqual([['user', 'voucher']]);
    expect(await bankOf(tables)).toEqual([]);
  });
});

describe('an unknown outcome', () => {
  test('after the write landed: the same token finds out', async () => {
    const { tables, calls, deduplicator } = await setUp('TransactWriteItems', async (call, nth) => {
      const output = await call.send();
      if (nth === 1) throw timeout();
      return output;
    });
    expect(await deduplicator.releaseItemForDeduplicationId('user')).toBe('voucher');
    expect(new Set(calls.map(({ input }) => input.ClientRequestToken)).size).toBe(1);
    expect(await bankOf(tables)).toEqual(['voucher']);
  });
});

describe('the read before null', () => {
  test('waits for a transaction on the ID', async () => {
    const { calls, deduplicator } = await setUp('TransactGetItems', async (call, nth) => {
      if (nth <= 2) throw cancellation('TransactionConflict');
      return call.send();
    });
    expect(await deduplicator.releaseItemForDeduplicationId('nobody')).toBeNull();
    expect(calls).toHaveLength(3);
  });

  test('finds an assignment whose transaction the plain read came too early for', async () => {
    const { deduplicator } = await setUp('GetItem', async (call, nth) =>
      nth === 1 ? {} : call.send(),
    );
    expect(await deduplicator.releaseItemForDeduplicationId('user')).toBe('voucher');
  });
});

describe('errors', () => {
  for (const operation of ['GetItem', 'TransactWriteItems']) {
    test(`access denied to ${operation} reaches the caller unchanged`, async () => {
      const denied = serviceError('AccessDeniedException');
      const { tables, deduplicator } = await setUp(operation, async () => {
        throw denied;
      });
      await expect(deduplicator.releaseItemForDeduplicationId('user')).rejects.toBe(denied);
      expect(await assignmentsOf(throughOwnClient(tables))).toEqual([['user', 'voucher']]);
    });
  }

  test('an aborted release throws the reason of its signal while its write is under way', async () => {
    const controller = new AbortController();
    const reason = new Error('the user went away');
    let answer: (() => void) | undefined;
    const { tables, deduplicator } = await setUp('TransactWriteItems', async (call) => {
      controller.abort(reason);
      await new Promise<void>((resolve) => {
        answer = resolve;
      });
      return call.send();
    });
    const release = deduplicator.releaseItemForDeduplicationId('user', {
      signal: controller.signal,
    });
    await expect(release).rejects.toBe(reason);
    expect(await assignmentsOf(throughOwnClient(tables))).toEqual([['user', 'voucher']]);
    answer?.();
  });

  test('a pair in two Regions releases nothing', async () => {
    const { tables, others } = await setUp('TransactWriteItems', faithful);
    const itemRepo = new ItemBankDynamoDbRepository({
      tableName: tables.itemBankTableName,
      clientConfig: { region: 'eu-central-1' },
    });
    const { deduplicationRepo } = openPair(tables);
    const apart = new Deduplicator({ itemRepo, deduplicationRepo });
    await expect(apart.releaseItemForDeduplicationId('user')).rejects.toMatchObject({
      code: 'STORAGEBOX_RELEASE_NOT_SUPPORTED',
    });
    expect(await others.claim('user')).toEqual({
      status: 'existing',
      item: 'voucher',
      itemBankName: tables.itemBankTableName,
      heldUntil: null,
    });
  });
});

test('the item of a release goes to a claim that begins after it, in a process that knew the bank to be empty', async () => {
  const { tables, deduplicator } = await setUp('Scan', faithful);
  expect(await deduplicator.claim('other user')).toEqual({ status: 'exhausted', item: null });
  await deduplicator.releaseItemForDeduplicationId('user');
  expect(await deduplicator.claim('other user')).toEqual({
    status: 'claimed',
    item: 'voucher',
    itemBankName: tables.itemBankTableName,
    heldUntil: null,
  });
});
