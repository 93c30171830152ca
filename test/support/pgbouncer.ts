// PgBouncer in transaction mode, in front of a PostgreSQL.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { access, rm, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import {
  folderOf,
  lastingPort,
  unprivilegedAccount,
} from '../../examples/quickstart/postgres-server.js';

const REMEDY =
  'install PgBouncer ("pgbouncer" on the PATH), for example "apt-get install pgbouncer".';
/** Where Debian has it, which is on the PATH of root alone. */
const FURTHER_FOLDERS = ['/usr/sbin', '/usr/local/sbin'];
const MAX_START_ATTEMPTS = 5;

export interface PgBouncer {
  /** Of the same database as the server's URL; another database of the server by another path. */
  readonly url: string;
  stop(): Promise<void>;
}

/** On a free port of the loopback interface; each transaction gets any of few connections. */
export async function startPgBouncer(postgresUrl: string): Promise<PgBouncer> {
  const program = await findProgram();
  const account = await unprivilegedAccount();
  if (account === null) throw new Error('PgBouncer refuses root, and no other account works.');
  const home = await folderOf('storagebox-pgbouncer-', account);
  const configFile = join(home, 'pgbouncer.ini');
  let bouncer: ChildProcess | null = null;
  const endWithUs = () => {
    bouncer?.kill('SIGKILL');
    rmSync(home, { recursive: true, force: true });
  };
  process.once('exit', endWithUs);
  const stop = async () => {
    if (bouncer !== null) await end(bouncer);
    process.off('exit', endWithUs);
    await rm(home, { recursive: true, force: true });
  };
  let log = '';
  for (let attempt = 1; attempt <= MAX_START_ATTEMPTS; attempt++) {
    const port = await lastingPort();
    await writeFile(configFile, configFor(new URL(postgresUrl), port), { mode: 0o644 });
    bouncer = spawn(program, [configFile], {
      ...account,
      cwd: home,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    log = await logUntilUp(bouncer);
    if (log.includes(`listening on 127.0.0.1:${port}`) && bouncer.exitCode === null) {
      const url = new URL(postgresUrl);
      url.host = `127.0.0.1:${port}`;
      return { url: url.href, stop };
    }
    // Another process may have taken the port since it was found to be free.
    await end(bouncer);
  }
  await stop();
  throw new Error(`PgBouncer did not start: ${log.trim().slice(-1_000)}`);
}

function configFor(server: URL, port: number): string {
  const { hostname, port: serverPort, username, password } = server;
  const quoted = (text: string) => `'${decodeURIComponent(text).replaceAll("'", "''")}'`;
  const target = [
    `host=${hostname}`,
    `port=${serverPort || 5432}`,
    `user=${quoted(username)}`,
    ...(password === '' ? [] : [`password=${quoted(password)}`]),
  ];
  return [
    '[databases]',
    `* = ${target.join(' ')}`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${port}`,
    'unix_socket_dir =',
    'auth_type = any',
    'pool_mode = transaction',
    'default_pool_size = 8',
    'max_client_conn = 1000',
    '',
  ].join('\n');
}

/** What it said until it was up or had ended. It says itself on which port it listens. */
async function logUntilUp(bouncer: ChildProcess): Promise<string> {
  let log = '';
  await new Promise<void>((resolve) => {
    bouncer.once('error', (error) => {
      log += error.message;
      resolve();
    });
    bouncer.once('exit', () => resolve());
    // Read on until the end: a full pipe would stop it.
    bouncer.stderr?.setEncoding('utf8').on('data', (text: string) => {
      if (log.includes('process up')) return;
      log += text;
      if (log.includes('process up')) resolve();
    });
  });
  return log;
}

async function end(bouncer: ChildProcess): Promise<void> {
  if (bouncer.pid === undefined || bouncer.exitCode !== null || bouncer.signalCode !== null) return;
  const ended = once(bouncer, 'exit');
  bouncer.kill('SIGKILL');
  await ended;
}

async function findProgram(): Promise<string> {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...FURTHER_FOLDERS];
  for (const folder of folders) {
    const program = join(folder, 'pgbouncer');
    const isThere = await access(program).then(
      () => true,
      () => false,
    );
    if (isThere) return program;
  }
  throw new Error(`PgBouncer is not installed: ${REMEDY}`);
}
