// What is wrong with a PostgreSQL set-up: drivers, servers, tables, and what doctor and failures say of them.
import { once } from 'node:events';
import { cp, mkdir, rm, symlink } from 'node:fs/promises';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Row } from '../../src/cli/stores/postgres/connection.js';
import { describeFailure } from '../../src/cli/stores/postgres/failures.js';
import { serverFindings } from '../../src/cli/stores/postgres/server-findings.js';
import type { Tables } from '../../src/cli/stores/postgres/tables.js';
import {
  BuiltCommandLine,
  type BuiltProgram,
  buildProgram,
  ended,
} from '../support/built-command-line.js';
import { ROOT } from '../support/packed-package.js';
import { type DatabaseStore, withItems } from './database-store.js';
import { inDatabase, postgresStore } from './postgres-store.js';

let built: BuiltProgram;
let silentUrl: string;
let noteConnection = () => {};
beforeAll(async () => {
  built = await buildProgram();
  silentUrl = await serverThat(() => noteConnection());
});
afterAll(() => rm(join(built.folder, '..'), { recursive: true }));

const stores: DatabaseStore[] = [];
afterEach(async () => {
  for (const store of stores.splice(0)) await store.dispose();
});

async function newStore(...items: readonly string[]): Promise<DatabaseStore> {
  const store = await postgresStore(built);
  stores.push(store);
  return withItems(store, items);
}

async function findingsOf({ cli }: DatabaseStore, ...args: readonly string[]) {
  const { stdout, exitCode } = await cli.run(['doctor', '--json', ...args]);
  const { findings } = JSON.parse(stdout) as { findings: Record<string, string>[] };
  // Other tests use the same server.
  const notOk = findings
    .filter(({ level, subject }) => level !== 'ok' && subject !== 'connections')
    .map(({ level, subject, message }) => `${level} ${subject}: ${message}`);
  return { findings, notOk, exitCode };
}

/** Listens on a port of its own until the test file ends. */
async function serverThat(greet: (socket: Socket) => void): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    greet(socket);
  });
  server.listen(0, '127.0.0.1').unref();
  await once(server, 'listening');
  return `postgres://ann:hunter2@127.0.0.1:${(server.address() as AddressInfo).port}/sale`;
}

/** A server that refuses each connection with this SQLSTATE. */
function serverThatRefuses(sqlState: string): Promise<string> {
  return serverThat((socket) => {
    socket.once('data', () => {
      const fields = ['SFATAL', 'VFATAL', `C${sqlState}`, 'Minjected', ''].join('\0');
      const head = Buffer.alloc(5);
      head.write('E');
      head.writeInt32BE(fields.length + 4 + 1, 1);
      socket.end(Buffer.concat([head, Buffer.from(`${fields}\0`)]));
    });
  });
}

function commandLine(url: string): BuiltCommandLine {
  return new BuiltCommandLine(built.folder, built.program, { STORAGE_BOX_STORE: url });
}

