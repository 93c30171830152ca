// The controls on SQLite: recipes that people copy. A harness that finds nothing wrong with one of them finds
// nothing. No part of the package is in here.
import { setTimeout as sleep } from 'node:timers/promises';
import { connectSqlite } from './connect-sqlite.mjs';

const BUSY_RETRY_MS = 5;

export async function openSales({ way, sales, recipe }) {
  const database = await connectSqlite(way);
  return sales.map(({ itemBankTableName, deduplicationTableName }) => {
    const claim = RECIPES[recipe](database, itemBankTableName, deduplicationTableName);
    return {
      claim: async (id) => {
        const item = await claim(id);
        return { status: item === null ? 'exhausted' : 'existing', item };
      },
    };
  });
}

const RECIPES = {
  /** Read, then write, each statement by itself. */
  'no transaction': (database, bank, assignments) => {
    const { readItem, chooseItem, assign, take } = statementsOf(database, bank, assignments);
    return async (id) => {
      const existing = readItem(id);
      if (existing !== null) return existing;
      const item = chooseItem();
      if (item === null) return null;
      await whenNotBusy(() => assign(id, item));
      await whenNotBusy(() => take(item));
      return item;
    };
  },

  /** Assigned in one transaction, taken in the next. */
  'two transactions': (database, bank, assignments) => {
    const { readItem, chooseItem, assign, take } = statementsOf(database, bank, assignments);
    const inTransaction = (work) =>
      whenNotBusy(() => {
        database.exec('begin immediate');
        try {
          const result = work();
          database.exec('commit');
          return result;
        } catch (error) {
          database.exec('rollback');
          throw error;
        }
      });
    return async (id) => {
      const { item, isNew } = await inTransaction(() => {
        const existing = readItem(id);
        if (existing !== null) return { item: existing, isNew: false };
        const free = chooseItem();
        if (free !== null) assign(id, free);
        return { item: free, isNew: free !== null };
      });
      if (isNew) await inTransaction(() => take(item));
      return item;
    };
  },
};

function statementsOf(database, bank, assignments) {
  const read = database.prepare(`select item from ${assignments} where deduplication_id = ?`);
  const choose = database.prepare(`select item from ${bank} limit 1`);
  const insert = database.prepare(
    `insert into ${assignments} (deduplication_id, item, assigned_at) values (?, ?, ?)
     on conflict (deduplication_id) do nothing`,
  );
  const remove = database.prepare(`delete from ${bank} where item = ?`);
  return {
    // Read to the end: a statement that is not keeps its snapshot open, and nothing can be written over that.
    readItem: (id) => read.all(id)[0]?.item ?? null,
    chooseItem: () => choose.all()[0]?.item ?? null,
    assign: (id, item) => insert.run(id, item, Date.now()),
    take: (item) => remove.run(item),
  };
}

async function whenNotBusy(work) {
  for (;;) {
    try {
      return work();
    } catch (error) {
      const isBusy = /busy|locked/i.test(`${error.code} ${error.message}`);
      if (!isBusy) throw error;
      await sleep(BUSY_RETRY_MS * Math.random());
    }
  }
}
