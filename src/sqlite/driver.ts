// What the store needs of a driver, and what differs between node:sqlite, better-sqlite3 and libsql.

/**
 * A statement of the driver. Values are text, numbers, `bigint`, bytes or `null`, as far as the driver
 * takes them.
 */
export interface SqliteStatement {
  // Each driver has types of its own for values, and none of them is compatible with the others.
  // biome-ignore lint/suspicious/noExplicitAny: see above
  get(...values: any[]): unknown;
  // biome-ignore lint/suspicious/noExplicitAny: see above
  all(...values: any[]): unknown[];
  // biome-ignore lint/suspicious/noExplicitAny: see above
  run(...values: any[]): { readonly changes: number | bigint };
}

/**
 * A connection to a SQLite database, opened by you: a `DatabaseSync` of `node:sqlite`, or the `Database` of
 * `better-sqlite3` or `libsql`. The package keeps no other reference to it and never closes it.
 */
export interface SqliteDatabase {
  prepare(sql: string): SqliteStatement;
  exec(sql: string): unknown;
}

export type SqliteValue = string | number | null;

/** The columns of a row, in their order. Drivers can be told to return rows as objects or as arrays. */
export function columnsOf(row: unknown): unknown[] {
  return Array.isArray(row) ? row : Object.values(row as object);
}

/** In SQL, whatever characters it has. */
export function quoted(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}

/** Whether SQLite takes both for the name of one table. It folds the case of ASCII letters and of no others. */
export function isSameTable(one: string, other: string): boolean {
  return inLowerCase(one) === inLowerCase(other);
}

function inLowerCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** Of the table that has what ever entered. */
export function ledgerNameOf(itemBankTableName: string): string {
  return `${itemBankTableName}_ledger`;
}
