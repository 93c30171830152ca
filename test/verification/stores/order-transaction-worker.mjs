// A server that writes an order and claims its seat in one transaction of its own; a third of them it rolls back.
import {
  DeduplicationPostgresRepository,
  Deduplicator,
  ItemBankPostgresRepository,
} from 'storagebox/postgres';
import { connectPostgres, takeConnection } from './connect-postgres.mjs';
import { runWorker } from './worker-loop.mjs';

const MAX_PAUSE_MS = 10;

runWorker(({ way, sale, ordersTableName }, ask) => {
  const pool = connectPostgres(way);
  const deduplicator = new Deduplicator({
    itemRepo: new ItemBankPostgresRepository({ tableName: sale.itemBankTableName, client: pool }),
    deduplicationRepo: new DeduplicationPostgresRepository({
      tableName: sale.deduplicationTableName,
      client: pool,
    }),
  });

  return (planned) =>
    ask(planned, async () => {
      const client = await takeConnection(pool);
      try {
        const { id, isRolledBack } = planned;
        await client.query('begin');
        const { rows } = await client.query(
          `insert into ${ordersTableName} (order_id) values ($1)
           on conflict (order_id) do nothing returning order_id`,
          [id],
        );
        // An earlier attempt has been committed, though nobody heard of it.
        const isNew = rows.length === 1;
        const { item } = await deduplicator.claim(id, { within: client });
        if (isNew) {
          await client.query(`update ${ordersTableName} set seat = $2 where order_id = $1`, [
            id,
            item,
          ]);
        }
        await new Promise((resolve) => setTimeout(resolve, MAX_PAUSE_MS * Math.random()));
        await client.query(isRolledBack ? 'rollback' : 'commit');
        client.release();
        return { item, isRolledBack };
      } catch (error) {
        // The server rolls back what it has of it.
        client.release(true);
        throw error;
      }
    });
});
