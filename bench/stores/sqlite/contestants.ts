// The contestants on SQLite. All use the same driver and the same settings, and a connection for each process.
import type { Database } from 'better-sqlite3';
import {
  DeduplicationSqliteRepository,
  Deduplicator,
  ItemBankSqliteRepository,
} from 'storagebox/sqlite';
import { chunksOf } from '../chunks.js';
import type { Contestant, ContestantName, Place } from '../contestant.js';
import type { Contestants } from '../contestants.js';
import { itemAt } from '../names.js';
import { openDatabase } from './database.js';

/** The driver's default, for those who sleep until the lock is free. The package waits without sleeping. */
const PATIENT_MS = 5_000;

type Claim = Contestant['claim'];

export async function openContestant(
  contestant: ContestantName,
  place: Place,
  isRepeat: boolean,
): Promise<Contestant> {
  const busyTimeoutMs = contestant === 'storagebox' ? 0 : PATIENT_MS;
  const database = openDatabase(place.location, { busyTimeoutMs });
  return {
    claim: (contestant === 'limit' && isRepeat ? limitRead : CLAIMS[contestant])(database, place),
    close: async () => {
      database.close();
    },
  };
}

const CLAIMS: Record<ContestantName, (database: Database, place: Place) => Claim> = {
  limit,
  storagebox: (database, { bank, assignments }) => {
    const deduplicator = new Deduplicator({
      itemRepo: new ItemBankSqliteRepository({ tableName: bank, database }),
      deduplicationRepo: new DeduplicationSqliteRepository({ tableName: assignments, database }),
    });
    return (deduplicationId) => deduplicator.fetchItemForDeduplicationId(deduplicationId);
  },
  'usual recipe': usualRecipe,
};

/** One transaction on an item that nobody else tries, with the least that it takes. */
function limit(database: Database, { bank, assignments }: Place): Claim {
  const take = database.prepare(`delete from ${bank} where item = ?`);
  const put = database.prepare(
    `insert into ${assignments} (deduplication_id, item, item_bank, assigned_at)
     values (?, ?, '${bank}', ?)`,
  );
  const claim = database.transaction((deduplicationId: string, item: string) => {
    if (take.run(item).changes === 0) return null;
    put.run(deduplicationId, item, Date.now());
    return item;
  });
  return async (deduplicationId, number) => claim.immediate(deduplicationId, itemAt(number));
}

/** One read, for IDs that are known to have an item. */
function limitRead(database: Database, { assignments }: Place): Claim {
  const read = database
    .prepare(`select item from ${assignments} where deduplication_id = ?`)
    .pluck();
  return async (deduplicationId) => (read.get(deduplicationId) as string | undefined) ?? null;
}

/** As people write it: one transaction a claim. */
function usualRecipe(database: Database, { bank, assignments }: Place): Claim {
  const own = database.prepare(`select item from ${assignments} where user_id = ?`).pluck();
  const free = database
    .prepare(`select item from ${bank} where taken = 0 order by item limit 1`)
    .pluck();
  const put = database.prepare(`insert into ${assignments} (user_id, item) values (?, ?)`);
  const take = database.prepare(`update ${bank} set taken = 1 where item = ?`);
  const claim = database.transaction((userId: string): string | null => {
    const existing = own.get(userId) as string | undefined;
    if (existing !== undefined) return existing;
    const item = free.get() as string | undefined;
    if (item === undefined) return null;
    put.run(userId, item);
    take.run(item);
    return item;
  });
  return async (userId) => claim.immediate(userId);
}

const ITEMS_PER_TRANSACTION = 1_000;

export const SEEDERS: Contestants['SEEDERS'] = {
  storagebox: async ({ location, bank }, items) => {
    const database = openDatabase(location, { busyTimeoutMs: 0 });
    await new ItemBankSqliteRepository({ tableName: bank, database }).batchAddItems(items);
    database.close();
  },
  'bare inserts': async ({ location, bank }, items) => {
    const database = openDatabase(location, { busyTimeoutMs: 0 });
    const insert = database.prepare(`insert into ${bank} (item) values (?)`);
    const insertAll = database.transaction((chunk: readonly string[]) => {
      for (const item of chunk) insert.run(item);
    });
    for (const chunk of chunksOf(items, ITEMS_PER_TRANSACTION)) insertAll.immediate(chunk);
    database.close();
  },
};
