// The user's connection, whichever driver made it: taken by its shape, so that no driver is loaded.
import { InvalidOptionError } from '../contracts/errors.js';
import { assertOption, hasMethods } from '../contracts/validation.js';
import { runtime } from '../environment/runtime.js';
import { isPreparedElsewhere } from './refusals.js';

/** One connection, or a pool of them: a `Pool` or `Client` of `pg`, or PGlite. */
export interface PostgresQueryable {
  // biome-ignore lint/suspicious/noExplicitAny: what each driver allows is its own
  query(text: string, values?: any[]): Promise<{ rows: any[] }>;
}

/** The `sql` of postgres.js, or that of one of its transactions. */
export interface PostgresJsSql {
  // biome-ignore lint/suspicious/noExplicitAny: what each driver allows is its own
  unsafe(text: string, values?: any[]): PromiseLike<readonly any[]>;
}

/**
 * A `Pool` or a `Client` of `pg`, the `sql` of postgres.js, or PGlite. In a server, a pool: a single connection
 * serves one call after the other. Give it timeouts; the drivers wait forever by default.
 */
export type PostgresClient = PostgresQueryable | PostgresJsSql;

/**
 * Sends one statement and gives the rows as the driver gives them.
 *
 * @param name for a driver that prepares statements by their name
 */
type Send = (
  text: string,
  values?: readonly unknown[],
  name?: string,
) => Promise<readonly unknown[]>;

/** Runs the body on one connection between `begin` and `commit`; if it throws, rolls back. */
type Transact = <Result>(body: (send: Send) => Promise<Result>) => Promise<Result>;

/** What the store needs of a driver. */
export interface Driver {
  readonly send: Send;
  readonly transact: Transact;
}

const BEGIN = 'begin isolation level read committed';

export function assertClient(client: unknown, option = 'client'): asserts client is PostgresClient {
  assertOption(
    isPostgresJs(client) || hasMethods(client, 'query'),
    option,
    'a Pool or Client of pg, the sql of postgres.js, or PGlite',
    client,
    "Make one with new Pool({ connectionString }) from 'pg', for example.",
  );
}

const drivers = new WeakMap<object, Driver>();

/** Always the same for a client, because calls on a single connection have to wait for each other. */
export function driverOf(client: PostgresClient): Driver {
  const driver = drivers.get(client) ?? newDriver(client);
  drivers.set(client, driver);
  return driver;
}

/** Sends on the connection as it is, whatever is open on it. */
export function sendOn(connection: PostgresClient): Send {
  if (isPostgresJs(connection)) {
    return async (text, values = []) => connection.unsafe(text, [...values]);
  }
  return async (text, values = []) => (await connection.query(text, [...values])).rows;
}

/** For the caller's own writes: the same whichever driver it is. */
export function queryableOf(send: Send): PostgresQueryable {
  return { query: async (text, values) => ({ rows: [...(await send(text, values))] }) };
}

function newDriver(client: PostgresClient): Driver {
  if (isPostgresJs(client)) return driverOfPostgresJs(client);
  if (isPool(client)) return driverOfPool(client);
  if (isPglite(client)) return driverOfPglite(client);
  return driverOfConnection(client);
}

function driverOfPostgresJs(sql: PostgresJsSql & Partial<PostgresJsRoot>): Driver {
  return {
    send: sendOn(sql),
    transact: async (body) => {
      if (sql.begin === undefined) throw noRoot();
      return sql.begin('isolation level read committed', (transaction) =>
        body(sendOn(transaction)),
      );
    },
  };
}

interface PostgresJsRoot {
  begin<Result>(
    options: string,
    body: (transaction: PostgresJsSql) => Promise<Result>,
  ): Promise<Result>;
}

function noRoot(): InvalidOptionError {
  return new InvalidOptionError(
    'client',
    'Expected `client` to be the `sql` that postgres() gave, got one of a transaction. Pass a transaction as ' +
      '`within`.',
  );
}

interface PostgresPool extends PostgresQueryable {
  query(text: string, values?: unknown[]): Promise<{ rows: unknown[] }>;
  query(prepared: {
    readonly name: string;
    readonly text: string;
    readonly values: readonly unknown[];
  }): Promise<{ rows: unknown[] }>;
  /** Unlike a promise, a callback runs before the next message of the server is read. */
  connect(callback: (error: Error | undefined, connection?: PooledConnection) => void): void;
}

