import { DynamoDBClient, type TransactWriteItem } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import type { PGlite, Transaction } from '@electric-sql/pglite';
import type BetterSqlite3 from 'better-sqlite3';
import type Libsql from 'libsql';
import type pg from 'pg';
import type postgres from 'postgres';
import {
  type AnyClaimResult,
  type Assignment,
  type ChosenClaimResult,
  type ClaimOptions,
  type ClaimResult,
  createTables,
  DeduplicationDynamoDbRepository,
  DeduplicationRepository,
  Deduplicator,
  type GroupClaimResult,
  type GroupMember,
  type HandOut,
  ItemBankDynamoDbRepository,
  ItemBankRepository,
  isStorageBoxError,
  type Listing,
} from 'storagebox';
import {
  DeduplicationMemoryRepository,
  ItemBankMemoryRepository,
  type MemoryWrite,
} from 'storagebox/memory';
import {
  DeduplicationPostgresRepository,
  ItemBankPostgresRepository,
  type PostgresClient,
} from 'storagebox/postgres';
import {
  DeduplicationSqliteRepository,
  ItemBankSqliteRepository,
  type SqliteDatabase,
} from 'storagebox/sqlite';
import { expectTypeOf, test } from 'vitest';

const client = new DynamoDBClient({});
declare const anotherClient: {
  readonly config: { readonly region: () => Promise<string> };
  send(command: unknown): Promise<unknown>;
};
const pair = {
  itemRepo: new ItemBankMemoryRepository(),
  deduplicationRepo: new DeduplicationMemoryRepository(),
};

test('a hand-out is a string or null, and claim() tells which by its status', () => {
  const deduplicator = new Deduplicator(pair);
  expectTypeOf(deduplicator.fetchItemForDeduplicationId('user')).resolves.toEqualTypeOf<
    string | null
  >();
  const use = (result: ClaimResult) => {
    if (result.status === 'exhausted') expectTypeOf(result.item).toEqualTypeOf<null>();
    else {
      expectTypeOf(result.item).toEqualTypeOf<string>();
      expectTypeOf(result.itemBankName).toEqualTypeOf<string | null>();
    }
  };
  expectTypeOf(use).parameter(0).toEqualTypeOf<ClaimResult>();
});

test('a client or its configuration, never both', () => {
  new ItemBankDynamoDbRepository({ tableName: 'codes' });
  new ItemBankDynamoDbRepository({ tableName: 'codes', client });
  new ItemBankDynamoDbRepository({
    tableName: 'codes',
    client: DynamoDBDocumentClient.from(client),
  });
  new DeduplicationDynamoDbRepository({ tableName: 'ids', clientConfig: { region: 'eu-west-1' } });
  // @ts-expect-error one of the two
  new ItemBankDynamoDbRepository({ tableName: 'codes', client, clientConfig: {} });
  // @ts-expect-error a client of another service
  new ItemBankDynamoDbRepository({ tableName: 'codes', client: anotherClient });
  // @ts-expect-error one of the two
  createTables([], { client, clientConfig: {} });
});

/** As in the types of Node.js 24; the oldest release has none. */
interface NodeSqlite {
  exec(sql: string): void;
  prepare(sql: string): {
    get(...values: (null | number | bigint | string | NodeJS.ArrayBufferView)[]): unknown;
    all(...values: (null | number | bigint | string | NodeJS.ArrayBufferView)[]): unknown[];
    run(...values: (null | number | bigint | string | NodeJS.ArrayBufferView)[]): {
      changes: number | bigint;
      lastInsertRowid: number | bigint;
    };
  };
}

test('each driver of PostgreSQL is a client, and nothing else is', () => {
  expectTypeOf<pg.Pool>().toExtend<PostgresClient>();
  expectTypeOf<pg.Client>().toExtend<PostgresClient>();
  expectTypeOf<pg.PoolClient>().toExtend<PostgresClient>();
  expectTypeOf<postgres.Sql>().toExtend<PostgresClient>();
  expectTypeOf<postgres.Sql<{ bigint: bigint }>>().toExtend<PostgresClient>();
  expectTypeOf<PGlite>().toExtend<PostgresClient>();
  const tableName = 'codes';
  // @ts-expect-error the client of another store
  new ItemBankPostgresRepository({ tableName, client });
  // @ts-expect-error where a client would connect to
  new ItemBankPostgresRepository({ tableName, client: 'postgres://localhost' });
  // @ts-expect-error no client
  new DeduplicationPostgresRepository({ tableName });
  expectTypeOf<Libsql.Database>().not.toExtend<PostgresClient>();
});

