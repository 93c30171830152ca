// A database of this run's PostgreSQL for each store of a test.
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';
import { BuiltCommandLine, type BuiltProgram } from '../support/built-command-line.js';
import { BANK, type DatabaseStore, DEDUPLICATION } from './database-store.js';

export async function postgresStore({ folder, program }: BuiltProgram): Promise<DatabaseStore> {
  const name = `sale_${randomUUID().replaceAll('-', '')}`;
  const server = inject('postgresUrl');
  await runOn(server, `create database ${name}`);
  const url = inDatabase(server, name);
  return {
    cli: new BuiltCommandLine(folder, program, { STORAGE_BOX_STORE: url }),
    url,
    bank: BANK,
    assignments: DEDUPLICATION,
    longAgo: 'to_timestamp(1)',
    minutesAgo: (minutes) => `now() - interval '${minutes} minutes'`,
    run: (sql) => runOn(url, sql),
    dispose: async () => {
      await runOn(server, `drop database ${name} with (force)`);
    },
  };
}

/** Another database of the same server, or the same one by another role. */
export function inDatabase(url: string, name: string, role?: string): string {
  const other = new URL(url);
  other.pathname = `/${name}`;
  if (role !== undefined) other.username = role;
  return other.href;
}

async function runOn(url: string, sql: string) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows ?? [];
  } finally {
    await client.end();
  }
}
