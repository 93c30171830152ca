// The tables of one sale, made, read and deleted past the faulty wire.
import { randomUUID } from 'node:crypto';
import {
  type AttributeValue,
  DeleteTableCommand,
  type DynamoDBClient,
  paginateScan,
} from '@aws-sdk/client-dynamodb';
import {
  createTables,
  deduplicationTableWithHoldIndex,
  ItemBankDynamoDbRepository,
  itemBankTable,
  ledgerTable,
} from 'storagebox';

export interface SaleTables {
  readonly itemBankTableName: string;
  readonly ledgerTableName: string;
  readonly deduplicationTableName: string;
  readonly holdIndexName: string;
}

export type Row = Readonly<Record<string, AttributeValue>>;

export interface TableContents {
  readonly bank: readonly string[];
  readonly assignments: ReadonlyMap<string, string>;
}

export async function openSale(
  client: DynamoDBClient,
  items: readonly string[],
): Promise<SaleTables> {
  const run = randomUUID();
  const sale = {
    itemBankTableName: `voucher_codes-${run}`,
    ledgerTableName: `ledger-${run}`,
    deduplicationTableName: `deduplication-${run}`,
    holdIndexName: 'holds',
  };
  await createTables(
    [
      itemBankTable(sale.itemBankTableName),
      ledgerTable(sale.ledgerTableName),
      deduplicationTableWithHoldIndex(sale.deduplicationTableName, sale.holdIndexName),
    ],
    { client },
  );
  const { itemBankTableName: tableName, ledgerTableName } = sale;
  const itemRepo = new ItemBankDynamoDbRepository({ tableName, ledgerTableName, client });
  await itemRepo.batchAddItems(items);
  return sale;
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
  const { itemBankTableName, ledgerTableName, deduplicationTableName } = sale;
  for (const TableName of [itemBankTableName, ledgerTableName, deduplicationTableName]) {
    await client.send(new DeleteTableCommand({ TableName }));
  }
}

export async function readRows(client: DynamoDBClient, tableName: string): Promise<Row[]> {
  const rows: Row[] = [];
  const pages = paginateScan({ client }, { TableName: tableName, ConsistentRead: true });
  for await (const { Items = [] } of pages) rows.push(...Items);
  return rows;
}
