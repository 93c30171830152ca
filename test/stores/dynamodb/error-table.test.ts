// Every error of the package, made by doing what a user would do wrong; docs/errors.md is the result.
import {
  CreateTableCommand,
  DynamoDBClient,
  type TransactWriteItem,
} from '@aws-sdk/client-dynamodb';
import {
  createTables,
  DeduplicationDynamoDbRepository,
  type DeduplicationDynamoDbRepositoryOptions,
  Deduplicator,
  type DeduplicatorOptions,
  ItemBankDynamoDbRepository,
  type ItemBankDynamoDbRepositoryOptions,
  type ItemBankRepository,
  isStorageBoxError,
  itemBankTable,
  type ListOptions,
  onStorageBoxEvent,
} from 'storagebox';
import {
  DeduplicationMemoryRepository,
  ItemBankMemoryRepository,
  type MemoryWrite,
} from 'storagebox/memory';
import { beforeAll, expect, inject, test, vi } from 'vitest';
import { clientFor } from '../../support/client.js';
import { cancellation, intercept, timeout } from '../../support/interceptor.js';
import { freshTables, openPair, ownWritesBeside, type Tables } from '../../support/tables.js';
import { useVirtualTime } from '../../support/virtual-time.js';

type Misuse = () => unknown;

/** What TypeScript would refuse, done all the same. */
const any = <Value>(value: unknown) => value as Value;

const memoryPair = () => ({
  itemRepo: new ItemBankMemoryRepository(),
  deduplicationRepo: new DeduplicationMemoryRepository(),
});
const fetchFor = (deduplicationId: unknown) => () =>
  new Deduplicator(memoryPair()).fetchItemForDeduplicationId(any(deduplicationId));
const addItem = (item: unknown) => () => memoryPair().itemRepo.addItemToBank(any(item));
const addItems =
  (...args: unknown[]) =>
  () =>
    memoryPair().itemRepo.batchAddItems(...any<[string[]]>(args));
const fetchInBulk =
  (...args: unknown[]) =>
  () =>
    new Deduplicator(memoryPair()).fetchItemsForDeduplicationIds(...any<[string[]]>(args));
const newBank = (options: unknown) => () =>
  new ItemBankDynamoDbRepository(any<ItemBankDynamoDbRepositoryOptions>(options));
const cursorOfItems = () => new ItemBankMemoryRepository().listItems().cursor;
const listItems = (options: unknown) => () =>
  new ItemBankMemoryRepository().listItems(any<ListOptions>(options));
const newDeduplicator = (options: unknown) => () =>
  new Deduplicator(any<DeduplicatorOptions>(options));

async function readAll(itemRepo: ItemBankRepository): Promise<void> {
  for await (const _item of any<ItemBankDynamoDbRepository>(itemRepo).listItems());
}

async function* vouchersAndThenAFault() {
  yield* ['voucher-1', 'voucher-2'];
  throw new Error('the file ended too early');
}

function claimGroup(deduplicationIds: unknown): Misuse {
  return () => new Deduplicator(memoryPair()).claimAll(any(deduplicationIds));
}

function claimAlongsideInMemory(write: MemoryWrite): Misuse {
  return async () => {
    const pair = memoryPair();
    await pair.itemRepo.addItemToBank('voucher-1');
    await new Deduplicator(pair).claim('user', { alongside: () => write });
  };
}

/** The claim of a new ID, for which there is an item. */
function claimAlongside(alongside: () => TransactWriteItem[]): Misuse {
  return async () => {
    const deduplicator = new Deduplicator(openPair(tables));
    await deduplicator.addItemsToBank(['voucher-of-an-order']);
    await deduplicator.claim('user-with-an-order', { alongside });
  };
}

function inTwoSteps(call: (deduplicator: Deduplicator) => unknown): Misuse {
  return () => {
    const { itemRepo, deduplicationRepo } = memoryPair();
    Object.assign(deduplicationRepo, { atomicClaimWith: undefined });
    return call(new Deduplicator({ itemRepo, deduplicationRepo }));
  };
}

const ORDER: TransactWriteItem = { Put: { TableName: 'orders', Item: { id: { S: 'order-1' } } } };

const client = clientFor(inject('dynamoDbEndpoint'));
const missing = (repository: 'bank' | 'deduplication') =>
  new Deduplicator({
    itemRepo: new ItemBankDynamoDbRepository({
      tableName: repository === 'bank' ? 'no_such_bank' : tables.itemBankTableName,
      client,
    }),
    deduplicationRepo: new DeduplicationDynamoDbRepository({
      tableName: repository === 'bank' ? tables.deduplicationTableName : 'no_such_table',
      client,
    }),
  });
