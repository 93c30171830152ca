// Sales in a file of SQLite, which there is no wire to: processes are killed, and the log is written back meanwhile.
import Database from 'libsql';
import {
  DeduplicationSqliteRepository,
  Deduplicator,
  ItemBankSqliteRepository,
} from 'storagebox/sqlite';
import { runMortals } from '../crash/run-processes.js';
import { auditByCommand } from '../sales/audit-by-command.js';
import type { AssignmentRow, OrderRow, OwnTables, Sale, SaleStage } from '../sales/sale-stage.js';
import { type Connection, onSqlite, openTables, type SqliteStage } from './sqlite-stage.js';
import { onProject, type SaleTables } from './store-stage.js';

export function onSqliteSales<Result>(
  work: (stage: SaleStage) => Promise<Result>,
): Promise<Result> {
  return onProject((project) => onSqlite((stage) => work(sqliteSales(project, stage))));
}

export function sqliteSales(project: string, stage: SqliteStage): SaleStage {
  const here = (file: string) => new URL(file, import.meta.url);
  return {
    store: stage.store,
    project,
    modules: ['open-sqlite.mjs', 'connect-sqlite.mjs', 'orders-sqlite.mjs'].map(here),
    openSale: async (items) =>
      saleOf(project, stage, await openTables(stage.database, items, false)),
    runProcesses: async (processes, { kills, seed }) => {
      const told = processes.map((one, index) => {
        // A full disk is a failure at every attempt for a moment: that is what the crash runs are for.
        const way = { ...stage.wayOf(index), hasFullDisk: false };
        return { ...one, task: { ...one.task, store: stage.store, way } };
      });
      const killed = await runMortals(told, { kills, seed });
      return { kills: killed, wire: { requests: 0, groups: 0, faults: 0 } };
    },
  };
}

function saleOf(project: string, { database, file }: SqliteStage, tables: SaleTables): Sale {
  const { itemBankTableName, deduplicationTableName } = tables;
  const assignments = async () => {
    const rows = rowsOf<{ id: string; item: string; held_until: number | null }>(
      database,
      `select deduplication_id as id, item, held_until from ${deduplicationTableName}`,
    );
    return rows.map(
      ({ id, item, held_until }): AssignmentRow => ({ id, item, isHeld: held_until !== null }),
    );
  };
  return {
    tables,
    openServer: () => {
      const own = new Database(file);
      own.pragma('synchronous = full');
      const deduplicator = new Deduplicator({
        itemRepo: new ItemBankSqliteRepository({ tableName: itemBankTableName, database: own }),
        deduplicationRepo: new DeduplicationSqliteRepository({
          tableName: deduplicationTableName,
          database: own,
        }),
      }) as Deduplicator<unknown>;
      return { deduplicator, close: async () => void own.close() };
    },
    assignments,
    countHaving: async (ids) => {
      const [row] = rowsOf<{ count: number }>(
        database,
        `select count(*) as count from ${deduplicationTableName}
         where deduplication_id in (${ids.map(() => '?').join()})`,
        ids,
      );
      // Another turn of the event loop: the reading itself takes none.
      await new Promise((resolve) => setImmediate(resolve));
      return row?.count ?? null;
    },
    audit: () => auditByCommand(project, { '--store': `sqlite:${file}` }, tables),
    openOwnTables: async () => openOwnTables(database, itemBankTableName),
    dispose: async () => {
      for (const table of [
        itemBankTableName,
        `${itemBankTableName}_ledger`,
        deduplicationTableName,
      ]) {
        database.exec(`drop table ${table}`);
      }
    },
  };
}

function openOwnTables(database: Connection, suffix: string): OwnTables {
  const tables = { ordersTableName: `orders_${suffix}`, outboxTableName: `outbox_${suffix}` };
  const { ordersTableName, outboxTableName } = tables;
  database.exec(`create table ${ordersTableName} (order_id text primary key, item text);
    create table ${outboxTableName} (message_id integer primary key, order_id text, item text)`);
  const read = (tableName: string) =>
    rowsOf<OrderRow>(database, `select order_id as id, item from ${tableName}`);
  return {
    tables,
    rows: async () => ({ orders: read(ordersTableName), outbox: read(outboxTableName) }),
    dispose: async () => {
      database.exec(`drop table ${ordersTableName}; drop table ${outboxTableName}`);
    },
  };
}

function rowsOf<Row>(
  database: Connection,
  sql: string,
  values: readonly unknown[] = [],
): readonly Row[] {
  return database.prepare(sql).all(...values) as Row[];
}
