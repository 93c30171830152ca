// SQLite as the benchmark sees it: a file for each pair of tables. The usual recipe has tables of its own, as
// people make them.
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Database } from 'better-sqlite3';
import { createTables, deduplicationTable, itemBankTable } from 'storagebox/sqlite';
import type { BenchStore, Outcome, Stock } from '../bench-store.js';
import type { ContestantName, Place } from '../contestant.js';
import { SCATTER } from '../names.js';
import { DRIVER_NAME, openDatabase } from './database.js';

/** On the disk of the project: a folder for temporary files may be in memory, where a commit costs nothing. */
const RESULTS_FOLDER = fileURLToPath(new URL('../../results/', import.meta.url));
const BUSY_TIMEOUT_MS = 5_000;
const SCATTERED = `printf('%08x', (number * ${SCATTER}) & 4294967295)`;
const ITEM = `'VOUCHER-' || ${SCATTERED}`;
const NUMBERED = `printf('%010d', number)`;
const ID = `'user-' || ${NUMBERED}`;
const OTHERS = `'other-' || ${NUMBERED}`;

export async function openSqlite(): Promise<BenchStore> {
  await mkdir(RESULTS_FOLDER, { recursive: true });
  const folder = await mkdtemp(join(RESULTS_FOLDER, 'sqlite-'));
  const remove = () => rm(folder, { recursive: true, force: true });
  let files = 0;
  const open = new Map<string, Database>();
  return {
    name: 'sqlite',
    about: settingsOf(join(folder, 'settings.db')),
    makeTables: async (contestant) => {
      const place = {
        location: join(folder, `${files++}.db`),
        bank: 'items',
        assignments: 'owners',
      };
      await withDatabase(place, (database) => makeTables(database, contestant, place));
      return place;
    },
    fill: async (contestant, place, stock) => {
      const { location } = place;
      const database = openDatabase(location, { busyTimeoutMs: BUSY_TIMEOUT_MS });
      // The last connection that is closed removes the log. A server that has run for a while has one of full size:
      // while it grows, each flush takes twice as long.
      open.set(location, database);
      fill(database, contestant, place, stock);
    },
    outcome: (contestant, place) =>
      withDatabase(place, async (database) => outcome(database, contestant, place)),
    dropTables: async ({ location }) => {
      open.get(location)?.close();
      open.delete(location);
      for (const suffix of ['', '-wal', '-shm']) await rm(location + suffix, { force: true });
    },
    stop: remove,
  };
}

function settingsOf(file: string): Record<string, string> {
  const database = openDatabase(file, { busyTimeoutMs: BUSY_TIMEOUT_MS });
  const text = (sql: string) => String(database.prepare(sql).pluck().get());
  const settings = {
    driver: DRIVER_NAME,
    version: text('select sqlite_version()'),
    journal_mode: text('pragma journal_mode'),
    synchronous: text('pragma synchronous'),
  };
  database.close();
  return settings;
}

async function withDatabase<Value>(
  { location }: Place,
  use: (database: Database) => Promise<Value>,
): Promise<Value> {
  const database = openDatabase(location, { busyTimeoutMs: BUSY_TIMEOUT_MS });
  try {
    return await use(database);
  } finally {
    database.close();
  }
}

async function makeTables(
  database: Database,
  contestant: ContestantName,
  { bank, assignments }: Place,
): Promise<void> {
  if (contestant !== 'usual recipe') {
    database.pragma('busy_timeout = 0');
    await createTables([itemBankTable(bank), deduplicationTable(assignments)], { database });
    return;
  }
  database.exec(`
    create table ${bank} (
      item text primary key,
      taken integer not null default 0
    ) strict, without rowid;
    create index free_items on ${bank} (item) where taken = 0;
    create table ${assignments} (
      user_id text primary key,
      item text not null
    ) strict, without rowid`);
}

function fill(
  database: Database,
  contestant: ContestantName,
  { bank, assignments }: Place,
  { items, takenBy }: Stock,
): void {
  const isRecipe = contestant === 'usual recipe';
  const isFree = takenBy === 'nobody';
  const owner = takenBy === 'others' ? OTHERS : ID;
  // In the order of the table, so that a large one takes seconds.
  const rows = (columns: string) => `
    with recursive numbers(number) as (
      select 0 union all select number + 1 from numbers where number < ${items - 1}
    ) select ${columns} from numbers order by 1`;
  database.exec('begin');
  if (isRecipe) {
    database.exec(`insert into ${bank} (item, taken) ${rows(`${ITEM}, ${isFree ? 0 : 1}`)}`);
  } else {
    const tables = isFree ? [`${bank}_ledger`, bank] : [`${bank}_ledger`];
    for (const table of tables) database.exec(`insert into ${table} (item) ${rows(ITEM)}`);
  }
  if (!isFree) {
    database.exec(
      isRecipe
        ? `insert into ${assignments} (user_id, item) ${rows(`${owner}, ${ITEM}`)}`
        : `insert into ${assignments} (deduplication_id, item, item_bank, assigned_at)
           ${rows(`${owner}, ${ITEM}, '${bank}', ${Date.now()}`)}`,
    );
  }
  database.exec('commit');
  database.pragma('wal_checkpoint(restart)');
}

function outcome(
  database: Database,
  contestant: ContestantName,
  { bank, assignments }: Place,
): Outcome {
  const [id, isFree] =
    contestant === 'usual recipe' ? ['user_id', 'taken = 0'] : ['deduplication_id', 'true'];
  const count = (tables: string) =>
    database.prepare(`select count(*) from ${tables}`).pluck().get() as number;
  return {
    assignments: database
      .prepare(`select ${id} as id, item from ${assignments}`)
      .all() as Outcome['assignments'][number][],
    freeItems: count(`${bank} where ${isFree}`),
    freeAndAssigned: count(`${bank} join ${assignments} using (item) where ${isFree}`),
  };
}
