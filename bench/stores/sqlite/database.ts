import type { Database } from 'better-sqlite3';

/** `better-sqlite3`, or `libsql`, which has the same form, where the first has no binary. */
const { name, Driver } = await load();

export const DRIVER_NAME = name;

/** With the settings that the package asks for. */
export function openDatabase(file: string, { busyTimeoutMs }: { busyTimeoutMs: number }): Database {
  const database = new Driver(file);
  database.pragma('journal_mode = wal');
  database.pragma('synchronous = full');
  database.pragma(`busy_timeout = ${busyTimeoutMs}`);
  return database;
}

async function load() {
  const better = await import('better-sqlite3');
  try {
    new better.default(':memory:').close();
    return { name: 'better-sqlite3', Driver: better.default };
  } catch {
    const libsql = await import('libsql');
    return { name: 'libsql', Driver: libsql.default as unknown as typeof better.default };
  }
}
