import { randomUUID } from 'node:crypto';
import { Pool } from 'pg';
import {
  createTables,
  DeduplicationPostgresRepository,
  deduplicationTable,
  ItemBankPostgresRepository,
  itemBankTable,
} from 'storagebox/postgres';
import { startPostgres } from '../postgres-server.js';
import type { OpenStore, StartedStore } from './store.js';

const ITEM_BANK = 'voucher_codes';
const DEDUPLICATION = 'storage_box_deduplication_table';

export async function start(): Promise<StartedStore> {
  const server = await startPostgres();
  // The server may have tables of somebody else.
  const name = `quickstart_${randomUUID().slice(0, 8)}`;
  await query(server.url, `create database ${name}`);
  const location = new URL(name, server.url).href;
  const client = new Pool({ connectionString: location });
  await createTables([itemBankTable(ITEM_BANK), deduplicationTable(DEDUPLICATION)], { client });
  await client.end();
  const stop = async () => {
    await query(server.url, `drop database ${name} with (force)`);
    await server.stop();
  };
  return { location, stop };
}

export function open(location: string): OpenStore {
  const client = new Pool({ connectionString: location });
  return {
    itemRepo: new ItemBankPostgresRepository({ tableName: ITEM_BANK, client }),
    deduplicationRepo: new DeduplicationPostgresRepository({ tableName: DEDUPLICATION, client }),
    close: () => client.end(),
  };
}

async function query(connectionString: string, sql: string): Promise<void> {
  const client = new Pool({ connectionString });
  await client.query(sql);
  await client.end();
}