describe('a server', () => {
  test.each([
    ['28P01', 5],
    ['28000', 5],
    ['3D000', 4],
    ['53300', 7],
    ['57P03', 7],
  ])('that refuses with %s ends with %i, and no password is printed', async (state, exitCode) => {
    const cli = commandLine(await serverThatRefuses(state));
    for (const command of [['status'], ['fetch', 'SECRET-ID'], ['init']]) {
      const end = await cli.run(command);
      expect({ command, exitCode: end.exitCode }).toEqual({ command, exitCode });
      expect(end.stderr).toMatch(/^storagebox: .*\n {2}remedy: .*\n$/);
      expect(end.stderr).not.toMatch(/hunter2|SECRET/);
    }
    const doctor = await cli.run(['doctor']);
    expect(doctor.stdout).toMatch(/^fault {4}server /m);
    expect(doctor.stdout).not.toContain('hunter2');
    expect(doctor.exitCode).toBe(4);
  });

  test('that is not there ends with 7', async () => {
    const cli = commandLine('postgres://ann:hunter2@127.0.0.1:1/sale');
    const { stderr, exitCode } = await cli.run(['status']);
    expect(stderr).toBe(
      'storagebox: PostgreSQL cannot be reached: connect ECONNREFUSED 127.0.0.1:1.\n' +
        '  remedy: Check the URL of --store, the server and the network, then run the same command again.\n',
    );
    expect(exitCode).toBe(7);
  });

  test('whose database is missing ends with 4', async () => {
    const { url } = await newStore();
    const { stderr, exitCode } = await commandLine(inDatabase(url, 'no_such_database')).run([
      'init',
    ]);
    expect(stderr).toContain('database "no_such_database" does not exist');
    expect(exitCode).toBe(4);
  });

  test.each([
    ['postgres:sale'],
    ['postgres://ann:hunter%zz2@127.0.0.1/sale'],
    ['postgresql://ann:hunter2@127.0.0.1:port/sale'],
  ])('is named by a URL: %s', async (url) => {
    for (const args of [['status'], ['doctor'], ['status', '--json']]) {
      const { stdout, stderr, exitCode } = await commandLine(url).run(args);
      expect(stderr).toContain('The URL of PostgreSQL cannot be read.');
      expect(stdout + stderr).not.toMatch(/hunter/);
      expect(exitCode).toBe(2);
    }
  });

  test('can be named by the environment alone', async () => {
    const { cli, url } = await newStore('A-1');
    const { hostname, port, username, pathname } = new URL(url);
    const env = {
      STORAGE_BOX_STORE: 'postgres',
      PGHOST: hostname,
      PGPORT: port,
      PGUSER: decodeURIComponent(username),
      PGDATABASE: pathname.slice(1),
      PGPASSWORD: decodeURIComponent(new URL(url).password),
    };
    expect((await cli.run(['fetch', 'ann'], { env })).stdout).toBe('A-1\n');
    const alias = url.replace(/^postgres(ql)?:/, 'postgresql:');
    expect((await cli.run(['fetch', 'ann', '--store', alias])).stdout).toBe('A-1\n');
  });

  test.each([
    ['init'],
    ['doctor'],
    ['status'],
    ['audit'],
    ['export'],
    ['fetch', 'ann'],
    ['assign', '-'],
    ['release', 'ann', '--yes'],
    ['release-expired'],
  ])('that is silent holds up nobody who presses Ctrl-C: %s', async (...args) => {
    const connected = new Promise<void>((resolve) => {
      noteConnection = resolve;
    });
    const child = commandLine(silentUrl).start(args);
    const end = ended(child);
    await Promise.race([connected, end]);
    child.kill('SIGINT');
    expect(await end).toMatchObject({
      stderr: expect.stringMatching(/^storagebox: Stopped by SIGINT\./),
      exitCode: 130,
    });
  });
});

