// The caller's own writes, in the same transaction.
import { AlongsideRefusedError, OutcomeUnknownError } from '../../contracts/errors.js';
import { assertOption } from '../../contracts/validation.js';
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
  assertOption(
    typeof write === 'function',
    'alongside',
    'a function that returns a function',
    write,
    'On PostgreSQL, return an async function that takes a client and sends its statements there.',
  );
  const startMs = runtime.nowMs();
  await send(`savepoint ${SAVEPOINT}`);
  try {
    await write(queryableOf(send));
    // Refused if one of its statements was, even if it did not say so, or if it ended the transaction.
    await send(`release savepoint ${SAVEPOINT}`);
  } catch (error) {
    if (isObstacle(error)) throw error;
    if (sqlStateOf(error) === NO_OPEN_TRANSACTION) {
      throw new OutcomeUnknownError(runtime.nowMs() - startMs, { cause: error });
    }
    const isOfConnection = sqlStateOf(error) !== null && !isRefusal(error);
    if (isOfConnection) throw error;
    throw new AlongsideRefusedError([error], { cause: error });
  }
}
