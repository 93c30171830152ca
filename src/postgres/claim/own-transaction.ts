// The caller's own open transaction. A pool and a connection look alike to types, so the savepoint proves that a
// transaction is open where the statements go.
import { InvalidOptionError } from '../../contracts/errors.js';
import { assertClient, sendOn } from '../client.js';
import { errorFor, NO_OPEN_TRANSACTION, type StatementTables, sqlStateOf } from '../refusals.js';
import { type Session, sessionWithin } from '../session.js';

const SAVEPOINT = 'storagebox';

/** @throws InvalidOptionError when no transaction is open there */
export async function within<Result>(
  connection: object,
  names: StatementTables,
  body: (session: Session) => Promise<Result>,
): Promise<Result> {
  assertClient(connection, 'within');
  const send = sendOn(connection);
  try {
    await send(`savepoint ${SAVEPOINT}`);
  } catch (error) {
    throw sqlStateOf(error) === NO_OPEN_TRANSACTION
      ? noTransaction()
      : errorFor(error, names, false, 0);
  }
  const result = await body(sessionWithin(connection, names));
  await send(`release savepoint ${SAVEPOINT}`);
  return result;
}

function noTransaction(): InvalidOptionError {
  return new InvalidOptionError(
    'within',
    'Expected `within` to be the connection on which you began a transaction, got one without. Take a connection ' +
      'from the pool, send `begin` there, and pass that connection.',
  );
}
