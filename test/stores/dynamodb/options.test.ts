// What a repository makes of its options, its environment, and the clients that it is handed.
import {
  CreateTableCommand,
  DescribeTableCommand,
  DynamoDB,
  DynamoDBClient,
  PutItemCommand,
} from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import {
  createTables,
  DEFAULT_FETCH_LIMIT,
  DeduplicationDynamoDbRepository,
  Deduplicator,
  deduplicationTable,
  InvalidItemError,
  ItemBankDynamoDbRepository,
  ItemBankRepository,
  isStorageBoxError,
  itemBankTable,
} from 'storagebox';
import { ItemBankMemoryRepository } from 'storagebox/memory';
import { afterEach, describe, expect, inject, test, vi } from 'vitest';
import { clientConfigFor, clientFor } from '../../support/client.js';
import { intercept } from '../../support/interceptor.js';
import { allRows, freshTables, openPair, throughOwnClient } from '../../support/tables.js';

const endpoint = inject('dynamoDbEndpoint');

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

function silentLogger() {
  return { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() };
}

describe('clients', () => {
  test('of every kind that the SDK has do the same', async () => {
    const tables = await freshTables();
    const clients = [
      new DynamoDBClient(clientConfigFor(endpoint)),
      new DynamoDB(clientConfigFor(endpoint)),
      DynamoDBDocumentClient.from(new DynamoDBClient(clientConfigFor(endpoint))),
      DynamoDBDocumentClient.from(new DynamoDBClient(clientConfigFor(endpoint)), {
        marshallOptions: { convertEmptyValues: true },
        unmarshallOptions: { wrapNumbers: true },
      }),
    ];
    for (const [index, client] of clients.entries()) {
      const deduplicator = new Deduplicator({
        itemRepo: new ItemBankDynamoDbRepository({ tableName: tables.itemBankTableName, client }),
        deduplicationRepo: new DeduplicationDynamoDbRepository({
          tableName: tables.deduplicationTableName,
          client,
        }),
      });
      await deduplicator.addItemsToBank([`voucher-${index}`]);
      const itemBankName = tables.itemBankTableName;
      const item = `voucher-${index}`;
      const claimed = { status: 'claimed', item, itemBankName, heldUntil: null };
      expect(await deduplicator.claim(`user-${index}`)).toEqual(claimed);
      expect(await deduplicator.claim(`user-${index}`)).toEqual({ ...claimed, status: 'existing' });
    }
  });

  test('are made from a configuration, and from the environment when there is none', async () => {
    const tables = await freshTables();
    const byConfiguration = new ItemBankDynamoDbRepository({
      tableName: tables.itemBankTableName,
      clientConfig: clientConfigFor(endpoint),
    });
    await byConfiguration.addItemToBank('voucher');

    vi.stubEnv('AWS_ENDPOINT_URL_DYNAMODB', endpoint);
    vi.stubEnv('AWS_REGION', 'eu-west-1');
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'local');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'local');
    const deduplicator = new Deduplicator({
      itemRepo: new ItemBankDynamoDbRepository({ tableName: tables.itemBankTableName }),
      deduplicationRepo: new DeduplicationDynamoDbRepository({
        tableName: tables.deduplicationTableName,
      }),
    });
    expect(await deduplicator.fetchItemForDeduplicationId('user')).toBe('voucher');
  });

  test('that are handed in are never destroyed', async () => {
    const tables = await freshTables();
    const destroy = vi.spyOn(tables.client, 'destroy');
    await new Deduplicator(openPair(tables)).fetchItemForDeduplicationId('user');
    expect(destroy).not.toHaveBeenCalled();
  });
});

/** What an application adds around a bank, for example to measure it. */
class WrappedBank extends ItemBankRepository {
  readonly bank: ItemBankRepository;

  constructor(bank: ItemBankRepository) {
    super();
    this.bank = bank;
  }

  override batchAddItems(items: Iterable<string> | AsyncIterable<string>) {
    return this.bank.batchAddItems(items);
  }

  override addItemToBank(item: string) {
    return this.bank.addItemToBank(item);
  }

  override getItemFromBank() {
    return this.bank.getItemFromBank();
  }
}