let tables: Tables;
let wrongTable: string;
let ordersTable: string;
beforeAll(async () => {
  tables = await freshTables();
  ordersTable = (await ownWritesBeside(tables)).tableName;
  wrongTable = `wrong-${tables.itemBankTableName}`;
  await client.send(
    new CreateTableCommand({
      TableName: wrongTable,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [
        { AttributeName: 'code', AttributeType: 'S' },
        { AttributeName: 'batch', AttributeType: 'N' },
      ],
      KeySchema: [
        { AttributeName: 'code', KeyType: 'HASH' },
        { AttributeName: 'batch', KeyType: 'RANGE' },
      ],
    }),
  );
});

const misuses: Record<string, Misuse> = {
  'deduplication ID: undefined': fetchFor(undefined),
  'deduplication ID: a number': fetchFor(42),
  'deduplication ID: an object': fetchFor({ id: 1 }),
  'deduplication ID: empty': fetchFor(''),
  'deduplication ID: 2,049 bytes': fetchFor('x'.repeat(2_049)),
  'deduplication ID: 1,025 characters of 2 bytes': fetchFor('é'.repeat(1_025)),
  'deduplication ID: ill-formed': fetchFor('user-\uD800'),
  'item: null': addItem(null),
  'item: a bigint': addItem(10n),
  'item: an array': addItem(['voucher-1']),
  'item: empty': addItem(''),
  'item: 2,049 bytes': addItem('x'.repeat(2_049)),
  'item: ill-formed': addItem('\uDC00voucher'),
  'batch: one item of an array is empty': addItems(['voucher-1', '']),
  'batch: a single string': addItems('voucher-1'),
  'batch: nothing': addItems(undefined),
  'batch: concurrency 0': addItems([], { concurrency: 0 }),
  'batch: onProgress is no function': addItems([], { onProgress: true }),
  'batch: signal is no signal': addItems([], { signal: 'abort' }),
  'claim: signal is no signal': () =>
    new Deduplicator(memoryPair()).claim('user', any({ signal: new AbortController() })),
  'claim: a hold of 0 milliseconds': () =>
    new Deduplicator(memoryPair()).claim('user', { holdForMs: 0 }),
  'claim: a hold until a moment instead of for a time': () =>
    new Deduplicator(memoryPair()).claim('user', { holdForMs: Date.UTC(2026, 0) }),
  'claim: the chosen item is empty': () =>
    new Deduplicator(memoryPair()).claim('user', { item: '' }),
  'claim: alongside is no function': () =>
    new Deduplicator(memoryPair()).claim('user', any({ alongside: [] })),
  'claim: in memory, alongside returns no function': claimAlongsideInMemory(any([])),
  'claim: own writes in memory throw': claimAlongsideInMemory(() => {
    throw new Error('sold to members only');
  }),
  'group: a single string': claimGroup('user'),
  'group: no ID': claimGroup([]),
  'group: 51 IDs': claimGroup(Array.from({ length: 51 }, (_, index) => `user-${index}`)),
  'group: an ID that comes twice': claimGroup(['user-1', 'user-2', 'user-1']),
  'group: one ID is empty': claimGroup(['user-1', '']),
  'confirm: alongside is no function': () =>
    new Deduplicator(memoryPair()).confirm('user', any({ alongside: 'order' })),
  'sweep: concurrency 0': () =>
    new Deduplicator(memoryPair()).releaseExpiredHolds({ concurrency: 0 }),
  'bulk: a single string': fetchInBulk('user-1'),
  'bulk: one ID of an array is empty': fetchInBulk(['user-1', '']),
  'bulk: concurrency is no whole number': fetchInBulk(['user-1'], { concurrency: 1.5 }),
  'repository: no options': newBank(undefined),
  'repository: table_name instead of tableName': newBank({ table_name: 'voucher_codes' }),
  'repository: empty table name': newBank({ tableName: '' }),
  'repository: client and clientConfig': newBank({
    tableName: 'voucher_codes',
    client: new DynamoDBClient({}),
    clientConfig: {},
  }),
  'repository: client of another kind': newBank({ tableName: 'voucher_codes', client: {} }),
  'repository: clientConfig is no object': newBank({
    tableName: 'voucher_codes',
    clientConfig: 'eu-west-1',
  }),
  'repository: the bank as its own ledger': newBank({
    tableName: 'voucher_codes',
    ledgerTableName: 'voucher_codes',
  }),
  'repository: empty ledger table name': newBank({
    tableName: 'voucher_codes',
    ledgerTableName: '',
  }),
  'repository: fetchLimit 0': newBank({ tableName: 'voucher_codes', fetchLimit: 0 }),
  'repository: fetchLimit 2.5': newBank({ tableName: 'voucher_codes', fetchLimit: 2.5 }),
  'repository: empty index name': () =>
    new DeduplicationDynamoDbRepository({ tableName: 'deduplication_table', holdIndexName: '' }),
  'repository: a secret of 31 bytes': () =>
    new DeduplicationDynamoDbRepository({
      tableName: 'deduplication_table',
      deduplicationIdSecret: 'x'.repeat(31),
    }),
  'repository: a secret that is no string or bytes': () =>
    new DeduplicationMemoryRepository(any({ deduplicationIdSecret: 42 })),
  'repository: logger without methods': () =>
    new DeduplicationDynamoDbRepository(
      any<DeduplicationDynamoDbRepositoryOptions>({ tableName: 'table', logger: {} }),
    ),
  'environment: fetch limit of no number': withEnvironment(
    'STORAGE_BOX_CONCURRENT_FETCH_LIMIT',
    'many',
    newBank({ tableName: 'voucher_codes' }),
  ),
  'environment: fetch limit of -1': withEnvironment(
    'STORAGE_BOX_CONCURRENT_FETCH_LIMIT',
    '-1',
    newBank({ tableName: 'voucher_codes' }),
  ),
  'environment: unknown logging level': withEnvironment(
    'STORAGE_BOX_LOGGING_LEVEL',
    'VERBOSE',
    () => new Deduplicator(memoryPair()),
  ),
  'repository in memory: hasLedger is no boolean': () =>
    new ItemBankMemoryRepository(any({ hasLedger: 'yes' })),
  'repository in memory: empty name': () => new ItemBankMemoryRepository({ name: '' }),
  'deduplicator: no options': newDeduplicator(undefined),
  'deduplicator: no item repository': newDeduplicator({ ...memoryPair(), itemRepo: undefined }),
  'deduplicator: repositories swapped': newDeduplicator({
    itemRepo: memoryPair().deduplicationRepo,
    deduplicationRepo: memoryPair().itemRepo,
  }),
  'deduplicator: a class instead of an instance': newDeduplicator({
    ...memoryPair(),
    deduplicationRepo: DeduplicationMemoryRepository,
  }),
  'deduplicator: releaseBanks is one bank': newDeduplicator({
    ...memoryPair(),
    releaseBanks: memoryPair().itemRepo,
  }),
  'deduplicator: skipFirstRead is no boolean': newDeduplicator({
    ...memoryPair(),
    skipFirstRead: 'yes',
  }),
  'deduplicator: revealInEvents is no boolean': newDeduplicator({
    ...memoryPair(),
    revealInEvents: 1,
  }),
  'deduplicator: maxHoldMs is no whole number': newDeduplicator({
    ...memoryPair(),
    maxHoldMs: 0.5,
  }),
  'events: the listener is no function': () => onStorageBoxEvent(any({})),
  'createTables: one definition without an array': () =>
    createTables(any(itemBankTable('voucher_codes')), { client }),
  'itemBankTable: no name': () => itemBankTable(any(undefined)),
  'claim: the item bank is missing': () => missing('bank').claim('user'),
  'claim: the deduplication table is missing': () => missing('deduplication').claim('user'),
  'claim: the two clients belong to two accounts': () => {
    const send = async ({ input }: { input: { Limit?: number; TransactItems?: unknown } }) => {
      if (input.Limit !== undefined) return { Items: [{ item: { S: 'voucher-1' } }] };
      if (input.TransactItems === undefined) return {};
      throw cancellation('None', 'ConditionalCheckFailed');
    };
    const newClient = () => any<DynamoDBClient>({ config: { region: async () => 'here' }, send });
    return new Deduplicator({
      itemRepo: new ItemBankDynamoDbRepository({
        tableName: 'voucher_codes',
        client: newClient(),
      }),
      deduplicationRepo: new DeduplicationDynamoDbRepository({
        tableName: 'deduplication_table',
        client: newClient(),
      }),
    }).claim('user');
  },
  'batch: the item bank is missing': () => missing('bank').addItemsToBank(['voucher-1']),
  'batch: the ledger is missing': () =>
    new ItemBankDynamoDbRepository({
      tableName: tables.itemBankTableName,
      ledgerTableName: 'no_such_ledger',
      client,
    }).batchAddItems(['voucher-1']),
  'item: the ledger has another key': () =>
    new ItemBankDynamoDbRepository({
      tableName: tables.itemBankTableName,
      ledgerTableName: wrongTable,
      client,
    }).addItemToBank('voucher-1'),
  'fillLedger: the bank has none': () => {
    const { itemRepo, deduplicationRepo } = openPair(tables);
    return itemRepo.fillLedger(deduplicationRepo);
  },
  'fillLedger: no deduplication repository': () =>
    new ItemBankDynamoDbRepository({
      tableName: tables.itemBankTableName,
      ledgerTableName: 'ledger',
      client,
    }).fillLedger(any(undefined)),
  'list: segments 0': listItems({ segments: 0 }),
  'list: pageSize 0': listItems({ pageSize: 0 }),
  'list: signal is no signal': listItems({ signal: 'abort' }),
  'list: a cursor that was cut off': listItems({ cursor: cursorOfItems().slice(0, -9) }),
  'list: a cursor of another listing': listItems({
    cursor: new DeduplicationMemoryRepository().listAssignments().cursor,
  }),
  'list: a cursor and other segments': listItems({ cursor: cursorOfItems(), segments: 2 }),
  'count: segments 1.5': () => memoryPair().itemRepo.countItems({ segments: 1.5 }),
  'list: the item bank is missing': () => readAll(missing('bank').itemRepo),
  'claim: the item bank has another key': () => {
    const itemRepo = new ItemBankDynamoDbRepository({ tableName: wrongTable, client });
    return new Deduplicator({ ...openPair(tables), itemRepo }).claim('user');
  },
  'claim: the deduplication table has another key': () => {
    const deduplicationRepo = new DeduplicationDynamoDbRepository({
      tableName: wrongTable,
      client,
    });
    return new Deduplicator({ ...openPair(tables), deduplicationRepo }).claim('user');
  },
  'claim: the tables are swapped': () =>
    new Deduplicator({
      itemRepo: new ItemBankDynamoDbRepository({
        tableName: tables.deduplicationTableName,
        client,
      }),
      deduplicationRepo: new DeduplicationDynamoDbRepository({
        tableName: tables.itemBankTableName,
        client,
      }),
      skipFirstRead: true,
    }).claim('user'),
  'put: the ID has an item': async () => {
    const { deduplicationRepo } = memoryPair();
    await deduplicationRepo.putDeduplicationId('user', 'voucher-1');
    await deduplicationRepo.putDeduplicationId('user', 'voucher-2');
  },
  'batch: the input fails': addItems(vouchersAndThenAFault()),
  'claim: conflict without end': async () => {
    useVirtualTime();
    await claimWithFailingTransactions(() => cancellation('TransactionConflict', 'None'));
  },
  'claim: a reply without its contents': async () => {
    const ofItsOwn = await freshTables();
    intercept(ofItsOwn.client, async (call) => (call.operation === 'Scan' ? {} : call.send()));
    await new Deduplicator(openPair(ofItsOwn)).claim('user');
  },
  'claim: no answer': async () => {
    useVirtualTime();
    await claimWithFailingTransactions(timeout);
  },
  'claim: nobody listens at the endpoint': () =>
    new Deduplicator(openPair({ ...tables, client: clientFor('http://127.0.0.1:1') })).claim(
      'user',
    ),
  'claim: own writes are no actions': claimAlongside(() => any([{ Get: {} }])),
  'claim: 99 own writes': claimAlongside(() => Array(99).fill(ORDER)),
  'claim: own writes into the item bank': claimAlongside(() => [
    { Delete: { TableName: tables.itemBankTableName, Key: { item: { S: 'voucher-1' } } } },
  ]),
  'claim: a condition of own writes fails': claimAlongside(() => [
    {
      ConditionCheck: {
        TableName: ordersTable,
        Key: { item: { S: 'order-1' } },
        ConditionExpression: 'attribute_exists(#item)',
        ExpressionAttributeNames: { '#item': 'item' },
      },
    },
  ]),
  'claim: an item is chosen, and the pair has no atomic writes': inTwoSteps((deduplicator) =>
    deduplicator.claim('user', { item: 'voucher-1' }),
  ),
  'confirm: the pair has no atomic writes': inTwoSteps((deduplicator) =>
    deduplicator.confirm('user'),
  ),
  'group: the pair has no atomic writes': inTwoSteps((deduplicator) =>
    deduplicator.claimAll(['user']),
  ),
  'release: signal is no signal': () =>
    new Deduplicator(memoryPair()).releaseItemForDeduplicationId('user', any({ signal: 'abort' })),
  'release: the item bank is missing': async () => {
    const deduplicationRepo = openPair(tables).deduplicationRepo;
    await deduplicationRepo.putDeduplicationId('user-of-no-bank', 'voucher-1');
    const itemRepo = new ItemBankDynamoDbRepository({ tableName: 'no_such_bank', client });
    await new Deduplicator({ itemRepo, deduplicationRepo }).releaseItemForDeduplicationId(
      'user-of-no-bank',
    );
  },
  'release: the item came from another bank': async () => {
    const { itemRepo, deduplicationRepo } = memoryPair();
    await itemRepo.addItemToBank('voucher-1');
    await new Deduplicator({ itemRepo, deduplicationRepo }).claim('user');
    const other = new Deduplicator({ itemRepo: memoryPair().itemRepo, deduplicationRepo });
    await other.releaseItemForDeduplicationId('user');
  },
  'release: the bank that is named fits two': async () => {
    const { client: ofTables, itemBankTableName, deduplicationTableName } = tables;
    const deduplicator = new Deduplicator(openPair(tables));
    await deduplicator.addItemsToBank(['voucher-1']);
    await deduplicator.claim('user-of-two-banks');
    const [itemRepo, other] = [1, 2].map(
      (account) =>
        new ItemBankDynamoDbRepository({
          tableName: `arn:aws:dynamodb:eu-west-1:${account}:table/${itemBankTableName}`,
          client: ofTables,
        }),
    ) as unknown as [ItemBankRepository, ItemBankRepository];
    await new Deduplicator({
      itemRepo,
      deduplicationRepo: new DeduplicationDynamoDbRepository({
        tableName: deduplicationTableName,
        client: ofTables,
      }),
      releaseBanks: [other],
    }).releaseItemForDeduplicationId('user-of-two-banks');
  },
  'release: a release bank shares no transaction with the assignments': () =>
    new Deduplicator({
      ...openPair(tables),
      releaseBanks: [memoryPair().itemRepo],
    }).releaseItemForDeduplicationId('user'),
  'release: the pair has no atomic writes': () => {
    const { itemRepo, deduplicationRepo } = memoryPair();
    return new Deduplicator({
      itemRepo,
      deduplicationRepo: Object.assign(deduplicationRepo, { atomicClaimWith: undefined }),
    }).retireItemForDeduplicationId('user');
  },
  'claim in two steps: the item can be neither assigned nor put back': async () => {
    const { itemRepo, deduplicationRepo } = memoryPair();
    await itemRepo.addItemToBank('voucher-1');
    await new Deduplicator({
      itemRepo,
      deduplicationRepo: Object.assign(deduplicationRepo, {
        atomicClaimWith: undefined,
        putDeduplicationId: () => Promise.reject(timeout()),
      }),
    }).claim('user');
  },
};

