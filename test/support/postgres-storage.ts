// The PostgreSQL pair on each driver, for the conformance suite.
import { randomUUID } from 'node:crypto';
import { PGlite } from '@electric-sql/pglite';
import pg from 'pg';
import postgres from 'postgres';
import {
  createTables,
  DeduplicationPostgresRepository,
  deduplicationTable,
  ItemBankPostgresRepository,
  itemBankTable,
  type PostgresClient,
  type PostgresQueryable,
} from 'storagebox/postgres';
import type { TestStorage } from 'storagebox/testing';

/** One client for all storages of a file, and ours, to look and to clean up by. */
interface Database {
  readonly client: PostgresClient;
  readonly ours: PostgresQueryable;
  readonly inOwnTransaction: NonNullable<TestStorage['inOwnTransaction']>;
  end(): Promise<void>;
}

export async function poolOfPg(url: string): Promise<Database> {
  const client = new pg.Pool({ connectionString: url });
  return {
    client,
    ours: client,
    inOwnTransaction: transactionsOf(client),
    end: () => client.end(),
  };
}

export async function clientOfPg(url: string): Promise<Database> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  // The caller's transactions are on connections of their own.
  const others = new pg.Pool({ connectionString: url });
  return {
    client,
    ours: client,
    inOwnTransaction: transactionsOf(others),
    end: async () => {
      await others.end();
      await client.end();
    },
  };
}

function transactionsOf(pool: pg.Pool): Database['inOwnTransaction'] {
  return async (body) => {
    const connection = await pool.connect();
    try {
      await connection.query('begin');
      await body(connection);
      await connection.query('commit');
    } catch (error) {
      await connection.query('rollback');
      throw error;
    } finally {
      connection.release();
    }
  };
}

export async function postgresJs(url: string): Promise<Database> {
  const client = postgres(url, { onnotice: () => {} });
  const ours = {
    query: async (text: string, values: never[] = []) => ({
      rows: [...(await client.unsafe(text, values))],
    }),
  };
  return {
    client,
    ours,
    inOwnTransaction: async (body) => {
      await client.begin(body);
    },
    end: () => client.end(),
  };
}

/** In this process, without a server. */
export async function pglite(): Promise<Database> {
  const client = await PGlite.create();
  return {
    client,
    ours: client,
    inOwnTransaction: (body) => client.transaction(body),
    end: () => client.close(),
  };
}

/** An empty pair of tables that no other test uses. */
export async function freshPair(client: PostgresClient) {
  const run = randomUUID();
  const [bank, ids] = [`bank-${run}`, `ids-${run}`] as const;
  await createTables([itemBankTable(bank), deduplicationTable(ids)], { client });
  /** As another process would, if it is another client. */
  const open = (through: PostgresClient = client) => ({
    itemRepo: new ItemBankPostgresRepository({ tableName: bank, client: through }),
    deduplicationRepo: new DeduplicationPostgresRepository({ tableName: ids, client: through }),
  });
  return { run, bank, ids, open };
}

export async function storageOn({
  client,
  ours,
  inOwnTransaction,
}: Database): Promise<TestStorage> {
  const { run, bank, ids, open } = await freshPair(client);
  const orders = `orders-${run}`;
  const ledger = `${bank}_ledger`;
  const drop = async (...tables: string[]) => {
    await ours.query(`drop table if exists ${tables.map((table) => `"${table}"`).join(', ')}`);
  };
  return {
    open: () => open(),
    openWithLedger: () => open(),
    ownWrites: () => ownWritesIn(ours, orders),
    inOwnTransaction,
    breakStore: () => drop(bank, ledger, ids),
    dispose: () => drop(bank, ledger, ids, orders),
  };
}

async function ownWritesIn(ours: PostgresQueryable, table: string) {
  await ours.query(`create table "${table}" (name text primary key, times integer not null)`);
  const adding = (name: string) => async (client: PostgresQueryable) => {
    const text = `insert into "${table}" as t values ($1, 1) on conflict (name) do update set times = t.times + 1`;
    await client.query(text, [name]);
  };
  return {
    adding,
    addingInVain: (name: string) => async (client: PostgresQueryable) => {
      await adding(name)(client);
      await client.query(`insert into "${table}" values (null, 1)`);
    },
    countOf: async (name: string) => {
      const { rows } = await ours.query(`select times from "${table}" where name = $1`, [name]);
      return Number(rows[0]?.times ?? 0);
    },
  };
}