describe('two clients', () => {
  async function claimOver(bankConfig: object, logger = silentLogger()) {
    const tables = await freshTables();
    const bankClient = new DynamoDBClient({ ...clientConfigFor(endpoint), ...bankConfig });
    await createTables([itemBankTable(tables.itemBankTableName)], { client: bankClient });
    const itemRepo = new ItemBankDynamoDbRepository({
      tableName: tables.itemBankTableName,
      client: bankClient,
    });
    const { client, deduplicationTableName: tableName } = tables;
    const deduplicationRepo = new DeduplicationDynamoDbRepository({ tableName, client, logger });
    const deduplicator = new Deduplicator({ itemRepo, deduplicationRepo });
    await itemRepo.batchAddItems(['voucher-1', 'voucher-2']);
    const transactionSizes: number[] = [];
    for (const one of [client, bankClient]) {
      intercept(one, (call) => {
        const { TransactItems } = call.input as { TransactItems?: unknown[] };
        if (call.operation === 'TransactWriteItems')
          transactionSizes.push(TransactItems?.length ?? 0);
        return call.send();
      });
    }
    const items = [
      await deduplicator.fetchItemForDeduplicationId('user-1'),
      await deduplicator.fetchItemForDeduplicationId('user-2'),
      await deduplicator.fetchItemForDeduplicationId('user-1'),
    ];
    return { items, transactionSizes, warnings: logger.warn.mock.calls.flat() };
  }

  test('of one Region and endpoint share a transaction', async () => {
    const { items, transactionSizes, warnings } = await claimOver({});
    expect(new Set(items).size).toBe(2);
    expect(transactionSizes).toEqual([2, 2]);
    expect(warnings).toEqual([]);
  });

  test('of one Region by different spellings of its endpoint share a transaction', async () => {
    const { transactionSizes } = await claimOver({ endpoint: `${endpoint}/` });
    expect(transactionSizes).toEqual([2, 2]);
  });

  test('of different Regions claim in two steps, after one warning', async () => {
    const { items, transactionSizes, warnings } = await claimOver({ region: 'us-east-1' });
    expect(items[2]).toBe(items[0]);
    expect(transactionSizes).toEqual([1, 1, 1, 1]);
    expect(warnings).toEqual([
      expect.stringMatching(/in us-east-1 .* in eu-west-1 .*no transaction spans both/),
    ]);
  });

  test.each([
    [
      'a wrapper around the bank',
      (bank: ItemBankRepository) => new WrappedBank(bank),
      'WrappedBank',
    ],
    ['a bank of another kind', () => new ItemBankMemoryRepository(), 'ItemBankMemoryRepository'],
  ])('and %s claim in two steps, after one warning', async (_, bankOf, className) => {
    const tables = await freshTables();
    const { client, deduplicationTableName: tableName } = tables;
    const logger = silentLogger();
    const deduplicationRepo = new DeduplicationDynamoDbRepository({ tableName, client, logger });
    const itemRepo = bankOf(openPair(tables).itemRepo);
    const deduplicator = new Deduplicator({ itemRepo, deduplicationRepo });
    await deduplicator.addItemsToBank(['voucher-1', 'voucher-2']);
    const items = [
      await deduplicator.fetchItemForDeduplicationId('user-1'),
      await deduplicator.fetchItemForDeduplicationId('user-2'),
    ];
    expect(items.sort()).toEqual(['voucher-1', 'voucher-2']);
    expect(await deduplicator.isAtomic()).toBe(false);
    expect(logger.warn.mock.calls.flat()).toEqual([expect.stringContaining(className)]);
    expect(logger.warn.mock.calls.flat()[0]).toContain('can strand an item');
  });

  test('of which one has its endpoint from the environment claim in one transaction', async () => {
    vi.stubEnv('AWS_ENDPOINT_URL_DYNAMODB', endpoint);
    const { transactionSizes } = await claimOver({ endpoint: undefined });
    expect(transactionSizes).toEqual([2, 2]);
  });

  test('of which one has a custom endpoint claim in two steps', async () => {
    const tables = await freshTables();
    const logger = silentLogger();
    const { deduplicationTableName: tableName, client } = tables;
    const deduplicationRepo = new DeduplicationDynamoDbRepository({ tableName, client, logger });
    const elsewhere = new DynamoDBClient({ region: 'eu-west-1' });
    const itemRepo = new ItemBankDynamoDbRepository({ tableName: 'codes', client: elsewhere });
    expect(await deduplicationRepo.atomicClaimWith(itemRepo)).toBe(null);
    expect(logger.warn).toHaveBeenCalledTimes(1);
  });
});

