// SQLite databases for tests: with each driver that is there, in a file or in memory.
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import Libsql from 'libsql';
import {
  createTables,
  DeduplicationSqliteRepository,
  deduplicationTable,
  ItemBankSqliteRepository,
  itemBankTable,
  type SqliteDatabase,
  type SqliteWrite,
} from 'storagebox/sqlite';
import { onTestFinished } from 'vitest';
import { canLoadBetterSqlite3 } from './better-sqlite3.js';

export type ClosableDatabase = SqliteDatabase & { close(): unknown };

export interface SqliteDriver {
  readonly name: string;
  open(file: string): ClosableDatabase;
}

export const LIBSQL: SqliteDriver = { name: 'libsql', open: (file) => new Libsql(file) };

const BETTER_SQLITE3: SqliteDriver = {
  name: 'better-sqlite3',
  open: (file) => new BetterSqlite3(file, { timeout: 0 }),
};

/** Node.js has it from 22.13 on; its types are not those of the oldest release that tests run on. */
const nodeSqlite = (
  process as unknown as { getBuiltinModule?(id: string): unknown }
).getBuiltinModule?.('node:sqlite') as
  | { readonly DatabaseSync: new (file: string) => ClosableDatabase }
  | undefined;

const NODE_SQLITE: readonly SqliteDriver[] =
  nodeSqlite === undefined
    ? []
    : [{ name: 'node:sqlite', open: (file) => new nodeSqlite.DatabaseSync(file) }];

/** All that can be used here. */
export const SQLITE_DRIVERS: readonly SqliteDriver[] = [
  LIBSQL,
  ...(canLoadBetterSqlite3() ? [BETTER_SQLITE3] : []),
  ...NODE_SQLITE,
];

export const SETTINGS =
  'pragma journal_mode = wal; pragma synchronous = full; pragma busy_timeout = 0';

/** Opened as the repositories demand it. */
export function openDatabase(file: string, driver = LIBSQL): ClosableDatabase {
  const database = driver.open(file);
  database.exec(SETTINGS);
  return database;
}

/** A file that does not exist yet, in a folder of its own. */
export async function freshFile(): Promise<{ file: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'storagebox-sqlite-'));
  return {
    file: join(folder, 'sale.db'),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Opened on a file of its own, until the test ends. */
export async function freshDatabase(
  driver: SqliteDriver,
): Promise<{ readonly file: string; readonly database: ClosableDatabase }> {
  const { file, remove } = await freshFile();
  const database = openDatabase(file, driver);
  onTestFinished(async () => {
    database.close();
    await remove();
  });
  return { file, database };
}

export interface TableNames {
  readonly bank: string;
  readonly assignments: string;
}

/** Of names that no other test has. */
export async function freshTables(database: SqliteDatabase): Promise<TableNames> {
  const name = randomUUID();
  const tables = { bank: `codes-${name}`, assignments: `who has what "${name}"` };
  await createTables([itemBankTable(tables.bank), deduplicationTable(tables.assignments)], {
    database,
  });
  return tables;
}

export function openPair(database: SqliteDatabase, tables: TableNames) {
  return {
    itemRepo: new ItemBankSqliteRepository({ tableName: tables.bank, database }),
    deduplicationRepo: new DeduplicationSqliteRepository({
      tableName: tables.assignments,
      database,
    }),
  };
}

/** Counters for own writes, in a table beside those of the pair. */
export function ownWritesIn(database: SqliteDatabase) {
  const table = `"counters-${randomUUID()}"`;
  database.exec(`create table ${table} (name text primary key, count integer) strict`);
  const add = (name: string, on: SqliteDatabase) =>
    on
      .prepare(
        `insert into ${table} values (?, 1) on conflict (name) do update set count = count + 1`,
      )
      .run(name);
  return {
    adding:
      (name: string): SqliteWrite =>
      (on) => {
        add(name, on);
      },
    addingInVain:
      (name: string): SqliteWrite =>
      (on) => {
        add(name, on);
        throw new Error(`The test refuses "${name}".`);
      },
    countOf: async (name: string) => {
      const rows = database.prepare(`select count from ${table} where name = ?`).all(name);
      return (rows as { readonly count: number }[])[0]?.count ?? 0;
    },
  };
}
