// Looking at a whole table: scans that are strongly consistent and never write.
import {
  type AttributeValue,
  DescribeTableCommand,
  ScanCommand,
  type ScanCommandInput,
} from '@aws-sdk/client-dynamodb';
import { MalformedReplyError, TableSchemaError } from '../contracts/errors.js';
import {
  type CountOptions,
  countPages,
  type Listing,
  type ListOptions,
  listingOf,
  type PageRequest,
} from '../store-kit/listing.js';
import type { SendingClient } from './client.js';
import { sendRead } from './reads.js';
import type { TableReference } from './refusals.js';
import { shortTableName } from './tables.js';

type Row = Record<string, AttributeValue>;

export interface ScannedTable extends TableReference {
  readonly client: SendingClient;
}

export interface Contents<Element> {
  /** What the elements are called in messages: "items", "assignments". */
  readonly noun: string;
  /** The attributes that an element is made from; the key is one of them. */
  readonly attributes: readonly string[];
  elementOf(row: Row): Element;
}

export function listTable<Element>(
  table: ScannedTable,
  { noun, attributes, elementOf }: Contents<Element>,
  options: ListOptions | undefined,
): Listing<Element> {
  const names = attributes.map((attribute, index) => [`#${index}`, attribute] as const);
  const projection = {
    ProjectionExpression: names.map(([placeholder]) => placeholder).join(),
    ExpressionAttributeNames: Object.fromEntries(names),
  };
  const readPage = async (request: PageRequest) => {
    const { Items, nextKey } = await scan(table, request, projection);
    // DynamoDB sends it even when it is empty; a reply without it says nothing about the table.
    if (Items === undefined) throw new MalformedReplyError('Scan', 'Items');
    const rows = Items.map((row) => ({ key: keyOf(table, row), element: elementOf(row) }));
    return { rows, nextKey };
  };
  const name = `the ${noun} of "${shortTableName(table.tableName)}"`;
  return listingOf({ name, readPage }, options);
}

/** All rows, or those that fit the filter. */
export function countRows(
  table: ScannedTable,
  options: CountOptions = {},
  filter: Filter = {},
): Promise<number> {
  return countPages(options, async (request) => {
    const { Count: count, nextKey } = await scan(table, request, { Select: 'COUNT', ...filter });
    if (count === undefined) throw new MalformedReplyError('Scan', 'Count');
    return { count, nextKey };
  });
}

export async function estimateRowCount(table: ScannedTable): Promise<number> {
  const { client, tableName } = table;
  const command = new DescribeTableCommand({ TableName: tableName });
  const { Table } = await sendRead({ client, tables: [table] }, () => client.send(command));
  if (Table?.ItemCount === undefined) throw new MalformedReplyError('DescribeTable', 'ItemCount');
  return Table.ItemCount;
}

export type Filter = Pick<
  ScanCommandInput,
  'FilterExpression' | 'ExpressionAttributeNames' | 'ExpressionAttributeValues'
>;

type Projection =
  | ({ readonly Select: 'COUNT' } & Filter)
  | {
      readonly ProjectionExpression: string;
      readonly ExpressionAttributeNames: Record<string, string>;
    };

async function scan(
  table: ScannedTable,
  { segment, startKey, pageSize, signal }: PageRequest,
  projection: Projection,
) {
  const command = new ScanCommand({
    TableName: table.tableName,
    ConsistentRead: true,
    Segment: segment.number,
    TotalSegments: segment.total,
    Limit: pageSize,
    ...projection,
    ...(startKey !== null && { ExclusiveStartKey: { [table.key]: { S: startKey } } }),
  });
  const { client } = table;
  const options = signal === undefined ? {} : { abortSignal: signal };
  const { Items, Count, LastEvaluatedKey } = await sendRead(
    { client, tables: [table], signal },
    () => client.send(command, options),
  );
  const nextKey = LastEvaluatedKey === undefined ? null : keyOf(table, LastEvaluatedKey);
  return { Items, Count, nextKey };
}

function keyOf({ tableName, key }: TableReference, row: Row): string {
  const value = row[key]?.S;
  if (value === undefined) {
    throw new TableSchemaError(tableName, `the key "${key}" (S)`, 'a row without it');
  }
  return value;
}