describe('the fetch limit', () => {
  async function scanLimit(options: { fetchLimit?: number } = {}) {
    const tables = await freshTables();
    const limits = new Set<unknown>();
    intercept(tables.client, (call) => {
      if (call.operation === 'Scan') limits.add(call.input.Limit);
      return call.send();
    });
    const { itemBankTableName: tableName, client } = tables;
    await new ItemBankDynamoDbRepository({ tableName, client, ...options }).getItemFromBank();
    return [...limits];
  }

  test('is the documented default', async () => {
    expect(DEFAULT_FETCH_LIMIT).toBe(30);
    expect(await scanLimit()).toEqual([DEFAULT_FETCH_LIMIT]);
  });

  test('comes from the environment', async () => {
    vi.stubEnv('STORAGE_BOX_CONCURRENT_FETCH_LIMIT', '7');
    expect(await scanLimit()).toEqual([7]);
  });

  test('as an option overrides the environment', async () => {
    vi.stubEnv('STORAGE_BOX_CONCURRENT_FETCH_LIMIT', '7');
    expect(await scanLimit({ fetchLimit: 11 })).toEqual([11]);
  });

  test('is the default when the variable is empty', async () => {
    vi.stubEnv('STORAGE_BOX_CONCURRENT_FETCH_LIMIT', '');
    expect(await scanLimit()).toEqual([DEFAULT_FETCH_LIMIT]);
  });
});

describe('the logging level', () => {
  async function debugMessages(level?: string) {
    if (level !== undefined) vi.stubEnv('STORAGE_BOX_LOGGING_LEVEL', level);
    const tables = await freshTables();
    const logger = silentLogger();
    const deduplicator = new Deduplicator({ ...openPair(tables), logger });
    await deduplicator.addItemsToBank(['secret-voucher']);
    await deduplicator.fetchItemForDeduplicationId('secret-user');
    return logger.debug.mock.calls.flat();
  }

  test('is WARNING by default, which says nothing of an ordinary claim', async () => {
    expect(await debugMessages()).toEqual([]);
    expect(await debugMessages('')).toEqual([]);
  });

  test('DEBUG tells of each call, without the item or the ID', async () => {
    const messages = await debugMessages('debug');
    expect(messages).toEqual(['A call for an item ended as "claimed".']);
  });

  test('reaches the console when there is no logger', async () => {
    const debug = vi.spyOn(console, 'debug').mockImplementation(() => {});
    vi.stubEnv('STORAGE_BOX_LOGGING_LEVEL', 'DEBUG');
    await new Deduplicator(openPair(await freshTables())).fetchItemForDeduplicationId('user');
    expect(debug).toHaveBeenCalledWith('A call for an item ended as "exhausted".');
  });
});

