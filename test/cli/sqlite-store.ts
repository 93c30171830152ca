// A SQLite file for each store of a test.
import { randomUUID } from 'node:crypto';
import Libsql from 'libsql';
import { BuiltCommandLine, type BuiltProgram } from '../support/built-command-line.js';
import { BANK, type DatabaseStore, DEDUPLICATION, type Row } from './database-store.js';

export function sqliteStore({ folder, program }: BuiltProgram): DatabaseStore & { file: string } {
  const name = `sale-${randomUUID()}.db`;
  const url = `sqlite:./${name}`;
  const cli = new BuiltCommandLine(folder, program, { STORAGE_BOX_STORE: url });
  const file = cli.path(name);
  return {
    cli,
    url,
    file,
    bank: BANK,
    assignments: DEDUPLICATION,
    longAgo: '1000',
    minutesAgo: (minutes) => String(Date.now() - minutes * 60_000),
    run: async (sql) => {
      const database = new Libsql(file);
      try {
        const statement = database.prepare(sql);
        if (statement.reader) return statement.all() as Row[];
        statement.run();
        return [];
      } finally {
        database.close();
      }
    },
    // The folder goes as a whole.
    dispose: async () => {},
  };
}
