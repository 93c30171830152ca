// The pooler that tests are given.
import pg from 'pg';
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
