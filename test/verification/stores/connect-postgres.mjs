// A client as a server would make it: task.way says by which driver, and over what.
import pg from 'pg';
import postgres from 'postgres';

const POOL_SIZE = 8;
const FELLED_BY_DRIVER = 70;

// postgres.js writes to a connection that is gone, from a callback of its own, where nobody can catch it.
process.on('uncaughtException', (error) => {
  console.error(error);
  process.exit(String(error.stack).includes('node_modules/postgres/') ? FELLED_BY_DRIVER : 1);
});

/**
 * @param settings of the session, which a pooler refuses
 * @param timeoutsMs between which a statement may last: each connection draws its own
 */
export function connectPostgres({ driver, port, database, settings = {}, timeoutsMs }) {
  const place = { host: '127.0.0.1', port, user: 'postgres', database };
  if (driver === 'postgres') {
    return postgres({
      ...place,
      max: POOL_SIZE,
      connection: settings,
      connect_timeout: 10,
      prepare: false,
      fetch_types: false,
      onnotice: () => {},
      // Its own delays grow to 30 seconds after a server was away.
      backoff: () => 0.2,
    });
  }
  const options = Object.entries(settings)
    .map(([name, value]) => `-c ${name}=${String(value).replaceAll(' ', '\\ ')}`)
    .join(' ');
  const pool = new pg.Pool({
    ...place,
    max: POOL_SIZE,
    connectionTimeoutMillis: 10_000,
    ...(options === '' ? {} : { options }),
    ...(timeoutsMs === undefined ? {} : { onConnect: (client) => setTimeouts(client, timeoutsMs) }),
  });
  // A connection that breaks while nobody uses it: the pool makes another one.
  pool.on('error', () => {});
  return pool;
}

function setTimeouts(client, [leastMs, mostMs]) {
  const statementMs = Math.round(leastMs * (mostMs / leastMs) ** Math.random());
  const text = `set statement_timeout = ${statementMs}; set lock_timeout = ${Math.ceil(statementMs / 4)}`;
  return client.query(text);
}

/** A connection of a pool, with an ear for "error" from the first moment on: without one, a kill ends the process. */
export function takeConnection(pool) {
  return new Promise((resolve, reject) => {
    pool.connect((error, client) => {
      if (client === undefined) {
        reject(error);
        return;
      }
      client.off('error', ignore).on('error', ignore);
      resolve(client);
    });
  });
}

function ignore() {}
