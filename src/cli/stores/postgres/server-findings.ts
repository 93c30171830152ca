// What the server does to the promises: its version and role, and what a crash or a failover of it can take back.
import { fault, ok, unknown, warning } from '../findings.js';
import type { Finding } from '../store.js';
import type { Row } from './connection.js';
import { describeFailure } from './failures.js';
import { query, type Tables } from './tables.js';

/** `as materialized`. */
const MIN_VERSION = 120_000;
/** A dump takes minutes. After that, dead rows begin to slow claims down. */
const MAX_SNAPSHOT_AGE_SECONDS = 600;
/** For an operator, and for what takes over. */
const MIN_FREE_CONNECTIONS = 10;

const SERVER = `select
  current_setting('server_version') as version,
  current_setting('server_version_num') as version_number,
  current_database() as database, current_user as role,
  pg_is_in_recovery() as is_replica,
  current_setting('transaction_read_only') as is_read_only,
  current_setting('fsync') as fsync,
  current_setting('full_page_writes') as full_page_writes,
  current_setting('synchronous_commit') as synchronous_commit,
  current_setting('synchronous_standby_names') as standby_names,
  (select count(*)::text from pg_stat_replication) as standbys,
  current_setting('default_transaction_isolation') as isolation,
  current_setting('autovacuum') as autovacuum,
  current_setting('max_connections') as max_connections,
  current_setting('superuser_reserved_connections') as reserved_connections,
  (select sum(numbackends)::text from pg_stat_database) as used_connections,
  pg_has_role(current_user, 'pg_read_all_stats', 'usage') as sees_activity,
  (select max(extract(epoch from now() - xact_start))::bigint::text from pg_stat_activity
    where backend_xmin is not null and pid <> pg_backend_pid() and backend_type = 'client backend'
  ) as oldest_snapshot_seconds`;

export async function* serverFindings(tables: Tables): AsyncGenerator<Finding, void, void> {
  const [row = {}] = await query(tables, SERVER);
  const primary = primaryFinding(row);
  yield versionFinding(row);
  yield primary;
  yield await poolerFinding(tables);
  yield* durabilityFindings(row);
  yield standbyFinding(row);
  yield isolationFinding(row);
  yield* vacuumFindings(row);
  yield connectionFinding(row);
}

function versionFinding({ version, version_number: number, database, role }: Row): Finding {
  const text = `PostgreSQL ${version}, database "${database}", role "${role}"`;
  if (Number(number) >= MIN_VERSION) return ok('server', text);
  return fault('server', `${text}: version 12 or later is needed`, 'Upgrade the server.');
}

function primaryFinding({ is_replica: isReplica, is_read_only: isReadOnly }: Row): Finding {
  if (isReplica === true) {
    return fault('primary', 'this server is a replica, which takes no writes', NAME_THE_PRIMARY);
  }
  if (isReadOnly === 'on') {
    const remedy = 'Set default_transaction_read_only to off for this role and database.';
    return fault('primary', 'transactions only read by default', remedy);
  }
  return ok('primary', 'this server takes writes');
}

const NAME_THE_PRIMARY = 'Name the primary in --store.';

/** A pooler tells a number of its own for the process that serves the connection. */
async function poolerFinding({ connections }: Tables): Promise<Finding> {
  try {
    const { told, actual } = await connections.processes();
    if (told === actual)
      return ok('pooler', 'none is between: the connection is that of the server');
    return ok('pooler', 'one is between, such as PgBouncer, and lets transactions pass');
  } catch (error) {
    // PgBouncer, where each statement may go to another connection.
    const { message = '' } = error as { readonly message?: string };
    if (/statement pooling/.test(message)) {
      return fault(
        'pooler',
        'one is between that pools statements: there are no transactions',
        'Let it pool transactions or sessions (pool_mode of PgBouncer).',
      );
    }
    if (describeFailure(error) === null) throw error;
    return unknown('pooler', 'no transaction could be opened to see whether one is between');
  }
}

