// The tables of one sale, made, read and deleted past the faulty wire.
import { randomUUID } from 'node:crypto';
import { DeleteTableCommand, type DynamoDBClient, paginateScan } from '@aws-sdk/client-dynamodb';
import {
  createTables,
  deduplicationTable,
  ItemBankDynamoDbRepository,
  itemBankTable,
} from 'storagebox';

export interface SaleTables {
  readonly itemBankTableName: string;
  readonly deduplicationTableName: string;
}

export interface TableContents {
  readonly bank: readonly string[];
  readonly assignments: ReadonlyMap<string, string>;
}

export async function openSale(
  client: DynamoDBClient,
  items: readonly string[],
): Promise<SaleTables> {
  const run = randomUUID();
  const itemBankTableName = `voucher_codes-${run}`;
  const deduplicationTableName = `deduplication-${run}`;
  await createTables(
    [itemBankTable(itemBankTableName), deduplicationTable(deduplicationTableName)],
    {
      client,
    },
  );
  const itemRepo = new ItemBankDynamoDbRepository({ tableName: itemBankTableName, client });
  await itemRepo.batchAddItems(items);
  return { itemBankTableName, deduplicationTableName };
}

export async function readSale(client: DynamoDBClient, sale: SaleTables): Promise<TableContents> {
  const bankRows = await readRows(client, sale.itemBankTableName);
  const rows = await readRows(client, sale.deduplicationTableName);
  return {
    bank: bankRows.map((row) => String(row.item?.S)),
    assignments: new Map(
      rows.map((row) => [String(row.deduplication_id?.S), String(row.item_string?.S)]),
    ),
  };
}

export async function deleteSale(client: DynamoDBClient, sale: SaleTables): Promise<void> {
  await client.send(new DeleteTableCommand({ TableName: sale.itemBankTableName }));
  await client.send(new DeleteTableCommand({ TableName: sale.deduplicationTableName }));
}

async function readRows(client: DynamoDBClient, tableName: string) {
  const rows = [];
  const pages = paginateScan({ client }, { TableName: tableName, ConsistentRead: true });
  for await (const { Items = [] } of pages) rows.push(...Items);
  return rows;
}
