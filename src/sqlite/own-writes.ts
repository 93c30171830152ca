// The caller's own writes, in the transaction of the call and in front of its writes: if they end that
// transaction, nothing of the call has been written.
import { AlongsideRefusedError, InvalidOptionError } from '../contracts/errors.js';
import { assertOwnWrite } from '../contracts/validation.js';
import type { SqliteConnection } from './connection.js';
import type { SqliteDatabase } from './driver.js';

/**
 * What a caller can have done in the same commit on SQLite: a function that gets the `database` of the
 * repositories and writes on it. If it throws, nothing is written, and the call throws `AlongsideRefusedError`
 * with what it threw as `cause`. It must not await, must not end or begin a transaction (savepoints are
 * allowed), and must leave the tables of the pair alone.
 */
export type SqliteWrite = (database: SqliteDatabase) => void;

/** It is gone if the own writes have ended the transaction, even if they have begun another one. */
const SAVEPOINT = 'storagebox_own_writes';

export function makeOwnWrites(
  { database }: SqliteConnection,
  write: SqliteWrite | undefined,
): void {
  if (write === undefined) return;
  assertOwnWrite(
    write,
    'With the pair on SQLite, return a function that writes on the database it gets, and throws to refuse.',
  );
  database.exec(`savepoint ${SAVEPOINT}`);
  const refusal = refusalOf(write, database);
  assertTransactionIsOpen(database);
  if (refusal !== null) throw refusal;
}

function refusalOf(write: SqliteWrite, database: SqliteDatabase): Error | null {
  try {
    const result: unknown = write(database);
    if (result === undefined || !isThenable(result)) return null;
    // What becomes of it is not ours to tell.
    Promise.resolve(result).catch(() => {});
    return new InvalidOptionError(
      'alongside',
      'Expected `alongside` to return a function that does not await, got one that returned a promise. The ' +
        'call wrote nothing. Read what it needs before the call, and write without `await`.',
    );
  } catch (cause) {
    return new AlongsideRefusedError([cause], { cause });
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { readonly then?: unknown } | null)?.then === 'function';
}

function assertTransactionIsOpen(database: SqliteDatabase): void {
  try {
    database.exec(`release ${SAVEPOINT}`);
  } catch {
    throw new InvalidOptionError(
      'alongside',
      'Expected `alongside` to return a function that leaves the transaction open, got one that ended it. The ' +
        'call wrote nothing; what the function wrote before may be there. Leave `commit`, `rollback` and `begin` ' +
        'to the package.',
    );
  }
}

/** A row that the call has just read has changed under it: only own writes can have done that. */
export function assertUntouched(isUntouched: boolean): void {
  if (isUntouched) return;
  throw new InvalidOptionError(
    'alongside',
    'Expected `alongside` to return a function that leaves the tables of the pair alone, got one that wrote to ' +
      'them. Nothing was written. Write to tables of your own.',
  );
}
