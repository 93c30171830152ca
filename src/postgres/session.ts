// Sends the statements of this store. Each gives rows of one text, which is JSON: what a driver makes of other types
// is up to its settings.
import { MalformedReplyError, OutcomeUnknownError } from '../contracts/errors.js';
import { runtime } from '../environment/runtime.js';
import { type Driver, driverOf, type PostgresClient, sendOn } from './client.js';
import { errorFor, isObstacle, type StatementTables } from './refusals.js';

export interface Statement {
  readonly text: string;
  readonly isWrite: boolean;
  /** Of one that is prepared, where the driver and what is before the server can. No other statement has it. */
  readonly name?: string;
}

/** How long PostgreSQL waits for a lock before it refuses a statement, so that no call occupies a connection. */
const LOCK_TIMEOUT = '500ms';

/** A connection, or a pool of them, or an open transaction. */
export interface Session {
  /** For `PATIENCE`; `null` leaves the setting of the caller's own transaction alone. */
  readonly lockTimeout: string | null;
  /** An error ends it, so that no statement can be retried by itself. */
  readonly isTransaction: boolean;
  /**
   * The rows that the statement gives.
   *
   * @throws an obstacle as the driver threw it; all else as the caller should get it
   */
  ask<Row>(statement: Statement, values: readonly unknown[], waitMs?: number): Promise<Row[]>;
}

type Send = Driver['send'];

/** Outside of any transaction: each statement is one. */
export function sessionOf(client: PostgresClient, tables: StatementTables): Session {
  return sessionBy(driverOf(client).send, tables, LOCK_TIMEOUT, false);
}

/** In the caller's own transaction. */
export function sessionWithin(connection: PostgresClient, tables: StatementTables): Session {
  return sessionBy(sendOn(connection), tables, null, true);
}

/** In a transaction of its own; what the body throws rolls it back. */
export async function inTransaction<Result>(
  client: PostgresClient,
  tables: StatementTables,
  body: (session: Session, send: Send) => Promise<Result>,
): Promise<Result> {
  const startMs = runtime.nowMs();
  let thrown: { readonly error: unknown } | null = null;
  const run = async (send: Send) => {
    try {
      return await body(sessionBy(send, tables, LOCK_TIMEOUT, true), send);
    } catch (error) {
      thrown = { error };
      throw error;
    }
  };
  try {
    return await driverOf(client).transact(run);
  } catch (error) {
    // What the body threw is what the caller should get; the rest is of `begin` and `commit`.
    if (thrown !== null) throw (thrown as { readonly error: unknown }).error;
    if (isObstacle(error)) throw error;
    throw errorFor(error, tables, true, runtime.nowMs() - startMs);
  }
}

function sessionBy(
  send: Send,
  tables: StatementTables,
  lockTimeout: string | null,
  isTransaction: boolean,
): Session {
  return {
    lockTimeout,
    isTransaction,
    ask: async ({ text, isWrite, name }, values, waitMs) => {
      const startMs = runtime.nowMs();
      let rows: readonly unknown[];
      try {
        rows = await answered(send(text, values, name), isWrite, waitMs);
      } catch (error) {
        if (isObstacle(error)) throw error;
        throw errorFor(error, tables, isWrite, runtime.nowMs() - startMs);
      }
      return rows.map(contentOf) as never[];
    },
  };
}

/** Enough for any statement of this store, so that only a connection that is lost is given up. */
const MIN_ANSWER_MS = 2_000;

/** A driver without timeouts waits for ever. */
function answered<Rows>(answer: Promise<Rows>, isWrite: boolean, waitMs?: number): Promise<Rows> {
  if (waitMs === undefined) return answer;
  const limitMs = Math.max(MIN_ANSWER_MS, waitMs);
  return new Promise((resolve, reject) => {
    const disarm = runtime.after(limitMs, () => {
      const cause = new Error(`PostgreSQL did not answer within ${Math.round(limitMs)} ms.`);
      reject(isWrite ? new OutcomeUnknownError(limitMs, { cause }) : cause);
    });
    answer.then(resolve, reject).finally(disarm);
  });
}

function contentOf(row: unknown): unknown {
  const [content] = Object.values((row ?? {}) as object);
  if (content == null) throw new MalformedReplyError('a statement', 'its answer');
  // `explain` has JSON of its own, which some drivers parse.
  return typeof content === 'string' ? JSON.parse(content) : content;
}
