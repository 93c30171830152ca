// Sales on a local DynamoDB.
import { randomUUID } from 'node:crypto';
import {
  CreateTableCommand,
  DeleteTableCommand,
  type DynamoDBClient,
  TransactGetItemsCommand,
} from '@aws-sdk/client-dynamodb';
import {
  DeduplicationDynamoDbRepository,
  Deduplicator,
  ItemBankDynamoDbRepository,
} from 'storagebox';
import { clientFor } from '../../support/client.js';
import { onOwnStage, runProcesses, type Stage } from '../crash/run-processes.js';
import { deleteSale, openSale, readRows, type SaleTables } from '../crash/sale-tables.js';
import { auditByCommand, placeOf } from './audit-by-command.js';
import type { AssignmentRow, OrderRow, OwnTables, Sale, SaleStage, Server } from './sale-stage.js';

export type DynamoDbSaleStage = SaleStage & Stage;

export function onDynamoDb<Result>(
  work: (stage: DynamoDbSaleStage) => Promise<Result>,
): Promise<Result> {
  return onOwnStage((stage) => work(dynamoDbSales(stage)));
}

function dynamoDbSales(stage: Stage): DynamoDbSaleStage {
  const store = 'dynamodb';
  const here = (file: string) => new URL(file, import.meta.url);
  return {
    ...stage,
    store,
    modules: ['open-dynamodb.mjs', 'orders-dynamodb.mjs'].map(here),
    openSale: async (items) => {
      const client = clientFor(stage.endpoint);
      return saleOf(stage, client, await openSale(client, items));
    },
    runProcesses: (processes, harm) => {
      const told = processes.map((one) => ({ ...one, task: { ...one.task, store } }));
      return runProcesses(stage.endpoint, told, harm);
    },
  };
}

function saleOf(stage: Stage, client: DynamoDBClient, tables: SaleTables): Sale {
  return {
    tables,
    openServer: () => openServer(tables, clientFor(stage.endpoint)),
    assignments: async () => {
      const rows = await readRows(client, tables.deduplicationTableName);
      return rows.map(
        (row): AssignmentRow => ({
          id: String(row.deduplication_id?.S),
          item: String(row.item_string?.S),
          isHeld: row.held_until !== undefined,
        }),
      );
    },
    countHaving: (ids) => countHaving(client, tables, ids),
    audit: () => auditByCommand(stage.project, placeOf(stage, tables), tables),
    openOwnTables: () => openOwnTables(client),
    dispose: async () => {
      await deleteSale(client, tables);
      client.destroy();
    },
  };
}

function openServer(tables: SaleTables, client: DynamoDBClient): Server {
  const { itemBankTableName, ledgerTableName, deduplicationTableName, holdIndexName } = tables;
  const deduplicator = new Deduplicator({
    itemRepo: new ItemBankDynamoDbRepository({
      tableName: itemBankTableName,
      ledgerTableName,
      client,
    }),
    deduplicationRepo: new DeduplicationDynamoDbRepository({
      tableName: deduplicationTableName,
      holdIndexName,
      client,
    }),
  }) as Deduplicator<unknown>;
  return { deduplicator, close: async () => client.destroy() };
}

/** The tables of a sale for as long as the work takes. The client goes past the wire. */
export async function onTables<Result>(
  { endpoint }: Stage,
  items: readonly string[],
  work: (sale: SaleTables, client: DynamoDBClient) => Promise<Result>,
): Promise<Result> {
  const client = clientFor(endpoint);
  try {
    const sale = await openSale(client, items);
    const result = await work(sale, client);
    await deleteSale(client, sale);
    return result;
  } finally {
    client.destroy();
  }
}

async function countHaving(
  client: DynamoDBClient,
  { deduplicationTableName: TableName }: SaleTables,
  ids: readonly string[],
): Promise<number | null> {
  const gets = ids.map((id) => ({ Get: { TableName, Key: { deduplication_id: { S: id } } } }));
  try {
    const command = new TransactGetItemsCommand({ TransactItems: gets });
    const { Responses = [] } = await client.send(command);
    return Responses.filter(({ Item }) => Item !== undefined).length;
  } catch (error) {
    if ((error as Error).name === 'TransactionCanceledException') return null;
    throw error;
  }
}

async function openOwnTables(client: DynamoDBClient): Promise<OwnTables> {
  const tables = {
    ordersTableName: `orders-${randomUUID()}`,
    outboxTableName: `outbox-${randomUUID()}`,
  };
  await createTable(client, tables.ordersTableName, 'order_id');
  await createTable(client, tables.outboxTableName, 'message_id');
  const rowsOf = async (tableName: string) => {
    const rows = await readRows(client, tableName);
    return rows.map(
      ({ order_id, item }): OrderRow => ({ id: String(order_id?.S), item: String(item?.S) }),
    );
  };
  return {
    tables,
    rows: async () => ({
      orders: await rowsOf(tables.ordersTableName),
      outbox: await rowsOf(tables.outboxTableName),
    }),
    dispose: async () => {
      for (const TableName of Object.values(tables)) {
        await client.send(new DeleteTableCommand({ TableName }));
      }
    },
  };
}

async function createTable(client: DynamoDBClient, TableName: string, key: string): Promise<void> {
  await client.send(
    new CreateTableCommand({
      TableName,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: [{ AttributeName: key, AttributeType: 'S' }],
      KeySchema: [{ AttributeName: key, KeyType: 'HASH' }],
    }),
  );
}