test('a transaction of each driver of PostgreSQL can be joined', () => {
  // Its type is `object`, whatever the store; PostgreSQL takes what has the shape of a client.
  type Joined = NonNullable<ClaimOptions['within']> & PostgresClient;
  expectTypeOf<pg.Client>().toExtend<Joined>();
  expectTypeOf<pg.PoolClient>().toExtend<Joined>();
  expectTypeOf<postgres.TransactionSql>().toExtend<Joined>();
  expectTypeOf<Transaction>().toExtend<Joined>();
  // @ts-expect-error the name of a transaction
  new Deduplicator(pair).claim('user', { within: 'my transaction' });
});

test('each driver of SQLite is a database, and nothing else is', () => {
  expectTypeOf<BetterSqlite3.Database>().toExtend<SqliteDatabase>();
  expectTypeOf<Libsql.Database>().toExtend<SqliteDatabase>();
  expectTypeOf<NodeSqlite>().toExtend<SqliteDatabase>();
  expectTypeOf<pg.Pool>().not.toExtend<SqliteDatabase>();
  const tableName = 'codes';
  // @ts-expect-error the file of a database
  new ItemBankSqliteRepository({ tableName, database: './sale.db' });
  // @ts-expect-error no database
  new DeduplicationSqliteRepository({ tableName });
});

test('what is missing or misspelt does not compile', () => {
  // @ts-expect-error no table name
  new ItemBankDynamoDbRepository({});
  // @ts-expect-error the Python spelling
  new ItemBankDynamoDbRepository({ table_name: 'codes' });
  // @ts-expect-error swapped
  new Deduplicator({ itemRepo: pair.deduplicationRepo, deduplicationRepo: pair.itemRepo });
  // @ts-expect-error a number is no deduplication ID
  new Deduplicator(pair).fetchItemForDeduplicationId(42);
  // @ts-expect-error a lone controller is no signal
  new Deduplicator(pair).claim('user', { signal: new AbortController() });
});

test('the code of an error gives its type', () => {
  const use = (error: unknown) => {
    if (!isStorageBoxError(error)) return;
    if (error.code === 'STORAGEBOX_ITEM_STRANDED') expectTypeOf(error.item).toEqualTypeOf<string>();
    if (error.code === 'STORAGEBOX_BATCH_NOT_FULLY_ADDED') {
      expectTypeOf(error.notAdded).toEqualTypeOf<readonly string[]>();
    }
    // @ts-expect-error no such code
    if (error.code === 'STORAGEBOX_NONE') return;
  };
  expectTypeOf(use).returns.toEqualTypeOf<void>();
});

test('a listing is iterated, and its cursor is a string', () => {
  const itemRepo = new ItemBankDynamoDbRepository({
    tableName: 'codes',
    ledgerTableName: 'ledger',
  });
  expectTypeOf(itemRepo.ledgerTableName).toEqualTypeOf<string | undefined>();
  expectTypeOf(itemRepo.listItems()).toEqualTypeOf<Listing<string>>();
  expectTypeOf(pair.itemRepo.listItems({ segments: 4 }).cursor).toEqualTypeOf<string>();
  expectTypeOf(pair.deduplicationRepo.listAssignments()).toExtend<AsyncIterable<Assignment>>();
  expectTypeOf(
    pair.deduplicationRepo.getAssignment('user'),
  ).resolves.toEqualTypeOf<Assignment | null>();
  // @ts-expect-error a cursor is no page number
  itemRepo.listItems({ cursor: 2 });
  // The assignments may be in another store than the bank.
  expectTypeOf(itemRepo.fillLedger).toBeCallableWith(pair.deduplicationRepo);
  // @ts-expect-error a bank is no list of assignments
  itemRepo.fillLedger(itemRepo);
});

test('five methods make a backend', () => {
  class Bank extends ItemBankRepository {
    override batchAddItems = async () => ({ read: 0, added: 0, repeats: 0, alreadyKnown: 0 });
    override addItemToBank = async () => {};
    override getItemFromBank = async () => null;
  }
  class Deduplication extends DeduplicationRepository {
    override getValueForDeduplicationId = async () => null;
    override putDeduplicationId = async () => {};
  }
  new Deduplicator({ itemRepo: new Bank(), deduplicationRepo: new Deduplication() });
  // @ts-expect-error methods are missing
  class Incomplete extends ItemBankRepository {}
  expectTypeOf(Incomplete).toBeConstructibleWith();
});