interface PooledConnection extends PostgresQueryable {
  release(error?: unknown): void;
  on(event: 'error', listener: () => void): unknown;
  off(event: 'error', listener: () => void): unknown;
}

/** With an ear for "error" from the first moment on: without one, a connection that breaks ends the process. */
function takeConnection(pool: PostgresPool): Promise<PooledConnection> {
  return new Promise((resolve, reject) => {
    pool.connect((error, connection) => {
      if (connection === undefined) {
        reject(error);
        return;
      }
      connection.on('error', ignore);
      resolve(connection);
    });
  });
}

/** The statement under way, or the next one, says what failed. */
function ignore(): void {}

/** A prepared statement that takes longer may have the plan of a table that was small when it was planned. */
const SLOW_MS = 25;
/** Within that time PostgreSQL's autovacuum sees that the table has grown, and the plan is renewed. */
const REPLANNED_MS = 120_000;

/**
 * Prepares the statements that have a name, once for each connection of the pool: planning takes most of their time.
 * Behind a pooler that gives each statement another connection, the server refuses them before it runs anything;
 * from then on they are sent like the others.
 */
function preparedOn(pool: PostgresPool): Send {
  const send = sendOn(pool);
  let unpreparedUntilMs = 0;
  return async (text, values = [], name) => {
    const startMs = runtime.nowMs();
    if (name === undefined || startMs < unpreparedUntilMs) return send(text, values);
    try {
      const { rows } = await pool.query({ name, text, values });
      const endMs = runtime.nowMs();
      if (endMs - startMs > SLOW_MS) unpreparedUntilMs = endMs + REPLANNED_MS;
      return rows;
    } catch (error) {
      if (!isPreparedElsewhere(error)) throw error;
      unpreparedUntilMs = Number.POSITIVE_INFINITY;
      return send(text, values);
    }
  };
}

function driverOfPool(pool: PostgresPool): Driver {
  return {
    send: preparedOn(pool),
    transact: async (body) => {
      const connection = await takeConnection(pool);
      let fault: unknown;
      try {
        return await between(sendOn(connection), body, (error) => {
          fault = error;
        });
      } finally {
        connection.off('error', ignore);
        // A connection that could not be rolled back is of no use to the next call.
        connection.release(fault);
      }
    },
  };
}

interface Pglite extends PostgresQueryable {
  transaction<Result>(body: (transaction: PostgresQueryable) => Promise<Result>): Promise<Result>;
}

function driverOfPglite(pglite: Pglite): Driver {
  return {
    send: sendOn(pglite),
    transact: (body) => pglite.transaction((transaction) => body(sendOn(transaction))),
  };
}

/** Statements of other calls wait while a transaction is open. */
function driverOfConnection(connection: PostgresQueryable): Driver {
  const send = sendOn(connection);
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <Result>(action: () => Promise<Result>): Promise<Result> => {
    const turn = last.then(action, action);
    last = turn.catch(() => {});
    return turn;
  };
  return {
    send: (text, values) => inTurn(() => send(text, values)),
    transact: (body) => inTurn(() => between(send, body, () => {})),
  };
}

async function between<Result>(
  send: Send,
  body: (send: Send) => Promise<Result>,
  onFault: (error: unknown) => void,
): Promise<Result> {
  await send(BEGIN).catch((error: unknown) => {
    onFault(error);
    throw error;
  });
  try {
    const result = await body(send);
    await send('commit');
    return result;
  } catch (error) {
    await send('rollback').catch(onFault);
    throw error;
  }
}

// The `sql` of postgres.js is a function with methods.
function isPostgresJs(client: unknown): client is PostgresJsSql {
  const { unsafe } = (client ?? {}) as { readonly unsafe?: unknown };
  return typeof unsafe === 'function';
}

function isPool(client: object): client is PostgresPool {
  return hasMethods(client, 'connect') && typeof Reflect.get(client, 'totalCount') === 'number';
}

function isPglite(client: object): client is Pglite {
  return hasMethods(client, 'transaction');
}
