// Sales on PostgreSQL: half of the processes go through PgBouncer, and all of them over a wire that fails.
import pg from 'pg';
import {
  DeduplicationPostgresRepository,
  Deduplicator,
  ItemBankPostgresRepository,
} from 'storagebox/postgres';
import {
  type Harm,
  type HarmDone,
  runMortals,
  type WorkingProcess,
} from '../crash/run-processes.js';
import { startFaultyWire } from '../crash/wire-faults.js';
import { auditByCommand } from '../sales/audit-by-command.js';
import type { AssignmentRow, OrderRow, OwnTables, Sale, SaleStage } from '../sales/sale-stage.js';
import { seededRandom } from '../seeded-random.js';
import { postgresProtocol } from './postgres-protocol.js';
import { onPostgres, openTables, type PostgresStage } from './postgres-stage.js';
import { onProject, type SaleTables } from './store-stage.js';

export function onPostgresSales<Result>(
  work: (stage: SaleStage) => Promise<Result>,
): Promise<Result> {
  return onProject((project) =>
    onPostgres({ wireFaultShare: 0, seed: 0 }, (stage) => work(postgresSales(project, stage))),
  );
}

export function postgresSales(project: string, stage: PostgresStage): SaleStage {
  const here = (file: string) => new URL(file, import.meta.url);
  return {
    store: stage.store,
    project,
    modules: ['open-postgres.mjs', 'connect-postgres.mjs', 'orders-postgres.mjs'].map(here),
    openSale: async (items) => saleOf(project, stage, await openTables(stage.pool, items, false)),
    runProcesses: (processes, harm) => runOverWires(stage, processes, harm),
  };
}

async function runOverWires(
  stage: PostgresStage,
  processes: readonly WorkingProcess[],
  { kills, wireFaultShare, seed }: Harm,
): Promise<HarmDone> {
  const urls = [stage.url, stage.poolerUrl];
  const wires = await Promise.all(
    urls.map((url, index) =>
      startFaultyWire(url, wireFaultShare, seededRandom(seed + 1_000 + index), postgresProtocol),
    ),
  );
  const total = (count: 'requests' | 'groups' | 'faults') =>
    wires.reduce((sum, { counts }) => sum + counts[count], 0);
  try {
    const told = processes.map((one, index) => {
      const port = wires[index % wires.length]?.port;
      const way = { driver: 'pg', port, database: 'postgres' };
      return { ...one, task: { ...one.task, store: stage.store, way } };
    });
    const killed = await runMortals(told, { kills, seed });
    const wire = {
      requests: total('requests'),
      groups: total('groups'),
      faults: total('faults'),
    };
    return { kills: killed, wire };
  } finally {
    await Promise.all(wires.map((wire) => wire.drain()));
    await stage.settle();
  }
}

function saleOf(project: string, { pool, url }: PostgresStage, tables: SaleTables): Sale {
  const { itemBankTableName, deduplicationTableName } = tables;
  const assignments = async () => {
    const { rows } = await pool.query<AssignmentRow>(
      `select deduplication_id as id, item, held_until is not null as "isHeld"
       from ${deduplicationTableName}`,
    );
    return rows;
  };
  return {
    tables,
    openServer: () => {
      const client = new pg.Pool({ connectionString: url });
      const deduplicator = new Deduplicator({
        itemRepo: new ItemBankPostgresRepository({ tableName: itemBankTableName, client }),
        deduplicationRepo: new DeduplicationPostgresRepository({
          tableName: deduplicationTableName,
          client,
        }),
      }) as Deduplicator<unknown>;
      return { deduplicator, close: () => client.end() };
    },
    assignments,
    countHaving: async (ids) => {
      const { rows } = await pool.query<{ count: string }>(
        `select count(*) from ${deduplicationTableName} where deduplication_id = any ($1)`,
        [ids],
      );
      return Number(rows[0]?.count);
    },
    audit: () => auditByCommand(project, { '--store': url }, tables),
    openOwnTables: () => openOwnTables(pool, itemBankTableName),
    dispose: async () => {
      await pool.query(
        `drop table ${itemBankTableName}, ${itemBankTableName}_ledger, ${deduplicationTableName}`,
      );
    },
  };
}

async function openOwnTables(pool: pg.Pool, suffix: string): Promise<OwnTables> {
  const tables = { ordersTableName: `orders_${suffix}`, outboxTableName: `outbox_${suffix}` };
  const { ordersTableName, outboxTableName } = tables;
  await pool.query(`create table ${ordersTableName} (order_id text primary key, item text);
    create table ${outboxTableName} (
      message_id bigint generated always as identity primary key, order_id text, item text
    )`);
  const rowsOf = async (tableName: string) => {
    const { rows } = await pool.query<OrderRow>(`select order_id as id, item from ${tableName}`);
    return rows;
  };
  return {
    tables,
    rows: async () => ({
      orders: await rowsOf(ordersTableName),
      outbox: await rowsOf(outboxTableName),
    }),
    dispose: async () => {
      await pool.query(`drop table ${ordersTableName}, ${outboxTableName}`);
    },
  };
}
