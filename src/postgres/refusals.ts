// What PostgreSQL's errors mean, by their SQLSTATE. See "PostgreSQL Error Codes" in its documentation.
import {
  OutcomeUnknownError,
  ServiceUnreachableError,
  TableNotFoundError,
  TableSchemaError,
} from '../contracts/errors.js';
import { noteNothingWritten } from '../contracts/written.js';
import { ledgerNameOf } from './names.js';

/** Another transaction was in the way: `serialization_failure`, `deadlock_detected`, `lock_not_available`. */
const OBSTACLES: readonly string[] = ['40001', '40P01', '55P03'];
const LOCK_NOT_AVAILABLE = '55P03';
const UNDEFINED_TABLE = ['42P01', '3F000'];
/** A column is missing or of another type, or the key is: there is no such conflict target. */
const WRONG_SCHEMA = ['42703', '42804', '42883', '42P10', '428C9', '23502'];
export const NO_OPEN_TRANSACTION = '25P01';
/** There is none of the name on this connection, or there is one already. */
const PREPARED_ELSEWHERE = ['26000', '42P05'];

/** The connection ended while the statement was under way, maybe after its commit. */
const BROKEN_CONNECTION = /^(08...|57P0[12])$/;
/** The server took no connection. */
const NOT_CONNECTED = ['57P03', '08001', '08004'];

/** System calls that come before a connection is established. */
const CONNECTING = ['connect', 'getaddrinfo'];
/** How the drivers say that no connection was established. */
const UNCONNECTED_TEXT = /timeout (exceeded )?when trying to connect|CONNECT_TIMEOUT/;

export function sqlStateOf(error: unknown): string | null {
  const { code } = (error ?? {}) as { readonly code?: unknown };
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && /\d/.test(code) ? code : null;
}

/** A retry of the whole transaction may succeed. It wrote nothing. */
export function isObstacle(error: unknown): boolean {
  return OBSTACLES.includes(sqlStateOf(error) ?? '');
}

export function isLockTimeout(error: unknown): boolean {
  return sqlStateOf(error) === LOCK_NOT_AVAILABLE;
}

/** Whether a prepared statement met another connection than the one that prepared it. It was not run. */
export function isPreparedElsewhere(error: unknown): boolean {
  return PREPARED_ELSEWHERE.includes(sqlStateOf(error) ?? '');
}

/** Whether the server refused the statement, so that it wrote nothing. */
export function isRefusal(error: unknown): boolean {
  const state = sqlStateOf(error);
  return state !== null && !BROKEN_CONNECTION.test(state);
}

export interface StatementTables {
  readonly itemBankTableName: string | null;
  readonly deduplicationTableName: string | null;
}

/** Names of columns that only a bank has. */
const BANK_COLUMN = /"?(position|retired_at)"?/;

/** The error that the caller gets for what the driver threw. `isWrite`: the statement writes. */
export function errorFor(
  error: unknown,
  tables: StatementTables,
  isWrite: boolean,
  elapsedMs: number,
): unknown {
  if (isUnreachable(error)) return new ServiceUnreachableError({ cause: error });
  if (!isRefusal(error)) {
    const isOfDriver = isOfConnection(error);
    return isWrite && isOfDriver ? new OutcomeUnknownError(elapsedMs, { cause: error }) : error;
  }
  const state = sqlStateOf(error) as string;
  if (UNDEFINED_TABLE.includes(state)) return tableNotFound(error, tables);
  if (WRONG_SCHEMA.includes(state)) return wrongSchema(error, tables);
  noteNothingWritten(error);
  return error;
}

function isUnreachable(error: unknown): boolean {
  const { syscall, message, code, errors } = (error ?? {}) as {
    readonly syscall?: string;
    readonly message?: unknown;
    readonly code?: unknown;
    readonly errors?: unknown;
  };
  // One error for each address of a host.
  if (Array.isArray(errors) && errors.length > 0) return errors.every(isUnreachable);
  return (
    CONNECTING.includes(syscall ?? '') ||
    code === 'CONNECT_TIMEOUT' ||
    NOT_CONNECTED.includes(sqlStateOf(error) ?? '') ||
    UNCONNECTED_TEXT.test(String(message))
  );
}

/** Any error but those that a program makes by itself, such as a `TypeError`. */
function isOfConnection(error: unknown): boolean {
  return error instanceof Error && !(error instanceof TypeError) && !(error instanceof RangeError);
}

const PLACE = 'the database and its search_path';
const MAKE_THEM =
  'Run the SQL of itemBankTable() and deduplicationTable() there, or createTables().';

function tableNotFound(cause: unknown, tables: StatementTables): TableNotFoundError {
  const { message = '' } = cause as { readonly message?: string };
  const names = namesOf(tables);
  const named = names.filter((name) => message.includes(name));
  let missing = named.length === 1 ? named : names;
  const bank = tables.itemBankTableName;
  // A statement names the ledger first, which is made with its bank.
  if (bank !== null && message.includes(ledgerNameOf(bank))) missing = [bank, ledgerNameOf(bank)];
  return new TableNotFoundError(missing, PLACE, { cause, remedy: MAKE_THEM });
}

function wrongSchema(cause: unknown, tables: StatementTables): TableSchemaError {
  const { message = '' } = cause as { readonly message?: string };
  const { itemBankTableName, deduplicationTableName } = tables;
  const isOfBank = deduplicationTableName === null || BANK_COLUMN.test(message);
  const name = (isOfBank ? itemBankTableName : deduplicationTableName) ?? namesOf(tables)[0] ?? '';
  const [make, columns] =
    name === itemBankTableName
      ? ['itemBankTable()', 'item and position; of its ledger item and retired_at']
      : [
          'deduplicationTable()',
          'deduplication_id, item, item_bank, assigned_at, held_until, version',
        ];
  return new TableSchemaError(
    name,
    `the columns and the key of ${make}`,
    `a refusal (${sqlStateOf(cause)})`,
    {
      cause,
      remedy: `Compare its columns (${columns}) with the SQL of ${make}.`,
    },
  );
}

function namesOf({ itemBankTableName, deduplicationTableName }: StatementTables): string[] {
  return [deduplicationTableName, itemBankTableName].filter((name) => name !== null);
}
