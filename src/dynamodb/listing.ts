// Looking at a whole table: scans that are strongly consistent and never write.
import { DescribeTableCommand } from '@aws-sdk/client-dynamodb';
import { MalformedReplyError } from '../contracts/errors.js';
import type { CountOptions, Listing, ListOptions } from '../contracts/looking.js';
import { countPages, listingOf, type PageRequest } from '../store-kit/listing.js';
import { sendRead } from './reads.js';
import { type Filter, scanCount, scanRows } from './scan.js';
import { keyOf, type Row, type Table } from './table.js';
import { shortTableName } from './tables.js';

export interface Contents<Element> {
  /** What the elements are called in messages: "items", "assignments". */
  readonly noun: string;
  /** The attributes that an element is made from; the key is one of them. */
  readonly attributes: readonly string[];
  elementOf(row: Row): Element;
}

export function listTable<Element>(
  table: Table,
  { noun, attributes, elementOf }: Contents<Element>,
  options: ListOptions | undefined,
): Listing<Element> {
  const readPage = async ({ pageSize: limit, ...request }: PageRequest) => {
    const { rows, nextKey } = await scanRows(table, { ...request, limit }, attributes);
    return {
      rows: rows.map((row) => ({ key: keyOf(table, row), element: elementOf(row) })),
      nextKey,
    };
  };
  const name = `the ${noun} of "${shortTableName(table.tableName)}"`;
  return listingOf({ name, readPage }, options);
}

/** All rows, or those that fit the filter. */
export function countRows(
  table: Table,
  options: CountOptions = {},
  filter: Filter = {},
): Promise<number> {
  return countPages(options, (request) => scanCount(table, request, filter));
}

export async function estimateRowCount(table: Table): Promise<number> {
  const command = new DescribeTableCommand({ TableName: table.tableName });
  const { Table: description } = await sendRead(table, () => table.client.send(command));
  if (description?.ItemCount === undefined) {
    throw new MalformedReplyError('DescribeTable', 'ItemCount');
  }
  return description.ItemCount;
}
