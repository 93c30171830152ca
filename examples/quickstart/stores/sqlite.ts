import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import {
  createTables,
  DeduplicationSqliteRepository,
  deduplicationTable,
  ItemBankSqliteRepository,
  itemBankTable,
} from 'storagebox/sqlite';
import type { OpenStore, StartedStore } from './store.js';

const ITEM_BANK = 'voucher_codes';
const DEDUPLICATION = 'storage_box_deduplication_table';

export async function start(): Promise<StartedStore> {
  const folder = await mkdtemp(join(tmpdir(), 'storagebox-quickstart-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  process.once('exit', remove);
  const location = join(folder, 'sale.db');
  const database = connect(location);
  await createTables([itemBankTable(ITEM_BANK), deduplicationTable(DEDUPLICATION)], { database });
  const stop = async () => {
    database.close();
    remove();
  };
  return { location, stop };
}

export function open(location: string): OpenStore {
  const database = connect(location);
  return {
    itemRepo: new ItemBankSqliteRepository({ tableName: ITEM_BANK, database }),
    deduplicationRepo: new DeduplicationSqliteRepository({ tableName: DEDUPLICATION, database }),
    close: async () => {
      database.close();
    },
  };
}

function connect(file: string) {
  // Node.js 20 has no SQLite of its own. Later, `DatabaseSync` of `node:sqlite` serves as well.
  const database = new Database(file);
  // Nothing that was told is forgotten, not even in a power cut.
  database.exec('pragma journal_mode = wal; pragma synchronous = full;');
  return database;
}
