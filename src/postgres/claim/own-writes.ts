// The caller's own writes, in the same transaction.
import { AlongsideRefusedError, OutcomeUnknownError } from '../../contracts/errors.js';
import { assertOwnWrite } from '../../contracts/validation.js';
import { noteNothingWritten } from '../../contracts/written.js';
import { runtime } from '../../environment/runtime.js';
import { type Driver, type PostgresQueryable, queryableOf } from '../client.js';
import { isObstacle, isRefusal, NO_OPEN_TRANSACTION, sqlStateOf } from '../refusals.js';

/**
 * What a caller can have done in the same transaction on PostgreSQL: a function that gets the connection on which
 * it is open, and sends statements there. If it throws, or one of its statements was refused, nothing is done, and
 * the call throws `AlongsideRefusedError` with that as `cause`. It must not end the transaction. When another
 * transaction was in the way, it is called again in a new one.
 */
export type PostgresWrite = (client: PostgresQueryable) => Promise<unknown>;

const SAVEPOINT = 'storagebox_own_writes';

export async function makeOwnWrites(
  send: Driver['send'],
  write: PostgresWrite | undefined,
): Promise<void> {
  if (write === undefined) return;
  assertOwnWrite(
    write,
    'On PostgreSQL, return an async function that takes a client and sends its statements there.',
  );
  const startMs = runtime.nowMs();
  let failure: { readonly error: unknown } | null = null;
  const noted: Driver['send'] = async (text, values) => {
    try {
      return await send(text, values);
    } catch (error) {
      failure ??= { error };
      throw error;
    }
  };
  await send(`savepoint ${SAVEPOINT}`);
  try {
    await write(queryableOf(noted));
    // Refused if one of its statements was, even if it did not say so, or if it ended the transaction.
    await noted(`release savepoint ${SAVEPOINT}`);
  } catch (error) {
    throw meaningOf(error, failure, runtime.nowMs() - startMs);
  }
}

/** @param failure the first one that the driver told, whatever the function made of it */
function meaningOf(
  thrown: unknown,
  failure: { readonly error: unknown } | null,
  elapsedMs: number,
): unknown {
  const { error } = failure ?? { error: null };
  if (isObstacle(error)) return error;
  if (sqlStateOf(error) === NO_OPEN_TRANSACTION) {
    return new OutcomeUnknownError(elapsedMs, { cause: error });
  }
  if (failure === null || isRefusal(error)) {
    return new AlongsideRefusedError([thrown], { cause: thrown });
  }
  // The connection broke before the commit was sent.
  noteNothingWritten(error);
  return error;
}
