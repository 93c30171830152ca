// What the failures of SQLite and of its drivers mean. Loads none of them.
import { isStorageBoxError } from 'storagebox/core';
import { EXIT_CODES, type ExitCode } from '../../exit-codes.js';
import type { Failure } from '../../failures.js';
import { describeStoreError, RUN_AGAIN } from '../store-failures.js';

/** `null` for an error of which nothing is to be said in SQLite's words. */
export function describeFailure(error: unknown): Failure | null {
  if (isStorageBoxError(error)) {
    return describeStoreError(error, 'in this file', 'the path after "sqlite:"');
  }
  const code = primaryCodeOf(error);
  if (code === null) return null;
  const [name, message, remedy, exitCode] = CODES[code] ?? [`SQLITE_${code}`, ...OTHER];
  return { code: name, message: message.replace('%d', String(code)), remedy, exitCode };
}

/** Whether another connection is in the way, which passes. */
export function isBusy(error: unknown): boolean {
  const code = primaryCodeOf(error);
  return code === BUSY || code === LOCKED;
}

const BUSY = 5;
const LOCKED = 6;

type Words = readonly [code: string, message: string, remedy: string, exitCode: ExitCode];

const WHO_MAY_WRITE =
  'SQLite writes the file and two more beside it: whoever runs the command needs the permission to write ' +
  'the file and its folder, and the disk must not be mounted read-only.';

/** By the primary result code. See "Result and Error Codes" in SQLite's documentation. Their own messages are not
 * repeated: some quote what is in a table. */
const CODES: Readonly<Record<number, Words>> = {
  3: ['SQLITE_PERM', 'The database file may not be opened.', WHO_MAY_WRITE, EXIT_CODES.access],
  [BUSY]: [
    'SQLITE_BUSY',
    'The database is locked: another process is writing to it, or has left a transaction open.',
    RUN_AGAIN,
    EXIT_CODES.tryAgain,
  ],
  [LOCKED]: ['SQLITE_LOCKED', 'A table of the database is locked.', RUN_AGAIN, EXIT_CODES.tryAgain],
  8: ['SQLITE_READONLY', 'The database can only be read.', WHO_MAY_WRITE, EXIT_CODES.access],
  10: [
    'SQLITE_IOERR',
    'The disk did not read or write what it should.',
    'Look at the disk and its file system; "storagebox doctor" checks what is in the file.',
    EXIT_CODES.failed,
  ],
  11: [
    'SQLITE_CORRUPT',
    'The database file is damaged.',
    'Stop everything that uses it, keep a copy, and restore a backup: see "Recovering Data From A Corrupt ' +
      'SQLite Database" in the documentation of SQLite.',
    EXIT_CODES.setUp,
  ],
  13: [
    'SQLITE_FULL',
    'The disk of the database is full.',
    'Make room and run the same command again.',
    EXIT_CODES.setUp,
  ],
  14: [
    'SQLITE_CANTOPEN',
    'The database file cannot be opened.',
    `Check that its folder is there. ${WHO_MAY_WRITE}`,
    EXIT_CODES.setUp,
  ],
  26: [
    'SQLITE_NOTADB',
    'The file is not a SQLite database, or it is encrypted.',
    'Name another file after "sqlite:".',
    EXIT_CODES.setUp,
  ],
};

const OTHER = [
  'SQLite refused a statement with its result code %d.',
  '"storagebox doctor" checks the set-up.',
  EXIT_CODES.failed,
] as const;

/** The low byte says what has happened, the rest says where. */
const PRIMARY_CODE = 0xff;

const NAMES: Readonly<Record<string, number>> = {
  ERROR: 1,
  INTERNAL: 2,
  ABORT: 4,
  NOMEM: 7,
  INTERRUPT: 9,
  PROTOCOL: 15,
  SCHEMA: 17,
  CONSTRAINT: 19,
  MISMATCH: 20,
  MISUSE: 21,
  ...Object.fromEntries(
    Object.entries(CODES).map(([code, [name]]) => [name.slice('SQLITE_'.length), Number(code)]),
  ),
};

/** SQLite's result code; `null` if the error is not of SQLite. The drivers tell it in four ways. */
function primaryCodeOf(error: unknown): number | null {
  const {
    code,
    errcode,
    message = '',
  } = (error ?? {}) as {
    readonly code?: unknown;
    readonly errcode?: unknown;
    readonly message?: string;
  };
  if (typeof errcode === 'number') return errcode & PRIMARY_CODE;
  const [, name] = /^SQLITE_([A-Z]+)/.exec(String(code)) ?? [];
  if (name !== undefined) return NAMES[name] ?? 1;
  const [, opening] = /^ConnectionFailed\(".*: (\d+)"\)$/s.exec(message) ?? [];
  if (opening !== undefined) return Number(opening) & PRIMARY_CODE;
  return message === 'Cannot open database because the directory does not exist' ? 14 : null;
}