test('a bulk hand-out is read with for await, and each result narrows by its status', () => {
  const handOuts = new Deduplicator(pair).fetchItemsForDeduplicationIds(['user']);
  expectTypeOf(handOuts).toEqualTypeOf<AsyncIterable<HandOut>>();
  const use = (handOut: HandOut) => {
    expectTypeOf(handOut.deduplicationId).toEqualTypeOf<string>();
    if (handOut.status === 'exhausted') expectTypeOf(handOut.item).toEqualTypeOf<null>();
    else expectTypeOf(handOut.item).toEqualTypeOf<string>();
  };
  expectTypeOf(use).parameter(0).toEqualTypeOf<HandOut>();
  // @ts-expect-error a number is no list of IDs
  new Deduplicator(pair).fetchItemsForDeduplicationIds(42);
});

test('no claim is `taken` unless an item was asked for, and none is `exhausted` if one was', () => {
  const deduplicator = new Deduplicator(pair);
  expectTypeOf(deduplicator.claim('user')).resolves.toEqualTypeOf<ClaimResult>();
  expectTypeOf(deduplicator.claim('user', { holdForMs: 1 })).resolves.toEqualTypeOf<ClaimResult>();
  expectTypeOf(
    deduplicator.claim('user', { item: '14C' }),
  ).resolves.toEqualTypeOf<ChosenClaimResult>();
  const perhaps = undefined as string | undefined;
  expectTypeOf(
    deduplicator.claim('user', { item: perhaps }),
  ).resolves.toEqualTypeOf<AnyClaimResult>();
  type Status<Result extends { status: string }> = Result['status'];
  expectTypeOf<Status<ClaimResult>>().toEqualTypeOf<'claimed' | 'existing' | 'exhausted'>();
  expectTypeOf<Status<ChosenClaimResult>>().toEqualTypeOf<'claimed' | 'existing' | 'taken'>();
  const use = (result: ChosenClaimResult) => {
    if (result.status === 'taken') expectTypeOf(result.item).toEqualTypeOf<null>();
    else expectTypeOf(result.heldUntil).toEqualTypeOf<Date | null>();
  };
  expectTypeOf(use).parameter(0).toEqualTypeOf<ChosenClaimResult>();
});

test('a group has members unless it is exhausted', () => {
  const use = (result: GroupClaimResult) => {
    if (result.status === 'exhausted') {
      expectTypeOf(result.itemsSeen).toEqualTypeOf<number>();
    } else {
      expectTypeOf(result.members).toEqualTypeOf<readonly GroupMember[]>();
    }
  };
  expectTypeOf(use).parameter(0).toEqualTypeOf<GroupClaimResult>();
  // @ts-expect-error one ID is no group
  new Deduplicator(pair).claimAll('user');
});

test('own writes are of the kind of the pair', () => {
  const inMemory = new Deduplicator(pair);
  expectTypeOf(inMemory).toEqualTypeOf<Deduplicator<MemoryWrite>>();
  inMemory.claim('user', { alongside: (item) => () => void item.length });
  // @ts-expect-error actions of DynamoDB, in memory
  inMemory.claim('user', { alongside: () => [{ Delete: { TableName: 'orders', Key: {} } }] });

  const onDynamoDb = new Deduplicator({
    itemRepo: new ItemBankDynamoDbRepository({ tableName: 'codes' }),
    deduplicationRepo: new DeduplicationDynamoDbRepository({ tableName: 'ids' }),
  });
  expectTypeOf(onDynamoDb).toEqualTypeOf<Deduplicator<TransactWriteItem[]>>();
  const alongside = (item: string): TransactWriteItem[] => [
    { Put: { TableName: 'orders', Item: { id: { S: item } } } },
  ];
  onDynamoDb.claim('user', { alongside });
  onDynamoDb.claim('user', { item: '14C', alongside });
  onDynamoDb.confirm('user', { alongside });
  onDynamoDb.releaseItemForDeduplicationId('user', { alongside });
  onDynamoDb.claimAll(['user'], {
    alongside: (members) => members.flatMap(({ item }) => alongside(item)),
  });
  // @ts-expect-error a function, on DynamoDB
  onDynamoDb.claim('user', { alongside: () => () => {} });
  // @ts-expect-error the writes themselves in place of a function that returns them
  onDynamoDb.claim('user', { alongside: [] });
});

test('code that makes no own writes takes the deduplicator of any pair', () => {
  const serve = (deduplicator: Deduplicator) => deduplicator.claim('user', { holdForMs: 1 });
  serve(new Deduplicator(pair));
  serve(
    new Deduplicator({
      itemRepo: new ItemBankDynamoDbRepository({ tableName: 'codes' }),
      deduplicationRepo: new DeduplicationDynamoDbRepository({ tableName: 'ids' }),
    }),
  );
  expectTypeOf(serve).returns.resolves.toEqualTypeOf<ClaimResult>();
});
