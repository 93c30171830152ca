// The tables: their schema, and how to create them.
import { assertOption } from '../contracts/validation.js';
import { connectionOf } from './connection.js';
import { ledgerNameOf, quoted, type SqliteDatabase } from './driver.js';

/** A table of the package, as SQL. */
export interface TableDefinition {
  readonly tableName: string;
  /** The statements that create the table and what belongs to it, for a migration of yours. Each ends with `;`. */
  readonly sql: string;
}

/**
 * The definition of an item bank: two tables. The one that you name has the items that are in the bank; a claim
 * deletes its row. The other one, `…_ledger`, has each item that ever entered, so that none enters twice.
 *
 * - `item`: the item, and the key. U+0001 is written as U+0001 and `1`, U+0000 as U+0001 and `0`.
 * - `retired_at`: when it was withdrawn, in milliseconds since 1970; else null.
 *
 * @throws InvalidOptionError when the name is empty, has U+0000 or is no string
 */
export function itemBankTable(tableName: string): TableDefinition {
  assertTableName(tableName);
  const sql = `create table if not exists ${quoted(ledgerNameOf(tableName))} (
  item text not null primary key,
  retired_at integer
) strict, without rowid;
create table ${quoted(tableName)} (
  item text not null primary key
) strict, without rowid;
`;
  return { tableName, sql };
}

/**
 * The definition of a deduplication table: who has what. If a row is lost, its ID can get a second item.
 *
 * - `deduplication_id`: the ID or its hash, and the key; characters as in {@link itemBankTable}
 * - `item`: what the ID has
 * - `item_bank`: the `tableName` of the bank that it came from, as its repository was given it; null after a
 *   claim in two steps
 * - `assigned_at`: in milliseconds since 1970
 * - `held_until`: when the hold ends, in milliseconds since 1970; null if the ID has the item for good
 *
 * @throws InvalidOptionError when the name is empty, has U+0000 or is no string
 */
export function deduplicationTable(tableName: string): TableDefinition {
  assertTableName(tableName);
  const sql = `create table ${quoted(tableName)} (
  deduplication_id text not null primary key,
  item text not null,
  item_bank text,
  assigned_at integer not null,
  held_until integer
) strict, without rowid;
create index ${quoted(`${tableName}_held`)} on ${quoted(tableName)} (held_until) where held_until is not null;
`;
  return { tableName, sql };
}

/**
 * Creates the tables that do not exist yet, all in one transaction. Nothing else in the package creates a table.
 *
 * @returns the names of the tables that this call created; the others existed and were left alone, whatever
 *   their columns are
 * @throws InvalidOptionError when an option cannot be used, or the connection has the wrong settings
 * @throws ContentionError when another connection had the lock for 10 seconds
 * @throws the driver's own errors (file not writable, disk full) as they are
 */
export async function createTables(
  definitions: readonly TableDefinition[],
  options: { readonly database: SqliteDatabase },
): Promise<string[]> {
  assertOption(
    Array.isArray(definitions) && definitions.every(isDefinition),
    'definitions',
    'an array of table definitions',
    definitions,
    'Pass [itemBankTable(name), deduplicationTable(name)].',
  );
  const { database } = options ?? {};
  const connection = connectionOf(database);
  const tableNames = definitions.map(({ tableName }) => tableName);
  return connection.write(tableNames, () =>
    definitions.flatMap(({ tableName, sql }) => {
      const existing = database.prepare(FIND_TABLE).all(tableName);
      if (existing.length > 0) return [];
      database.exec(sql);
      return [tableName];
    }),
  );
}

const FIND_TABLE =
  "select 1 from sqlite_master where type in ('table', 'view') and name = ? collate nocase";

function isDefinition(value: unknown): value is TableDefinition {
  const { tableName, sql } = (value ?? {}) as Partial<TableDefinition>;
  return typeof tableName === 'string' && typeof sql === 'string';
}

export function assertTableName(tableName: unknown): asserts tableName is string {
  assertOption(
    typeof tableName === 'string' && tableName !== '' && !tableName.includes('\u0000'),
    'tableName',
    'the name of a table, without U+0000',
    tableName,
    'Pass it as { tableName }, without quotes around it.',
  );
}
