import { randomUUID } from 'node:crypto';
import {
  type AttributeValue,
  DeleteItemCommand,
  DeleteTableCommand,
  type DynamoDBClient,
  GetItemCommand,
  paginateScan,
  type TransactWriteItem,
} from '@aws-sdk/client-dynamodb';
import {
  createTables,
  DeduplicationDynamoDbRepository,
  deduplicationTable,
  ItemBankDynamoDbRepository,
  itemBankTable,
  ledgerTable,
} from 'storagebox';
import { inject } from 'vitest';
import { clientFor } from './client.js';

export interface Tables {
  readonly client: DynamoDBClient;
  readonly itemBankTableName: string;
  readonly deduplicationTableName: string;
  /** Only where a test asked for one. */
  readonly ledgerTableName?: string;
}

/** A new pair of empty tables that no other test uses. */
export async function freshTables(): Promise<Tables> {
  const tables = newTables();
  await makeTables(tables);
  return tables;
}

function newTables(): Tables {
  const run = randomUUID();
  return {
    client: clientFor(inject('dynamoDbEndpoint')),
    itemBankTableName: `voucher_codes-${run}`,
    deduplicationTableName: `deduplication-${run}`,
  };
}

/** Empty tables of these names. */
export async function makeTables(tables: Tables): Promise<void> {
  const { client, itemBankTableName, deduplicationTableName, ledgerTableName } = tables;
  const definitions = [
    itemBankTable(itemBankTableName),
    deduplicationTable(deduplicationTableName),
  ];
  if (ledgerTableName !== undefined) definitions.push(ledgerTable(ledgerTableName));
  await createTables(definitions, { client });
}

/** The same tables through a client of its own, which no test tampers with. */
export function throughOwnClient(tables: Tables): Tables {
  return { ...tables, client: clientFor(inject('dynamoDbEndpoint')) };
}

/** The same with a ledger, which `openPair` then uses. */
export async function freshTablesWithLedger(): Promise<Required<Tables>> {
  const tables = newTables();
  const withLedger = { ...tables, ledgerTableName: `ledger-${tables.itemBankTableName}` };
  await makeTables(withLedger);
  return withLedger;
}

/** From now on DynamoDB refuses everything that comes through this client. */
export function denyAccess({ client }: Tables): void {
  const refusal = Object.assign(new Error('The tests took the permissions away.'), {
    name: 'AccessDeniedException',
    $fault: 'client',
    $metadata: { httpStatusCode: 400 },
  });
  client.middlewareStack.add(() => () => Promise.reject(refusal), { step: 'finalizeRequest' });
}

export async function deleteTables(tables: Tables): Promise<void> {
  const { client, ...tableNames } = throughOwnClient(tables);
  const own = ownTableNames.get(tables) ?? [];
  for (const TableName of [...Object.values(tableNames), ...own]) {
    await client.send(new DeleteTableCommand({ TableName }));
  }
}

const ownTableNames = new WeakMap<Tables, readonly string[]>();

/** Counters for own writes, in a table of the caller's that is deleted with the others. */
export async function ownWritesBeside(tables: Tables) {
  const { client } = throughOwnClient(tables);
  const TableName = `orders-${tables.itemBankTableName}`;
  await createTables([itemBankTable(TableName)], { client });
  ownTableNames.set(tables, [TableName]);
  const keyOf = (name: string) => ({ item: { S: name } });
  const adding = (name: string): TransactWriteItem[] => [
    {
      Update: {
        TableName,
        Key: keyOf(name),
        UpdateExpression: 'ADD #times :one',
        ExpressionAttributeNames: { '#times': 'times' },
        ExpressionAttributeValues: { ':one': { N: '1' } },
      },
    },
  ];
  const inVain: TransactWriteItem = {
    ConditionCheck: {
      TableName,
      Key: keyOf('there is no such order'),
      ConditionExpression: 'attribute_exists(#item)',
      ExpressionAttributeNames: { '#item': 'item' },
    },
  };
  const read = (name: string) =>
    client.send(new GetItemCommand({ TableName, Key: keyOf(name), ConsistentRead: true }));
  return {
    tableName: TableName,
    adding,
    addingInVain: (name: string) => [...adding(name), inVain],
    countOf: async (name: string) => Number((await read(name)).Item?.times?.N ?? 0),
  };
}

/** The pair as a process of its own would hold it. */
export function openPair(tables: Tables) {
  const { client, itemBankTableName, deduplicationTableName, ledgerTableName } = tables;
  return {
    itemRepo: new ItemBankDynamoDbRepository({
      tableName: itemBankTableName,
      ledgerTableName,
      client,
    }),
    deduplicationRepo: new DeduplicationDynamoDbRepository({
      tableName: deduplicationTableName,
      client,
    }),
  };
}

/** Takes items out of the bank behind everybody's back. */
export async function removeItems(tables: Tables, items: readonly string[]): Promise<void> {
  const { client, itemBankTableName: TableName } = throughOwnClient(tables);
  for (const item of items) {
    await client.send(new DeleteItemCommand({ TableName, Key: { item: { S: item } } }));
  }
}

export type Row = Record<string, AttributeValue>;

export async function allRows(client: DynamoDBClient, tableName: string): Promise<Row[]> {
  const rows: Row[] = [];
  const pages = paginateScan({ client }, { TableName: tableName, ConsistentRead: true });
  for await (const { Items = [] } of pages) rows.push(...Items);
  return rows;
}
