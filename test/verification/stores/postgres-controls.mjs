// The controls on PostgreSQL: recipes that people copy. A harness that finds nothing wrong with one of them finds
// nothing. No part of the package is in here.
import { connectPostgres, takeConnection } from './connect-postgres.mjs';

export function openSales({ way, sales, recipe }) {
  const pool = connectPostgres(way);
  const claim = RECIPES[recipe];
  return sales.map(({ itemBankTableName: bank, deduplicationTableName: assignments }) => ({
    claim: async (id) => {
      const item = await claim(pool, { bank, assignments, id });
      return { status: item === null ? 'exhausted' : 'existing', item };
    },
  }));
}

const RECIPES = {
  /** Each statement in a transaction of its own; nobody puts back what was taken in vain. */
  'delete returning first': async (pool, { bank, assignments, id }) => {
    const { rows: taken } = await pool.query(
      `delete from ${bank} where item = (
         select item from ${bank} limit 1 for update skip locked
       ) returning item`,
    );
    const item = taken[0]?.item;
    if (item !== undefined) {
      await pool.query(
        `insert into ${assignments} (deduplication_id, item, assigned_at) values ($1, $2, now())
         on conflict (deduplication_id) do nothing`,
        [id, item],
      );
    }
    return readItem(pool, assignments, id);
  },

  /** All in one transaction. */
  'skip locked read as sold out': (pool, { bank, assignments, id }) =>
    inTransaction(pool, async (client) => {
      const existing = await readItem(client, assignments, id);
      if (existing !== null) return existing;
      const { rows } = await client.query(
        `select item from ${bank} limit 1 for update skip locked`,
      );
      const item = rows[0]?.item;
      if (item === undefined) return null;
      const { rows: inserted } = await client.query(
        `insert into ${assignments} (deduplication_id, item, assigned_at) values ($1, $2, now())
         on conflict (deduplication_id) do nothing returning item`,
        [id, item],
      );
      if (inserted.length === 0) return readItem(client, assignments, id);
      await client.query(`delete from ${bank} where item = $1`, [item]);
      return item;
    }),

  /** All in one transaction, which takes no lock before it writes. */
  'no lock': (pool, { bank, assignments, id }) =>
    inTransaction(pool, async (client) => {
      const existing = await readItem(client, assignments, id);
      if (existing !== null) return existing;
      const { rows } = await client.query(`select item from ${bank} limit 1`);
      const item = rows[0]?.item;
      if (item === undefined) return null;
      await client.query(
        `insert into ${assignments} (deduplication_id, item, assigned_at) values ($1, $2, now())`,
        [id, item],
      );
      await client.query(`delete from ${bank} where item = $1`, [item]);
      return item;
    }),
};

async function readItem(client, assignments, id) {
  const { rows } = await client.query(
    `select item from ${assignments} where deduplication_id = $1`,
    [id],
  );
  return rows[0]?.item ?? null;
}

async function inTransaction(pool, work) {
  const client = await takeConnection(pool);
  try {
    await client.query('begin');
    const result = await work(client);
    await client.query('commit');
    client.release();
    return result;
  } catch (error) {
    client.release(true);
    throw error;
  }
}
