// PostgreSQL as the benchmark sees it. The usual recipe has tables of its own, as people make them.
import { randomUUID } from 'node:crypto';
import { Pool } from 'pg';
import { createTables, deduplicationTable, itemBankTable } from 'storagebox/postgres';
import { startPostgres } from '../../../examples/quickstart/postgres-server.js';
import type { BenchStore, Outcome, Stock } from '../bench-store.js';
import type { ContestantName, Place } from '../contestant.js';
import { SCATTER } from '../names.js';

const SETTINGS = [
  'server_version',
  'fsync',
  'synchronous_commit',
  'full_page_writes',
  'shared_buffers',
  'max_wal_size',
  'max_connections',
  'autovacuum',
];
/** As the package places what it adds. */
const RUN_LENGTH = 100;
const SCATTERED = `lpad(to_hex((number::bigint * ${SCATTER}) % 4294967296), 8, '0')`;
const ITEM = `'VOUCHER-' || ${SCATTERED}`;
const NUMBERED = `lpad(number::text, 10, '0')`;
const ID = `'user-' || ${NUMBERED}`;
const OTHERS = `'other-' || ${NUMBERED}`;

export async function openPostgres(): Promise<BenchStore> {
  const server = await startPostgres();
  const pool = new Pool({ connectionString: server.url });
  const about: Record<string, string> = { server: server.source };
  for (const setting of SETTINGS) {
    const { rows } = await pool.query(`select current_setting('${setting}') as value`);
    about[setting] = rows[0].value;
  }
  return {
    name: 'postgres',
    about,
    makeTables: async (contestant) => {
      const run = randomUUID().replaceAll('-', '');
      const place = {
        location: server.url,
        bank: `items_${run}`,
        assignments: `owners_${run}`,
      };
      await makeTables(pool, contestant, place);
      return place;
    },
    fill: (contestant, place, stock) => fill(pool, contestant, place, stock),
    outcome: (contestant, place) => outcome(pool, contestant, place),
    dropTables: async ({ bank, assignments }) => {
      await pool.query(`drop table if exists ${bank}_ledger, ${bank}, ${assignments}`);
    },
    holdSnapshot: () => holdSnapshot(pool),
    stop: async () => {
      await pool.end();
      await server.stop();
    },
  };
}

async function makeTables(pool: Pool, contestant: ContestantName, place: Place): Promise<void> {
  const { bank, assignments } = place;
  if (contestant !== 'usual recipe') {
    await createTables([itemBankTable(bank), deduplicationTable(assignments)], { client: pool });
    return;
  }
  await pool.query(`
    create table ${bank} (
      item text collate "C" primary key,
      taken boolean not null default false
    );
    create index on ${bank} (item) where not taken;
    create table ${assignments} (
      user_id text collate "C" primary key,
      item text collate "C" not null
    )`);
}

async function fill(
  pool: Pool,
  contestant: ContestantName,
  { bank, assignments }: Place,
  { items, takenBy }: Stock,
): Promise<void> {
  const isRecipe = contestant === 'usual recipe';
  const isFree = takenBy === 'nobody';
  const owner = takenBy === 'others' ? OTHERS : ID;
  const numbers = `from generate_series(0, ${items - 1}) as number`;
  const tables = isRecipe ? [bank] : [bank, `${bank}_ledger`];
  const addIndexes = await Promise.all(tables.map((table) => dropIndexes(pool, table)));
  if (isRecipe) {
    await pool.query(`insert into ${bank} (item, taken) select ${ITEM}, ${!isFree} ${numbers}`);
  } else {
    await pool.query(`insert into ${bank}_ledger (item) select ${ITEM} ${numbers}`);
  }
  if (!isRecipe && isFree) {
    await pool.query(
      `with runs as materialized (
         select run, floor(random() * ${4_294_967_296 - RUN_LENGTH} - 2147483648) as start
         from generate_series(0, ${Math.floor(items / RUN_LENGTH)}) as run
       )
       insert into ${bank} (item, position)
       select ${ITEM}, start + number % ${RUN_LENGTH}
       from generate_series(0, ${items - 1}) as number join runs on run = number / ${RUN_LENGTH}
       order by number`,
    );
  }
  if (!isFree) {
    await pool.query(
      isRecipe
        ? `insert into ${assignments} (user_id, item) select ${owner}, ${ITEM} ${numbers}`
        : `insert into ${assignments} (deduplication_id, item, item_bank, assigned_at)
           select ${owner}, ${ITEM}, '${bank}', now() ${numbers}`,
    );
  }
  for (const add of addIndexes) await add();
  // What autovacuum does within a minute, and what would otherwise fall into somebody's time.
  await pool.query(`vacuum analyze ${[...tables, assignments].join()}`);
  await pool.query('checkpoint');
}

/** Millions of rows in no order are indexed far faster at once than one by one. */
async function dropIndexes(pool: Pool, table: string): Promise<() => Promise<void>> {
  const primaryKey = `${table}_pkey`;
  const { rows } = await pool.query(
    'select indexname as name, indexdef as definition from pg_indexes where tablename = $1',
    [table],
  );
  const others = rows.filter(({ name }) => name !== primaryKey);
  await pool.query(`alter table ${table} drop constraint ${primaryKey}`);
  for (const { name } of others) await pool.query(`drop index ${name}`);
  return async () => {
    await pool.query(`alter table ${table} add constraint ${primaryKey} primary key (item)`);
    for (const { definition } of others) await pool.query(definition);
  };
}

async function outcome(
  pool: Pool,
  contestant: ContestantName,
  { bank, assignments }: Place,
): Promise<Outcome> {
  const [id, isFree] =
    contestant === 'usual recipe' ? ['user_id', 'not taken'] : ['deduplication_id', 'true'];
  const { rows } = await pool.query(`select ${id} as id, item from ${assignments}`);
  const count = async (tables: string) => {
    const counted = await pool.query(`select count(*)::integer as n from ${tables}`);
    return counted.rows[0].n as number;
  };
  return {
    assignments: rows,
    freeItems: await count(`${bank} where ${isFree}`),
    freeAndAssigned: await count(`${bank} join ${assignments} using (item) where ${isFree}`),
  };
}

async function holdSnapshot(pool: Pool): Promise<() => Promise<void>> {
  const client = await pool.connect();
  await client.query('begin isolation level repeatable read');
  // The snapshot is taken by the first query.
  await client.query('select 1');
  return async () => {
    await client.query('commit');
    client.release();
  };
}
