// A table as every file of this folder sees it.
import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { TableSchemaError } from '../contracts/errors.js';
import type { SendingClient } from './client.js';

export interface Table {
  /** Sends its requests. A transaction is sent by the client of its first table. */
  readonly client: SendingClient;
  readonly tableName: string;
  /** The attribute that is its partition key, a String. */
  readonly key: string;
}

export type Row = Record<string, AttributeValue>;

/** @throws TableSchemaError when the row lacks its key */
export function keyOf({ tableName, key }: Table, row: Row): string {
  const value = row[key]?.S;
  if (value === undefined) throw schemaError(tableName, `the key "${key}" (S)`, 'a row without it');
  return value;
}

export function schemaError(
  tableName: string,
  expected: string,
  received: string,
  options?: ErrorOptions,
): TableSchemaError {
  const remedy =
    'Point the repository at the right table, or create one from itemBankTable(), ' +
    'deduplicationTable() or ledgerTable(): the key of an existing table cannot be changed.';
  return new TableSchemaError(tableName, expected, received, { ...options, remedy });
}