describe('doctor', () => {
  test('finds nothing in what init made', async () => {
    const { notOk, findings, exitCode } = await findingsOf(await newStore('A-1'));
    expect({ notOk, exitCode }).toEqual({ notOk: expect.any(Array), exitCode: 0 });
    expect(findings.map(({ subject }) => subject)).toEqual([
      'driver',
      'server',
      'primary',
      'pooler',
      expect.stringMatching(/durability/),
      'standbys',
      'isolation',
      'snapshots',
      'connections',
      'item bank',
      'item bank',
      'item bank',
      'ledger',
      'ledger',
      'deduplication table',
      'deduplication table',
      'deduplication table',
      'ledger',
    ]);
  });

  test('finds settings of the role and the database', async () => {
    const store = await newStore();
    const name = new URL(store.url).pathname.slice(1);
    const settings = {
      synchronous_commit: 'off',
      default_transaction_isolation: "'repeatable read'",
    };
    for (const [setting, value] of Object.entries(settings)) {
      await store.run(`alter database ${name} set ${setting} = ${value}`);
    }
    const { notOk, exitCode } = await findingsOf(store);
    expect(notOk).toContain(
      'fault durability: synchronous_commit is off: a crash takes back what callers were told in its last moments',
    );
    expect(notOk).toContain(
      'warning isolation: default_transaction_isolation is repeatable read: claims repeat more often, and are slower',
    );
    expect(exitCode).toBe(4);
  });

  test('finds a database that only reads, as the other commands do', async () => {
    const store = await newStore('A-1');
    const name = new URL(store.url).pathname.slice(1);
    await store.run(`alter database ${name} set default_transaction_read_only = on`);
    expect((await findingsOf(store)).notOk).toContain(
      'fault primary: transactions only read by default',
    );
    const { stderr, exitCode } = await store.cli.run(['fetch', 'ann']);
    expect(stderr).toContain('This server takes no writes');
    expect(exitCode).toBe(4);
  });

  test('takes names of 63 bytes, of a bank with what its ledger adds', async () => {
    const store = await newStore();
    const named = (bank: number, ids: number) => [
      ...['--item-bank-table', 'b'.repeat(bank)],
      ...['--deduplication-table', 'i'.repeat(ids)],
    ];
    expect((await store.cli.run(['init', ...named(56, 63)])).exitCode).toBe(0);
    expect((await findingsOf(store, ...named(56, 63))).exitCode).toBe(0);
    for (const [bank, ids] of [
      [57, 63],
      [56, 64],
    ] as const) {
      const { stderr, exitCode } = await store.cli.run(['status', ...named(bank, ids)]);
      expect(stderr).toMatch(/63 bytes/);
      expect(exitCode).toBe(2);
    }
  });

  test('an index of some of the rows is not enough for the bank, nor one of all rows for holds', async () => {
    const store = await newStore();
    await store.run(`do $$ declare name text; begin
      for name in select indexrelid::regclass from pg_index where indrelid = any (array['${store.bank}', '${store.assignments}']::regclass[]) and not indisprimary loop
        execute 'drop index ' || name;
      end loop; end $$`);
    await store.run(`create index on ${store.bank} (position) where position > 0`);
    await store.run(`create index on ${store.assignments} (held_until)`);
    const { notOk } = await findingsOf(store);
    expect(notOk.filter((text) => text.includes('has no index'))).toHaveLength(2);
  });

  test('finds indexes that are missing, and tells how to make them', async () => {
    const store = await newStore();
    await store.run(`do $$ declare name text; begin
      for name in select indexrelid::regclass from pg_index where indrelid = any (array['${store.bank}', '${store.assignments}']::regclass[]) and not indisprimary loop
        execute 'drop index ' || name;
      end loop; end $$`);
    const { findings, exitCode } = await findingsOf(store);
    const missing = findings.filter(({ message = '' }) => message.startsWith('has no index'));
    expect(missing.map(({ level, subject, message }) => `${level} ${subject}: ${message}`)).toEqual(
      [
        'warning item bank: has no index on position: each claim reads the whole table',
        'warning deduplication table: has no index on held_until: each release-expired reads the whole table',
      ],
    );
    expect(exitCode).toBe(0);
    for (const { remedy } of missing) await store.run(String(remedy));
    expect((await findingsOf(store)).findings.map(({ message }) => message).join()).not.toContain(
      'has no index',
    );
  });

  test.each([
    [
      'a collation of its own',
      'alter table BANK alter column item type text collate "und-x-icu"',
      'fault item bank: "storage_box_item_bank" compares item by the collation "und-x-icu", expected "C"',
    ],
    [
      'no key',
      'alter table BANK drop constraint storage_box_item_bank_pkey',
      'fault item bank: "storage_box_item_bank" does not have the primary key (item)',
    ],
    [
      'a column that is missing',
      'alter table BANK_ledger drop column retired_at',
      'fault ledger: "storage_box_item_bank_ledger" lacks the column retired_at timestamp with time zone',
    ],
    [
      'no ledger',
      'drop table BANK_ledger',
      'fault ledger: "storage_box_item_bank_ledger" does not exist',
    ],
    [
      'no log',
      'alter table BANK set unlogged',
      'fault item bank: is unlogged or temporary: a crash empties it',
    ],
    [
      'autovacuum off',
      'alter table BANK set (autovacuum_enabled = false)',
      'warning item bank: autovacuum is off for it: dead rows slow claims down',
    ],
  ])('finds a table with %s', async (_, change, expected) => {
    const store = await newStore();
    await store.run(change.replace('BANK', store.bank));
    const { notOk, exitCode } = await findingsOf(store);
    expect(notOk).toContain(expected);
    expect(exitCode).toBe(expected.startsWith('fault') ? 4 : 0);
  });

  test('finds what a role may not do, and rows that are hidden from it', async () => {
    const store = await newStore('A-1');
    const role = `role_${new URL(store.url).pathname.slice(1)}`;
    await store.run(`create role ${role} login password 'a password'`);
    try {
      const url = new URL(inDatabase(store.url, new URL(store.url).pathname.slice(1), role));
      url.password = 'a password';
      const cli = new BuiltCommandLine(built.folder, built.program, {
        STORAGE_BOX_STORE: url.href,
      });
      const limited = { ...store, cli };
      const messages = async () => (await findingsOf(limited)).notOk;
      expect(await messages()).toContain(
        'fault item bank: not permitted: select (to claim, to count and to list), insert (to add and to release), update (to lock what is claimed), delete (to claim)',
      );
      const refused = await cli.run(['status']);
      expect(refused.stderr).toContain('permission denied for table');
      expect(refused.exitCode).toBe(5);
      await store.run(`grant select, insert, update, delete on ${store.bank} to ${role}`);
      await store.run(`grant select, insert, update on ${store.bank}_ledger to ${role}`);
      // A role that may not read the assignments may add items.
      const added = await cli.run(['add', '-'], { input: 'A-2\n' });
      expect(added).toMatchObject({
        stdout: '1 read: 1 added, 0 already known, 0 repeats\n',
        stderr: expect.stringContaining('Could not check that the ledger was filled'),
      });
      await store.run(`grant select, insert, update, delete on ${store.assignments} to ${role}`);
      expect((await messages()).filter((text) => text.startsWith('fault'))).toEqual([]);
      expect(await messages()).toContain(
        'unknown snapshots: old ones: this needs a member of pg_read_all_stats',
      );
      await store.run(`alter table ${store.bank} enable row level security`);
      expect(await messages()).toContain(
        'fault item bank: row level security hides rows from this role: what is hidden counts as missing',
      );
    } finally {
      await store.run(`drop owned by ${role}`);
      await store.run(`drop role ${role}`);
    }
  });
});

