// Connects by whichever driver is installed. Nothing is sent before the first statement.
import type { PostgresClient } from 'storagebox/postgres';
import { type DriverCandidate, firstDriver, installedPackage } from '../driver.js';

export type Row = Readonly<Record<string, unknown>>;

/** Where a database is, as the driver was told. */
export interface Place {
  readonly host: string;
  readonly port: number;
}

/** Some connections to a database. */
export interface Connections {
  readonly driverName: string;
  /** For the repositories. */
  readonly client: PostgresClient;
  readonly place: Place;
  /** One statement. */
  query(sql: string, values?: readonly string[]): Promise<readonly Row[]>;
  /**
   * Looks from inside a transaction that only reads.
   *
   * @returns the number of the server's process, as it was told when the connection was made, and as it is
   */
  processes(): Promise<{ readonly told: number; readonly actual: number }>;
  close(): Promise<void>;
}

export interface PostgresDriver {
  readonly name: string;
  /** @param url `undefined`: what is in the environment, as for psql */
  connect(url: string | undefined): Connections;
}

/** For claims, which travel together, and for what is read beside them. */
const MAX_CONNECTIONS = 5;
const CONNECT_TIMEOUT_SECONDS = 10;
const APPLICATION_NAME = 'storagebox';
/** How long a statement that is under way may hold up the end of a command. */
const CLOSE_PATIENCE_MS = 1_000;

const CANDIDATES: readonly DriverCandidate<PostgresDriver>[] = [
  { name: 'pg', load: loadPg },
  { name: 'postgres', load: loadPostgresJs },
];

/** @throws CommandFailure when none is installed */
export function postgresDriver(): PostgresDriver {
  return firstDriver(
    CANDIDATES,
    'PostgreSQL',
    'Install one there: npm install pg, or npm install postgres.',
  );
}

const PROCESS_ID = 'select pg_backend_pid() as pid';

interface PgConnection {
  readonly processID: number;
  query(sql: string): Promise<{ readonly rows: readonly Row[] }>;
  release(error?: unknown): void;
}

interface PgPool {
  query(sql: string, values?: unknown[]): Promise<{ rows: Row[] }>;
  connect(): Promise<PgConnection>;
  end(): Promise<void>;
  on(event: 'error', listener: () => void): void;
}

interface Pg {
  readonly Pool: new (config: object) => PgPool;
  readonly Client: new (config: object) => Place;
}

function loadPg(): PostgresDriver | null {
  const pg = installedPackage<Pg>('pg');
  if (pg === null) return null;
  return {
    name: 'pg',
    connect: (url) => {
      const config = url === undefined ? {} : { connectionString: url };
      const pool = new pg.Pool({
        ...config,
        max: MAX_CONNECTIONS,
        application_name: APPLICATION_NAME,
        connectionTimeoutMillis: CONNECT_TIMEOUT_SECONDS * 1_000,
      });
      // A connection that breaks while nothing uses it is made again when it is needed.
      pool.on('error', () => {});
      const { host, port } = new pg.Client(config);
      return {
        driverName: 'pg',
        client: pool,
        place: { host, port },
        query: async (sql, values = []) => (await pool.query(sql, [...values])).rows,
        processes: () => processesOf(pool),
        close: () => orGiveUp(pool.end()),
      };
    },
  };
}

async function processesOf(pool: PgPool) {
  const connection = await pool.connect();
  let failure: unknown;
  try {
    await connection.query('begin read only');
    const { rows } = await connection.query(PROCESS_ID);
    await connection.query('rollback');
    return { told: connection.processID, actual: Number(rows[0]?.pid) };
  } catch (error) {
    failure = error;
    throw error;
  } finally {
    connection.release(failure);
  }
}

type PostgresJsRows = readonly Row[] & { readonly state: { readonly pid: number } };

interface PostgresJsSql {
  readonly options: { readonly host: readonly string[]; readonly port: readonly number[] };
  // biome-ignore lint/suspicious/noExplicitAny: the values are those of the caller
  unsafe(sql: string, values?: any[]): Promise<PostgresJsRows>;
  begin<Result>(options: string, body: (sql: PostgresJsSql) => Promise<Result>): Promise<Result>;
  end(options: { readonly timeout: number }): Promise<void>;
}

function loadPostgresJs(): PostgresDriver | null {
  const postgres = installedPackage<(...options: readonly unknown[]) => PostgresJsSql>('postgres');
  if (postgres === null) return null;
  return {
    name: 'postgres.js',
    connect: (url) => {
      const options = {
        max: MAX_CONNECTIONS,
        connect_timeout: CONNECT_TIMEOUT_SECONDS,
        connection: { application_name: APPLICATION_NAME },
        onnotice: () => {},
      };
      const sql = url === undefined ? postgres(options) : postgres(url, options);
      const [host = ''] = sql.options.host;
      const [port = 0] = sql.options.port;
      return {
        driverName: 'postgres.js',
        client: sql,
        place: { host, port },
        query: (text, values = []) => sql.unsafe(text, [...values]),
        processes: () =>
          sql.begin('read only', async (transaction) => {
            const rows = await transaction.unsafe(PROCESS_ID);
            return { told: rows.state.pid, actual: Number(rows[0]?.pid) };
          }),
        close: () => orGiveUp(sql.end({ timeout: CLOSE_PATIENCE_MS / 1_000 })),
      };
    },
  };
}

/** Whoever stops a command does not wait for a server that is silent. */
async function orGiveUp(ending: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, CLOSE_PATIENCE_MS);
  });
  await Promise.race([ending.catch(() => {}), patience]);
  clearTimeout(timer);
}
