// The PostgreSQL that tests and examples start, and the places in it that tests get.
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import {
  type PostgresServer,
  startPostgres,
  URL_VARIABLE,
} from '../../../examples/quickstart/postgres-server.js';
import { freshDatabase, freshSchema } from '../../support/postgres.js';

async function rowsOf(url: string, ...texts: readonly string[]): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    let rows: unknown[] = [];
    for (const text of texts) ({ rows } = await client.query(text));
    return rows;
  } finally {
    await client.end();
  }
}

/** A client whose connection the server will end. */
async function connected(url: string) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  client.on('error', () => {});
  return { client, ended: new Promise((resolve) => client.once('end', resolve)) };
}

const isGiven = (process.env[URL_VARIABLE] ?? '') !== '';

// Nobody but its owner may stop a server that the environment names.
describe.skipIf(isGiven)('a server of our own', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.stop());

  test('writes as durably as by default, and orders text by a language', async () => {
    const text = `select current_setting('fsync') as fsync,
      current_setting('synchronous_commit') as commit,
      array(select word from unnest(array['b', 'B', 'a']) as word order by word) as words`;
    expect(await rowsOf(server.url, text)).toEqual([
      { fsync: 'on', commit: 'on', words: ['a', 'b', 'B'] },
    ]);
  });

  test('is killed in the middle of a transaction, and comes back with what was committed', async () => {
    await rowsOf(server.url, 'create table kept (word text)', `insert into kept values ('one')`);
    const { client, ended } = await connected(server.url);
    await client.query('begin');
    await client.query(`insert into kept values ('two')`);
    await server.kill();
    await ended;
    await expect(rowsOf(server.url, 'select 1')).rejects.toThrow('ECONNREFUSED');
    await server.restart();
    expect(await rowsOf(server.url, 'select word from kept')).toEqual([{ word: 'one' }]);
  });
});

test('each database is its own, and is dropped while somebody is connected', async () => {
  const one = await freshDatabase();
  const other = await freshDatabase();
  await rowsOf(one.url, 'create table words (word text)');
  await expect(rowsOf(other.url, 'select * from words')).rejects.toThrow('does not exist');
  const { ended } = await connected(one.url);
  await Promise.all([one.drop(), other.drop(), ended]);
  const names = `select datname from pg_database where datname in ('${one.name}', '${other.name}')`;
  expect(await rowsOf(inject('postgresUrl'), names)).toEqual([]);
});

test('each schema is its own, and is dropped with what is in it', async () => {
  const pool = new pg.Pool({ connectionString: inject('postgresUrl') });
  const run = (text: string) => pool.query(text);
  const one = await freshSchema(run);
  const other = await freshSchema(run);
  await run(`create table ${one.name}.words (word text)`);
  await run(`create table ${other.name}.words (word text)`);
  await one.drop();
  await expect(run(`select * from ${one.name}.words`)).rejects.toThrow('does not exist');
  expect((await run(`select * from ${other.name}.words`)).rows).toEqual([]);
  await other.drop();
  await pool.end();
});
