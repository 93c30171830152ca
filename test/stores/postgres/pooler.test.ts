// The pooler that tests are given, and what it does to statements that are prepared on one of its connections.
import pg from 'pg';
import {
  createTables,
  DeduplicationPostgresRepository,
  Deduplicator,
  deduplicationTable,
  ItemBankPostgresRepository,
  itemBankTable,
} from 'storagebox/postgres';
import { expect, inject, test } from 'vitest';
import { freshDatabase, inDatabase } from '../../support/postgres.js';

test('many clients share few connections, each for a transaction', async () => {
  const database = await freshDatabase();
  const url = inDatabase(inject('pgBouncerUrl'), database.name);
  const clients = Array.from({ length: 30 }, () => new pg.Client({ connectionString: url }));
  await Promise.all(clients.map((client) => client.connect()));
  const answers = await Promise.all(
    clients.map((client) => client.query('select pg_backend_pid() as id')),
  );
  const connections = new Set(answers.flatMap(({ rows }) => rows.map(({ id }) => id)));
  expect(answers).toHaveLength(30);
  expect(connections.size).toBeLessThanOrEqual(8);
  await Promise.all(clients.map((client) => client.end()));
  await database.drop();
});

test('claims one by one, while the connections of the server change, all get an item', async () => {
  const database = await freshDatabase();
  const connectionString = inDatabase(inject('pgBouncerUrl'), database.name);
  const pools = Array.from({ length: 4 }, () => new pg.Pool({ connectionString, max: 4 }));
  const [first] = pools as [pg.Pool];
  await createTables([itemBankTable('codes'), deduplicationTable('owners')], { client: first });
  const itemRepo = new ItemBankPostgresRepository({ tableName: 'codes', client: first });
  await itemRepo.batchAddItems(Array.from({ length: 400 }, (_, number) => `CODE-${number}`));

  const perPool = await Promise.all(
    pools.map(async (client, number) => {
      const deduplicator = new Deduplicator({
        itemRepo: new ItemBankPostgresRepository({ tableName: 'codes', client }),
        deduplicationRepo: new DeduplicationPostgresRepository({ tableName: 'owners', client }),
      });
      const items: (string | null)[] = [];
      for (let call = 0; call < 100; call++) {
        items.push(await deduplicator.fetchItemForDeduplicationId(`user-${number}-${call}`));
      }
      return items;
    }),
  );
  expect(new Set(perPool.flat().filter((item) => item !== null)).size).toBe(400);
  await Promise.all(pools.map((pool) => pool.end()));
  await database.drop();
});
