import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import {
  type Assignment,
  type ClaimResult,
  createTables,
  DeduplicationDynamoDbRepository,
  DeduplicationRepository,
  Deduplicator,
  type HandOut,
  ItemBankDynamoDbRepository,
  ItemBankRepository,
  isStorageBoxError,
  type Listing,
} from 'storagebox';
import { DeduplicationMemoryRepository, ItemBankMemoryRepository } from 'storagebox/memory';
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