describe('of what a server says of itself', () => {
  const RIGHT: Row = {
    version: '15.4',
    version_number: '150004',
    database: 'sale',
    role: 'ann',
    is_replica: false,
    is_read_only: 'off',
    fsync: 'on',
    full_page_writes: 'on',
    synchronous_commit: 'on',
    standby_names: '',
    standbys: '0',
    isolation: 'read committed',
    autovacuum: 'on',
    max_connections: '100',
    reserved_connections: '3',
    used_connections: '10',
    sees_activity: true,
    oldest_snapshot_seconds: null,
  };
  const DIRECT = async () => ({ told: 7, actual: 7 });

  async function notOk(row: Row, processes: () => Promise<object> = DIRECT) {
    const { signal } = new AbortController();
    const connections = { query: async () => [{ ...RIGHT, ...row }], processes };
    const found: string[] = [];
    for await (const finding of serverFindings({ connections, signal } as unknown as Tables)) {
      const { level, subject, message, remedy } = finding;
      expect(remedy !== null).toBe(level === 'warning' || level === 'fault');
      if (level !== 'ok') found.push(`${level} ${subject}: ${message}`);
    }
    return found;
  }

  test('what is right is told as right', async () => {
    expect(await notOk({})).toEqual([]);
    expect(await notOk({ standby_names: 'FIRST 1 (a)', standbys: '1' })).toEqual([]);
    expect(await notOk({ oldest_snapshot_seconds: '600' })).toEqual([]);
    expect(await notOk({}, async () => ({ told: 7, actual: 8 }))).toEqual([]);
  });

  test.each<[Row, RegExp]>([
    [{ version: '11.9', version_number: '110009' }, /^fault server: .*version 12 or later/],
    [{ is_replica: true, is_read_only: 'on' }, /^fault primary: this server is a replica/],
    [{ fsync: 'off' }, /^fault durability: fsync is off/],
    [{ full_page_writes: 'off' }, /^warning durability: full_page_writes is off/],
    [{ standbys: '2' }, /^warning standbys: no standby is synchronous \(2 connected\)/],
    [
      { standby_names: '*', synchronous_commit: 'local' },
      /^warning standbys: synchronous_commit is local, so commits wait for no standby/,
    ],
    [{ isolation: 'serializable' }, /^warning isolation: .* is serializable/],
    [{ autovacuum: 'off' }, /^warning vacuum: autovacuum is off/],
    [{ oldest_snapshot_seconds: '3720' }, /^warning snapshots: .* for 62 minutes/],
    [{ sees_activity: false }, /^unknown snapshots/],
    [{ used_connections: '88' }, /^warning connections: free: 9 of 100/],
    [{ used_connections: '120' }, /^warning connections: free: 0 of 100/],
  ])('%j', async (row, expected) => {
    expect(await notOk(row)).toEqual([expect.stringMatching(expected)]);
  });

  test('a pooler without transactions is a fault, a transaction that cannot be opened is unknown', async () => {
    const failing = (message: string, code: string) => async () => {
      throw Object.assign(new Error(message), { code, severity: 'ERROR' });
    };
    expect(
      await notOk({}, failing('transaction blocks not allowed in statement pooling mode', '08P01')),
    ).toEqual([expect.stringMatching(/^fault pooler: one is between that pools statements/)]);
    expect(await notOk({}, failing('too many', '53300'))).toEqual([
      expect.stringMatching(/^unknown pooler/),
    ]);
  });
});

