// What an error of a driver means. node:sqlite has SQLite's number in `errcode`, the others have a name in `code`.
import { TableNotFoundError, TableSchemaError } from '../contracts/errors.js';
import { noteNothingWritten } from '../contracts/written.js';
import { isSameTable, ledgerNameOf } from './driver.js';

interface DriverError {
  readonly message?: unknown;
  readonly code?: unknown;
  readonly errcode?: unknown;
}

/** The low byte of SQLite's result codes says what has happened, the others say where. */
const PRIMARY_CODE = 0xff;
const BUSY = 5;
const LOCKED = 6;
const CONSTRAINT = 19;

/** Another connection was in the way. Nothing has happened, and it passes. */
export function isBusy(error: unknown): boolean {
  return hasCode(error, BUSY, 'SQLITE_BUSY') || hasCode(error, LOCKED, 'SQLITE_LOCKED');
}

export function isConstraint(error: unknown): boolean {
  return hasCode(error, CONSTRAINT, 'SQLITE_CONSTRAINT');
}

function hasCode(error: unknown, number: number, name: string): boolean {
  const { code, errcode } = (error ?? {}) as DriverError;
  if (typeof errcode === 'number') return (errcode & PRIMARY_CODE) === number;
  return typeof code === 'string' && (code === name || code.startsWith(`${name}_`));
}

/** Whether SQLite, and not only the driver, has refused. Its messages quote no values. */
export function isOfSqlite(error: unknown): boolean {
  const { code, errcode } = (error ?? {}) as DriverError;
  return typeof errcode === 'number' || (typeof code === 'string' && code.startsWith('SQLITE_'));
}

export function isInsideTransaction(error: unknown): boolean {
  return messageOf(error).includes('cannot start a transaction within a transaction');
}

export function messageOf(error: unknown): string {
  return String(((error ?? {}) as DriverError).message);
}

const OTHER_SCHEMA =
  /no such column|has no column named|no such index|ON CONFLICT clause does not match|cannot store .* value in/;

const PLACE = 'the database of this connection';

const MAKE_THE_TABLE =
  'Create it with createTables(), or run the SQL of its definition in a migration; check that the connection ' +
  'leads to the right file.';

const COMPARE_THE_TABLE =
  'Compare the table with the SQL of itemBankTable() or deduplicationTable().';

/** The error to throw for a statement on that table which SQLite refused, and which wrote nothing. */
export function explainRefusal(cause: unknown, tableName: string): unknown {
  const message = messageOf(cause);
  const missing = /no such table: (?:main\.)?(.*)$/s.exec(message)?.[1];
  const ledgerName = ledgerNameOf(tableName);
  const isMissing = (name: string) => missing !== undefined && isSameTable(missing, name);
  if (isMissing(tableName) || isMissing(ledgerName)) {
    const names = isMissing(tableName) ? [tableName] : [tableName, ledgerName];
    return new TableNotFoundError(names, PLACE, { cause, remedy: MAKE_THE_TABLE });
  }
  if (OTHER_SCHEMA.test(message)) {
    const expected = 'the columns and the key of its definition';
    return new TableSchemaError(tableName, expected, `a refusal (${message})`, {
      cause,
      remedy: COMPARE_THE_TABLE,
    });
  }
  if (!isBusy(cause)) noteNothingWritten(cause);
  return cause;
}
