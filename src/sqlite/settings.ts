// The settings of a connection without which the promises do not hold. The package sets none of them: they are
// also those of whatever else uses the connection.
import { InvalidOptionError } from '../contracts/errors.js';
import { columnsOf, type SqliteDatabase } from './driver.js';

/** The driver waits so long for a lock inside the process, where nothing else can run meanwhile. */
const MAX_BUSY_TIMEOUT_MS = 100;

const FULL = 2;

interface Setting {
  readonly name: string;
  isRight(value: unknown): boolean;
  readonly statement: string;
}

const SETTINGS: readonly Setting[] = [
  {
    name: 'journal_mode',
    isRight: (value) => value === 'wal',
    statement: 'pragma journal_mode = wal',
  },
  {
    // With less, a power cut can take back what callers were told.
    name: 'synchronous',
    isRight: (value) => Number(value) >= FULL,
    statement: 'pragma synchronous = full',
  },
  {
    name: 'busy_timeout',
    isRight: (value) => Number(value) <= MAX_BUSY_TIMEOUT_MS,
    statement: 'pragma busy_timeout = 0',
  },
];

/**
 * Of a database in a file. One in memory, which tests may use, has nothing to lose and nobody to wait for.
 *
 * @throws InvalidOptionError with the statements to run
 */
export function assertSettings(database: SqliteDatabase): void {
  const files = database.prepare('pragma database_list').all().map(columnsOf);
  const isInFile = files.some(([, name, file]) => name === 'main' && file !== '' && file !== null);
  if (!isInFile) return;
  const wrong = SETTINGS.flatMap(({ name, isRight, statement }) => {
    const [row] = database.prepare(`pragma ${name}`).all();
    const value = row === undefined ? 'none' : columnsOf(row)[0];
    return isRight(value) ? [] : [{ got: `${name} = ${value}`, statement }];
  });
  if (wrong.length === 0) return;
  throw new InvalidOptionError(
    'database',
    'Expected `database` to be a connection with journal_mode = wal, synchronous = 2 (full) or 3 (extra), and ' +
      `busy_timeout of at most ${MAX_BUSY_TIMEOUT_MS} ms, got ${wrong.map(({ got }) => got).join(', ')}. ` +
      `Run on it, after it is opened: ${wrong.map(({ statement }) => `${statement};`).join(' ')}`,
  );
}