describe('failures', () => {
  const ofServer = (code: string, message = 'SECRET') =>
    Object.assign(new Error(message), { code, severity: 'ERROR' });

  test.each([
    ['53100', 4],
    ['42501', 5],
    ['40001', 7],
    ['55P03', 7],
    ['57014', 7],
    ['08006', 7],
    ['25006', 4],
  ])('%s ends with %i', (code, exitCode) => {
    expect(describeFailure(ofServer(code))).toMatchObject({
      code,
      exitCode,
      remedy: expect.stringMatching(/\w/),
    });
  });

  test.each(['22P02', '23505', '22021', 'XX000'])(
    'what the server quotes is not repeated: %s',
    (code) => {
      expect(JSON.stringify(describeFailure(ofServer(code)))).not.toContain('SECRET');
    },
  );

  test('errors of files and of programs are not of PostgreSQL', () => {
    const ofFile = Object.assign(new Error('no such file'), { code: 'ENOENT', path: 'x.csv' });
    const ofPipe = Object.assign(new Error('write EPIPE'), { code: 'EPIPE', syscall: 'write' });
    for (const error of [ofFile, ofPipe, new TypeError('any'), null, undefined, 'text']) {
      expect(describeFailure(error)).toBe(null);
    }
  });
});

describe('the driver', () => {
  /** The package where nothing is installed beside it, and a folder to run it in with these packages. */
  async function alone(url: string, ...packages: readonly string[]): Promise<BuiltCommandLine> {
    const place = join(built.folder, `alone-${crypto.randomUUID()}`);
    for (const part of ['dist', 'package.json']) {
      await cp(join(dirname(built.program), '..', part), join(place, 'installed', part), {
        recursive: true,
      });
    }
    const folder = join(place, 'work');
    await mkdir(join(folder, 'node_modules'), { recursive: true });
    for (const name of packages) {
      await symlink(join(ROOT, 'node_modules', name), join(folder, 'node_modules', name));
    }
    return new BuiltCommandLine(folder, join(place, 'installed/dist/cli.js'), {
      STORAGE_BOX_STORE: url,
    });
  }

  test.each([
    { packages: ['pg', 'postgres'], name: 'pg' },
    { packages: ['postgres'], name: 'postgres.js' },
  ])('of those beside the command, pg goes first: $packages', async ({ packages, name }) => {
    const { url } = await newStore('A-1', 'A-2', 'A-3', 'A-4');
    const cli = await alone(url, ...packages);
    expect((await cli.run(['doctor'])).stdout).toContain(`ok       driver              ${name}\n`);
    expect((await cli.run(['doctor'])).stdout).toContain('pooler              none is between');
    expect(await cli.run(['init'])).toMatchObject({ stderr: '', exitCode: 0 });
    expect(await cli.run(['fetch', 'ann', '--item', 'A-3'])).toEqual({
      stdout: 'A-3\n',
      stderr: '',
      exitCode: 0,
    });
    expect((await cli.run(['fetch-all', 'bob', 'cid', '--hold', '1h'])).exitCode).toBe(0);
    expect((await cli.run(['release', 'bob', '--yes'])).exitCode).toBe(0);
    expect((await cli.run(['audit', '--json'])).stdout).toContain(
      '"counts":{"inBank":2,"given":2,"retired":0,"entered":4}',
    );
    expect((await cli.run(['export', 'items'])).stdout.split('\n')).toHaveLength(4);
    const nowhere = await cli.run(['status', '--store', 'postgres://ann:hunter2@127.0.0.1:1/sale']);
    expect(nowhere.stderr).toContain('PostgreSQL cannot be reached: connect ECONNREFUSED');
    expect(nowhere.exitCode).toBe(7);
  });

  test('that is missing is told, with what to install', async () => {
    const cli = await alone('postgres://ann:hunter2@127.0.0.1:1/sale');
    const { stderr, exitCode } = await cli.run(['status']);
    expect(stderr).toBe(
      'storagebox: No driver of PostgreSQL is installed where the command runs, nor where storagebox is.\n' +
        '  remedy: Install one there: npm install pg, or npm install postgres.\n',
    );
    expect(exitCode).toBe(4);
    const doctor = await cli.run(['doctor']);
    expect(doctor.stdout).toMatch(/^fault {4}driver +No driver of PostgreSQL is installed/);
    expect(doctor.exitCode).toBe(4);
    expect((await cli.run(['--help'])).exitCode).toBe(0);
  });
});
