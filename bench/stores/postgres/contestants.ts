// The contestants on PostgreSQL. All use `pg`, and a pool for each process.
import { Pool } from 'pg';
import {
  DeduplicationPostgresRepository,
  Deduplicator,
  ItemBankPostgresRepository,
} from 'storagebox/postgres';
import { chunksOf } from '../chunks.js';
import type { Contestant, ContestantName, Place } from '../contestant.js';
import type { Contestants } from '../contestants.js';
import { itemAt } from '../names.js';

/** The default of `pg`. */
const CONNECTIONS = 10;
const UNIQUE_VIOLATION = '23505';

type Claim = Contestant['claim'];

export async function openContestant(
  contestant: ContestantName,
  place: Place,
  isRepeat: boolean,
): Promise<Contestant> {
  const pool = new Pool({ connectionString: place.location, max: CONNECTIONS });
  await connectAll(pool);
  const open = contestant === 'limit' && isRepeat ? limitRead : CLAIMS[contestant];
  return { claim: open(pool, place), close: () => pool.end() };
}

/** A server that has run for a while has its connections. */
async function connectAll(pool: Pool): Promise<void> {
  const clients = await Promise.all(Array.from({ length: CONNECTIONS }, () => pool.connect()));
  for (const client of clients) client.release();
}

const CLAIMS: Record<ContestantName, (pool: Pool, place: Place) => Claim> = {
  limit,
  storagebox: (client, { bank, assignments }) => {
    const deduplicator = new Deduplicator({
      itemRepo: new ItemBankPostgresRepository({ tableName: bank, client }),
      deduplicationRepo: new DeduplicationPostgresRepository({ tableName: assignments, client }),
    });
    return (deduplicationId) => deduplicator.fetchItemForDeduplicationId(deduplicationId);
  },
  'usual recipe': usualRecipe,
};

/** One statement, prepared once for each connection, on an item that nobody else tries. */
function limit(pool: Pool, { bank, assignments }: Place): Claim {
  const text = `
    with taken as (
      delete from ${bank} where item = $2 returning item
    )
    insert into ${assignments} (deduplication_id, item, item_bank, assigned_at)
    select $1, item, '${bank}', now() from taken
    returning item`;
  return async (deduplicationId, number) => {
    const values = [deduplicationId, itemAt(number)];
    const { rows } = await pool.query({ name: 'claim', text, values });
    return rows[0]?.item ?? null;
  };
}

/** One read, for IDs that are known to have an item. */
function limitRead(pool: Pool, { assignments }: Place): Claim {
  const text = `select item from ${assignments} where deduplication_id = $1`;
  return async (deduplicationId) => {
    const { rows } = await pool.query({ name: 'read', text, values: [deduplicationId] });
    return rows[0]?.item ?? null;
  };
}

/** As people copy it: a transaction with a locked row, and a round trip for each step. */
function usualRecipe(pool: Pool, { bank, assignments }: Place): Claim {
  return async (userId) => {
    for (;;) {
      const client = await pool.connect();
      try {
        await client.query('begin');
        const { rows: own } = await client.query(
          `select item from ${assignments} where user_id = $1`,
          [userId],
        );
        let item: string | null = own[0]?.item ?? null;
        if (item === null) {
          const { rows: free } = await client.query(
            `select item from ${bank} where not taken order by item limit 1 for update skip locked`,
          );
          item = free[0]?.item ?? null;
          if (item !== null) {
            await client.query(`insert into ${assignments} (user_id, item) values ($1, $2)`, [
              userId,
              item,
            ]);
            await client.query(`update ${bank} set taken = true where item = $1`, [item]);
          }
        }
        await client.query('commit');
        return item;
      } catch (error) {
        await client.query('rollback');
        // Another call for the same ID was faster: now its item can be read.
        if ((error as { readonly code?: string }).code !== UNIQUE_VIOLATION) throw error;
      } finally {
        client.release();
      }
    }
  };
}

const ITEMS_PER_INSERT = 1_000;
const INSERTS_AT_ONCE = 4;

export const SEEDERS: Contestants['SEEDERS'] = {
  storagebox: async ({ location, bank }, items) => {
    const client = new Pool({ connectionString: location, max: CONNECTIONS });
    await new ItemBankPostgresRepository({ tableName: bank, client }).batchAddItems(items);
    await client.end();
  },
  'bare inserts': async ({ location, bank }, items) => {
    const pool = new Pool({ connectionString: location, max: INSERTS_AT_ONCE });
    const chunks = chunksOf(items, ITEMS_PER_INSERT);
    const insertOn = async () => {
      for (const chunk of chunks) {
        await pool.query(`insert into ${bank} (item) select item from unnest($1::text[]) as item`, [
          chunk,
        ]);
      }
    };
    await Promise.all(Array.from({ length: INSERTS_AT_ONCE }, insertOn));
    await pool.end();
  },
};