function withEnvironment(name: string, value: string, misuse: Misuse): Misuse {
  return () => {
    vi.stubEnv(name, value);
    try {
      return misuse();
    } finally {
      vi.unstubAllEnvs();
    }
  };
}

async function claimWithFailingTransactions(makeError: () => Error): Promise<void> {
  const ofItsOwn = await freshTables();
  const pair = openPair(ofItsOwn);
  await pair.itemRepo.addItemToBank('voucher-1');
  intercept(ofItsOwn.client, async (call) => {
    if (call.operation === 'TransactWriteItems') throw makeError();
    return call.send();
  });
  await new Deduplicator(pair).claim('user');
}

const HEAD = `# Errors

Each error that the package makes, with the class, the \`code\` and the message that a caller gets. The
table is the output of a test that does each of these things wrong. Errors of AWS (access denied, no
credentials, no Region, throttling past the retries) reach the caller as the SDK threw them.

\`written\` says what the call wrote before it threw; \`writtenBy(error)\` says it of any error.

| what was done | class and \`code\` | \`written\` | message |
|---|---|---|---|
`;

test('each misuse gives a typed error that says what was expected, what came and what to do', async () => {
  const lines: string[] = [];
  for (const [name, misuse] of Object.entries(misuses)) {
    const error = await (async () => misuse())().catch((reason: unknown) => reason);
    if (!isStorageBoxError(error)) throw new Error(`"${name}" gave ${error}`, { cause: error });
    const message = error.message
      .replaceAll(wrongTable, 'wrong_table')
      .replaceAll(tables.itemBankTableName, 'voucher_codes')
      .replaceAll(tables.deduplicationTableName, 'deduplication_table')
      // Jittered delays end at different times.
      .replaceAll(/within \d+ ms/g, 'within 10… ms')
      .replaceAll('|', '\\|');
    lines.push(
      `| ${name} | ${error.name}<br>\`${error.code}\` | ${error.written} | ${message} |\n`,
    );
  }
  await expect(HEAD + lines.join('')).toMatchFileSnapshot('../../../docs/errors.md');
});
