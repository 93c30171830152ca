// Opens the file of the database by whichever driver is installed.
import { stat } from 'node:fs/promises';
import type { SqliteDatabase } from 'storagebox/sqlite';
import { EXIT_CODES } from '../../exit-codes.js';
import { CommandFailure } from '../../failures.js';
import { type DriverCandidate, firstDriver, installedPackage } from '../driver.js';
import { whileBusy } from './patience.js';

export interface OpenDatabase extends SqliteDatabase {
  close(): void;
}

/** A driver. None of them waits for locks by itself: that would stop the process. */
export interface SqliteDriver {
  readonly name: string;
  open(path: string): OpenDatabase;
}

type DatabaseClass = new (path: string, options?: object) => OpenDatabase;

const INSTALL_ONE =
  'Use Node.js 22.13 or later, which has SQLite inside; or install one there: npm install better-sqlite3, or ' +
  'npm install libsql.';

const NODE_SQLITE = 'node:sqlite';

const CANDIDATES: readonly DriverCandidate<SqliteDriver>[] = [
  { name: NODE_SQLITE, load: loadNodeSqlite },
  packageCandidate('better-sqlite3', { timeout: 0 }),
  packageCandidate('libsql', {}),
];

/** @throws CommandFailure when none is installed */
export function sqliteDriver(): SqliteDriver {
  return firstDriver(CANDIDATES, 'SQLite', INSTALL_ONE);
}

function loadNodeSqlite(): SqliteDriver | null {
  const module = withoutExperimentalWarning(
    () => process.getBuiltinModule?.(NODE_SQLITE) as { DatabaseSync: DatabaseClass } | undefined,
  );
  if (module === undefined) return null;
  const { DatabaseSync } = module;
  const name = `${NODE_SQLITE} of Node.js ${process.version}`;
  return { name, open: (path) => new DatabaseSync(path) };
}

/** Node.js says on standard error that SQLite is experimental, which is of no use to whoever runs a command. */
function withoutExperimentalWarning<Result>(load: () => Result): Result {
  const { emitWarning } = process;
  process.emitWarning = (warning: string | Error, ...details: unknown[]) => {
    const [kind] = details;
    if (kind !== 'ExperimentalWarning') Reflect.apply(emitWarning, process, [warning, ...details]);
  };
  try {
    return load();
  } finally {
    process.emitWarning = emitWarning;
  }
}

function packageCandidate(name: string, options: object): DriverCandidate<SqliteDriver> {
  return {
    name,
    load: () => {
      const Database = installedPackage<DatabaseClass>(name);
      if (Database === null) return null;
      // Its binary is loaded only now: it may be that of another Node.js.
      new Database(':memory:').close();
      return { name, open: (path) => new Database(path, options) };
    },
  };
}

/** @throws CommandFailure unless there is a file at the path */
export async function assertFileIsThere(path: string): Promise<void> {
  const found = await stat(path).catch((error: { readonly code?: string }) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
    throw error;
  });
  if (found?.isFile()) return;
  throw new CommandFailure({
    code: 'DATABASE_NOT_FOUND',
    message:
      found === null
        ? `There is no database file "${path}".`
        : `"${path}" is not a file, so it cannot be a database.`,
    remedy: 'Check the path after "sqlite:". "storagebox init" creates the file.',
    exitCode: EXIT_CODES.setUp,
  });
}

/** Without these the package refuses a connection. All but the journal mode are of this connection alone. */
const SETTINGS = 'pragma busy_timeout = 0; pragma synchronous = full; pragma journal_mode = wal';

/** @throws CommandFailure where there can be no write-ahead log */
export async function applySettings(database: SqliteDatabase, signal: AbortSignal): Promise<void> {
  const journalMode = await whileBusy(signal, () => {
    database.exec(SETTINGS);
    const row = database.prepare('pragma journal_mode').get();
    return (row as { readonly journal_mode?: unknown }).journal_mode;
  });
  if (journalMode === 'wal') return;
  throw new CommandFailure({
    code: 'NO_WRITE_AHEAD_LOG',
    message: 'SQLite cannot keep a write-ahead log beside this file.',
    remedy: 'Move the file to a disk of this machine: network file systems cannot do it.',
    exitCode: EXIT_CODES.setUp,
  });
}