describe('constructors', () => {
  test('do no I/O', async () => {
    const requests: string[] = [];
    const client = clientFor(endpoint);
    intercept(client, (call) => {
      requests.push(call.operation);
      return call.send();
    });
    new Deduplicator({
      itemRepo: new ItemBankDynamoDbRepository({ tableName: 'no_such_table', client }),
      deduplicationRepo: new DeduplicationDynamoDbRepository({ tableName: 'no_such', client }),
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(requests).toEqual([]);
  });
});

describe('tables', () => {
  test('are made once; an existing one is left alone', async () => {
    const tables = await freshTables();
    await openPair(tables).itemRepo.addItemToBank('voucher');
    const other = `another-${tables.itemBankTableName}`;
    const created = await createTables(
      [itemBankTable(tables.itemBankTableName), deduplicationTable(other)],
      { client: tables.client },
    );
    expect(created).toEqual([other]);
    expect(await openPair(tables).itemRepo.getItemFromBank()).toBe('voucher');
    const { Table } = await tables.client.send(new DescribeTableCommand({ TableName: other }));
    expect(Table?.KeySchema).toEqual([{ AttributeName: 'deduplication_id', KeyType: 'HASH' }]);
    expect(Table?.BillingModeSummary?.BillingMode).toBe('PAY_PER_REQUEST');
  });

  test('that cannot be made throw the error of AWS', async () => {
    const { client } = await freshTables();
    await expect(createTables([itemBankTable('?')], { client })).rejects.toMatchObject({
      name: 'ValidationException',
    });
  });

  test('with rows that lack the item are told apart from an empty bank', async () => {
    const tables = await freshTables();
    const { client } = tables;
    const TableName = tables.deduplicationTableName;
    await client.send(
      new PutItemCommand({
        TableName,
        Item: { deduplication_id: { S: 'user' } },
      }),
    );
    const { deduplicationRepo } = openPair(tables);
    await expect(deduplicationRepo.getValueForDeduplicationId('user')).rejects.toMatchObject({
      code: 'STORAGEBOX_TABLE_SCHEMA',
      tableName: TableName,
    });
    // A store that ignores start keys does not notice that the key is another one.
    intercept(client, (call) => {
      const { ExclusiveStartKey, ...fromHead } = call.input;
      return call.send(fromHead);
    });
    const itemRepo = new ItemBankDynamoDbRepository({ tableName: TableName, client });
    await expect(itemRepo.getItemFromBank()).rejects.toMatchObject({
      code: 'STORAGEBOX_TABLE_SCHEMA',
    });
  });

  test('that may not be described leave the refusal as it is', async () => {
    const { client } = await freshTables();
    const TableName = `code-${crypto.randomUUID()}`;
    await client.send(
      new CreateTableCommand({
        ...itemBankTable(TableName),
        AttributeDefinitions: [{ AttributeName: 'code', AttributeType: 'S' }],
        KeySchema: [{ AttributeName: 'code', KeyType: 'HASH' }],
      }),
    );
    intercept(client, async (call) => {
      if (call.operation === 'DescribeTable') throw new Error('access denied');
      return call.send();
    });
    const deduplicationRepo = new DeduplicationDynamoDbRepository({ tableName: TableName, client });
    await expect(deduplicationRepo.getValueForDeduplicationId('user')).rejects.toMatchObject({
      name: 'ValidationException',
    });
    const missing = new DeduplicationDynamoDbRepository({ tableName: 'no_such_table', client });
    await expect(missing.getValueForDeduplicationId('user')).rejects.toMatchObject({
      code: 'STORAGEBOX_TABLE_NOT_FOUND',
      tableNames: ['no_such_table'],
    });
  });
});

describe('isStorageBoxError', () => {
  test('knows the errors of this package, and of another copy of it, and no others', () => {
    const ofAnotherCopy = Object.assign(new Error(), { [Symbol.for('storagebox.error')]: true });
    expect(isStorageBoxError(new InvalidItemError('no item'))).toBe(true);
    expect(isStorageBoxError(ofAnotherCopy)).toBe(true);
    for (const other of [new Error('no item'), 'no item', undefined, null, {}]) {
      expect(isStorageBoxError(other)).toBe(false);
    }
  });

  test('errors show their class, in their text and in their stack', () => {
    const error = new InvalidItemError('no item');
    expect(String(error)).toBe('InvalidItemError: no item');
    expect(error.stack).toMatch(/^InvalidItemError: no item\n/);
  });
});

test('rows tell when the item was assigned and from which bank', async () => {
  const tables = await freshTables();
  const pair = openPair(tables);
  await pair.itemRepo.addItemToBank('voucher');
  const before = new Date().toISOString();
  await new Deduplicator(pair).fetchItemForDeduplicationId('user');
  const [row] = await allRows(throughOwnClient(tables).client, tables.deduplicationTableName);
  expect(row).toEqual({
    deduplication_id: { S: 'user' },
    item_string: { S: 'voucher' },
    item_bank_table: { S: tables.itemBankTableName },
    assigned_at: { S: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) },
  });
  expect(row?.assigned_at?.S && row.assigned_at.S >= before).toBe(true);
});
