// A file of the run's own, which processes share by several drivers.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import {
  createTables,
  deduplicationTable,
  ItemBankSqliteRepository,
  itemBankTable,
} from 'storagebox/sqlite';
import { makeBetterSqlite3Loadable } from '../../support/better-sqlite3.js';
import type { SaleEnd } from './judge.js';
import type { Change, Holding } from './judge-turnover.js';
import { newTableNames, type SaleTables, type StoreStage } from './store-stage.js';

const DRIVERS = ['libsql', 'better-sqlite3', 'libsql', 'better-sqlite3', 'libsql'] as const;
const NODE_WITH_SQLITE = 22;
/** Small, so that many writes need another page, and a full disk is in the way of them. */
const PAGE_BYTES = 512;

export type Connection = InstanceType<typeof Database>;

export interface SqliteStage extends StoreStage {
  readonly database: Connection;
  readonly file: string;
}

export async function onSqlite<Result>(
  work: (stage: SqliteStage) => Promise<Result>,
): Promise<Result> {
  await makeBetterSqlite3Loadable();
  const folder = await mkdtemp(join(tmpdir(), 'storagebox-sqlite-'));
  const file = join(folder, 'sale.db');
  const database = new Database(file);
  try {
    database.pragma(`page_size = ${PAGE_BYTES}`);
    database.pragma('journal_mode = wal');
    database.pragma('synchronous = full');
    return await work(stageOf(database, file));
  } finally {
    database.close();
    await rm(folder, { recursive: true });
  }
}

function stageOf(database: Connection, file: string): SqliteStage {
  const [major] = process.versions.node.split('.');
  const drivers =
    Number(major) >= NODE_WITH_SQLITE ? [...DRIVERS, 'node:sqlite'] : [...DRIVERS, 'libsql'];
  return {
    store: 'sqlite',
    database,
    file,
    failures: { 'full disk': /disk is full/ },
    openers: { library: 'open-sqlite.mjs', control: 'sqlite-controls.mjs' },
    wayOf: (process) => ({
      driver: drivers[process % drivers.length],
      file,
      hasCheckpoints: process % 2 === 0,
      hasFullDisk: process % 3 === 1,
    }),
    plainWay: { driver: 'better-sqlite3', file },
    openSale: (items, hasChanges) => openTables(database, items, hasChanges),
    readSale: async (tables, hasChanges) => readSale(database, tables, hasChanges),
    // A process that dies takes its transaction along.
    settle: async () => {},
    harmDone: async () => {
      const [{ integrity_check: verdict } = {}] = database.pragma('integrity_check') as {
        integrity_check?: string;
      }[];
      const isWhole = verdict === 'ok';
      return [{ what: 'faults of the file', times: isWhole ? 0 : 1, isRight: isWhole }];
    },
  };
}

export async function openTables(
  database: Connection,
  items: readonly string[],
  hasChanges: boolean,
): Promise<SaleTables> {
  const tables = newTableNames();
  const { itemBankTableName: tableName, deduplicationTableName } = tables;
  await createTables([itemBankTable(tableName), deduplicationTable(deduplicationTableName)], {
    database,
  });
  if (hasChanges) database.exec(changesSql(deduplicationTableName));
  await new ItemBankSqliteRepository({ tableName, database }).batchAddItems(items);
  return tables;
}

/** Notes every change of an assignment. */
function changesSql(table: string): string {
  const note = (event: string, id: string, before: string, after: string) =>
    `create trigger ${table}_${event} after ${event} on ${table} begin
  insert into ${table}_changes (at_ms, id, item_before, held_before, item_after, held_after)
  values (unixepoch('subsec') * 1000, ${id}, ${before}, ${after});
end;`;
  return `create table ${table}_changes (
  step integer primary key autoincrement, at_ms real, id text,
  item_before text, held_before integer, item_after text, held_after integer
);
${note('insert', 'new.deduplication_id', 'null, null', 'new.item, new.held_until')}
${note('update', 'new.deduplication_id', 'old.item, old.held_until', 'new.item, new.held_until')}
${note('delete', 'old.deduplication_id', 'old.item, old.held_until', 'null, null')}`;
}

interface ChangeRow {
  readonly at_ms: number;
  readonly id: string;
  readonly item_before: string | null;
  readonly held_before: number | null;
  readonly item_after: string | null;
  readonly held_after: number | null;
}

function readSale(
  database: Connection,
  { itemBankTableName: bank, deduplicationTableName: assignments }: SaleTables,
  hasChanges: boolean,
): SaleEnd {
  const rowsOf = <Row>(sql: string) => database.prepare(sql).all() as Row[];
  const itemsOf = (sql: string) => rowsOf<{ item: string }>(sql).map(({ item }) => item);
  const assigned = rowsOf<{ deduplication_id: string; item: string }>(
    `select deduplication_id, item from ${assignments}`,
  );
  const changes = hasChanges
    ? rowsOf<ChangeRow>(`select * from ${assignments}_changes order by step`)
    : [];
  return {
    bank: itemsOf(`select item from ${bank}`),
    retired: itemsOf(
      `select item from ${bank}_ledger where retired_at is not null except select item from ${bank}`,
    ),
    assignments: new Map(assigned.map(({ deduplication_id, item }) => [deduplication_id, item])),
    changes: changes.map(
      (row): Change => ({
        atMs: row.at_ms,
        id: row.id,
        before: holdingOf(row.item_before, row.held_before),
        after: holdingOf(row.item_after, row.held_after),
      }),
    ),
  };
}

function holdingOf(item: string | null, heldUntilMs: number | null): Holding | null {
  return item === null ? null : { item, heldUntilMs };
}
