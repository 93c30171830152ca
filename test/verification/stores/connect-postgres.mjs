// A client as a server would make it: task.way says by which driver, and over what.
import pg from 'pg';
import postgres from 'postgres';

const POOL_SIZE = 8;

/** @param settings of the session, which a pooler refuses */
export function connectPostgres({ driver, port, database, settings = {} }) {
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
  });
  // A connection that breaks while nobody uses it: the pool makes another one.
  pool.on('error', () => {});
  return pool;
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