function* durabilityFindings(row: Row): Generator<Finding, void, void> {
  const subject = 'durability';
  const { fsync, full_page_writes: pages, synchronous_commit: commit } = row;
  if (fsync === 'off') {
    const remedy = 'Set fsync = on, and look at the data: a crash may have damaged it already.';
    yield fault(subject, 'fsync is off: a crash can take back or damage everything', remedy);
  }
  if (pages === 'off') {
    const message = 'full_page_writes is off: a crash in the middle of a page can damage it';
    const remedy = 'Set full_page_writes = on, unless the file system writes whole pages.';
    yield warning(subject, message, remedy);
  }
  if (commit === 'off') {
    yield fault(
      subject,
      'synchronous_commit is off: a crash takes back what callers were told in its last moments',
      'Set synchronous_commit = on for the role and the database of each program.',
    );
  }
  if (fsync !== 'off' && pages !== 'off' && commit !== 'off') {
    const message = `fsync and full_page_writes are on, synchronous_commit is ${commit} for this role`;
    yield ok(subject, message);
  }
}

function standbyFinding(row: Row): Finding {
  const subject = 'standbys';
  const { standby_names: names, synchronous_commit: commit } = row;
  if (names !== '') {
    if (commit !== 'local' && commit !== 'off') {
      return ok(subject, `commits wait for synchronous standbys: ${names}`);
    }
    const message = `synchronous_commit is ${commit}, so commits wait for no standby: a failover takes them back`;
    return warning(subject, message, 'Set synchronous_commit = on.');
  }
  if (Number(row.standbys) > 0) {
    return warning(
      subject,
      `no standby is synchronous (${row.standbys} connected): a failover takes back the last claims`,
      'Set synchronous_standby_names, or do not fail over during a sale.',
    );
  }
  return ok(
    subject,
    'none is connected: without this server nothing is handed out, and a failover takes nothing back',
  );
}

function isolationFinding({ isolation }: Row): Finding {
  const message = `default_transaction_isolation is ${isolation}`;
  if (isolation === 'read committed') return ok('isolation', message);
  const remedy = 'Set it to read committed for the role of these programs.';
  return warning('isolation', `${message}: claims repeat more often, and are slower`, remedy);
}

/** Dead rows that cannot be cleaned up slow claims down. */
function* vacuumFindings(row: Row): Generator<Finding, void, void> {
  const { autovacuum, sees_activity: seesActivity } = row;
  if (autovacuum === 'off') {
    const message = 'autovacuum is off: dead rows slow claims down';
    yield warning('vacuum', message, 'Set autovacuum = on.');
  }
  if (seesActivity !== true) {
    yield unknown('snapshots', 'old ones: this needs a member of pg_read_all_stats');
    return;
  }
  const seconds = Number(row.oldest_snapshot_seconds ?? 0);
  if (seconds <= MAX_SNAPSHOT_AGE_SECONDS) {
    yield ok('snapshots', 'no transaction has kept one for more than 10 minutes');
    return;
  }
  const message = `a transaction has kept one for ${Math.floor(seconds / 60)} minutes: dead rows stay and slow claims down`;
  const remedy =
    'See xact_start in pg_stat_activity; end it by pg_terminate_backend(pid), and dump from a replica.';
  yield warning('snapshots', message, remedy);
}

function connectionFinding(row: Row): Finding {
  const [max, reserved, used] = [
    row.max_connections,
    row.reserved_connections,
    row.used_connections,
  ].map(Number) as [number, number, number];
  const free = Math.max(0, max - reserved - used);
  const message = `free: ${free} of ${max}`;
  if (free >= MIN_FREE_CONNECTIONS) return ok('connections', message);
  const remedy =
    'Raise max_connections, make the pools of the programs smaller, or put PgBouncer between.';
  return warning('connections', message, remedy);
}
