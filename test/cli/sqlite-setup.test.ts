// What is wrong with a SQLite set-up: drivers, files, disks, and what doctor and failures say of them.
import { cp, mkdir, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import Libsql from 'libsql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fileSystemFinding, spaceFinding } from '../../src/cli/stores/sqlite/disk.js';
import { describeFailure } from '../../src/cli/stores/sqlite/failures.js';
import {
  BuiltCommandLine,
  type BuiltProgram,
  buildProgram,
} from '../support/built-command-line.js';
import { ROOT } from '../support/packed-package.js';
import { SQLITE_DRIVERS } from '../support/sqlite.js';
import { type DatabaseStore, withItems } from './database-store.js';
import { sqliteStore } from './sqlite-store.js';

let built: BuiltProgram;
beforeAll(async () => {
  built = await buildProgram();
});
afterAll(() => rm(join(built.folder, '..'), { recursive: true }));

const hasNodeSqlite = process.getBuiltinModule('node:sqlite') !== undefined;

async function findingsOf({ cli }: DatabaseStore, ...args: readonly string[]) {
  const { stdout, exitCode } = await cli.run(['doctor', '--json', ...args]);
  const { findings } = JSON.parse(stdout) as { findings: Record<string, string>[] };
  const notOk = findings
    .filter(({ level }) => level !== 'ok')
    .map(({ level, subject, message }) => `${level} ${subject}: ${message}`);
  return { findings, notOk, exitCode };
}

describe('the file', () => {
  test('is created by init alone', async () => {
    const { cli, url } = sqliteStore(built);
    for (const command of [['status'], ['fetch', 'ann'], ['add', '-'], ['audit'], ['export']]) {
      const { stderr, exitCode } = await cli.run(command);
      expect(stderr).toMatch(
        /^storagebox: There is no database file ".*\.db"\.\n {2}remedy: Check/,
      );
      expect(exitCode).toBe(4);
    }
    const doctor = await cli.run(['doctor']);
    expect(doctor.stdout).toMatch(/^fault {4}file +There is no database file/m);
    expect(doctor.exitCode).toBe(4);
    expect(doctor.stdout).not.toContain('journal');
    expect((await cli.run(['init', '--store', url])).exitCode).toBe(0);
    expect((await cli.run(['status'])).exitCode).toBe(0);
  });

  test.each([
    ['sqlite', 'needs the path of the database file'],
    ['sqlite:', 'needs the path of the database file'],
    ['sqlite:///tmp/sale.db', 'needs the path of the database file'],
    ['sqlite::memory:', 'ends with the command'],
  ])('is needed: %s', async (url, message) => {
    const { cli } = sqliteStore(built);
    for (const command of ['init', 'doctor']) {
      const { stderr, exitCode } = await cli.run([command, '--store', url]);
      expect(stderr).toContain(message);
      expect(exitCode).toBe(2);
    }
  });

  test('has a folder, and is a database', async () => {
    const { cli } = sqliteStore(built);
    const nowhere = await cli.run(['init', '--store', 'sqlite:./no-such-folder/sale.db']);
    expect(nowhere).toMatchObject({
      stderr: expect.stringContaining('The database file cannot be opened.'),
      exitCode: 4,
    });
    const folder = await cli.run(['status', '--store', 'sqlite:.']);
    expect(folder.stderr).toContain('is not a file, so it cannot be a database.');
    expect(folder.exitCode).toBe(4);
    await cli.file('codes.txt', 'CODE-1\n'.repeat(1_000));
    for (const command of ['status', 'init']) {
      const other = await cli.run([command, '--store', 'sqlite:codes.txt']);
      expect(other.stderr).toContain('The file is not a SQLite database, or it is encrypted.');
      expect(other.exitCode).toBe(4);
    }
    const doctor = await cli.run(['doctor', '--store', 'sqlite:codes.txt']);
    expect(doctor.stdout).toMatch(/^fault {4}file +The file is not a SQLite database/m);
  });

  test('that another process has locked is waited for, and then told', async () => {
    const store = await withItems(sqliteStore(built), ['A-1']);
    const other = new Libsql(store.file);
    other.exec('begin immediate');
    const { stderr, exitCode } = await store.cli.run(['fetch', 'ann']);
    expect(stderr).toContain('No attempt succeeded within');
    expect(exitCode).toBe(7);
    other.exec('commit');
    other.close();
    expect((await store.cli.run(['fetch', 'ann'])).stdout).toBe('A-1\n');
  });
});

describe('doctor', () => {
  test('finds nothing in what init made, and changes nothing', async () => {
    const store = await withItems(sqliteStore(built), ['A-1']);
    const { notOk, findings, exitCode } = await findingsOf(store);
    expect({ notOk, exitCode }).toEqual({ notOk: [], exitCode: 0 });
    expect(findings.map(({ subject }) => subject)).toEqual([
      'driver',
      'file',
      'file',
      'disk',
      'disk',
      'SQLite',
      'journal',
      'connections',
      'content',
      'item bank',
      'ledger',
      'deduplication table',
      'deduplication table',
      'ledger',
    ]);
    expect(await store.run('select * from storage_box_item_bank')).toHaveLength(1);
  });

  test('finds a journal that is no write-ahead log, and leaves it so', async () => {
    const store = await withItems(sqliteStore(built));
    await store.run('pragma journal_mode = delete');
    for (const _ of [1, 2]) {
      const { notOk, exitCode } = await findingsOf(store);
      expect(notOk).toEqual(['fault journal: journal_mode is delete, expected wal']);
      expect(exitCode).toBe(4);
    }
    await store.cli.run(['init']);
    expect((await findingsOf(store)).exitCode).toBe(0);
  });

  test('finds damage', async () => {
    const items = Array.from({ length: 5_000 }, (_, index) => `CODE-${index}`);
    const store = await withItems(sqliteStore(built), items);
    await truncate(store.file, 32_768);
    const { notOk, exitCode } = await findingsOf(store);
    expect(notOk.join('\n')).toMatch(
      /^fault (content: quick_check found damage|file: The database)/,
    );
    expect(exitCode).toBe(4);
  });

  test('finds indexes that are missing, and tells how to make them', async () => {
    const store = await withItems(sqliteStore(built));
    await store.run('drop index storage_box_deduplication_table_held');
    const { notOk, findings, exitCode } = await findingsOf(store);
    expect(notOk).toEqual([
      'warning deduplication table: has no index on held_until: each release-expired reads the whole table',
    ]);
    expect(exitCode).toBe(0);
    const remedies = findings.flatMap(({ level, remedy }) => (level === 'warning' ? [remedy] : []));
    for (const remedy of remedies) await store.run(String(remedy));
    expect((await findingsOf(store)).notOk).toEqual([]);
  });

  test('finds a bank without its ledger, and tells how to make it', async () => {
    const store = await withItems(sqliteStore(built), ['CODE-1']);
    await store.run('drop table storage_box_item_bank_ledger');
    const { notOk, findings, exitCode } = await findingsOf(store);
    expect(notOk).toEqual(['fault ledger: "storage_box_item_bank_ledger" does not exist']);
    expect(exitCode).toBe(4);
    const [sql = '', then] =
      findings.find(({ level }) => level === 'fault')?.remedy?.split(' Then ') ?? [];
    expect(then).toBe('run "storagebox fill-ledger".');
    await store.run(sql);
    expect((await store.cli.run(['fill-ledger'])).stdout).toContain(' 1 entered into the ledger,');
    expect((await findingsOf(store)).notOk).toEqual([]);
  });

  test.each([
    ['another key', 'item text, id integer primary key'],
    ['a folding key', 'item text primary key collate nocase'],
  ])('finds a table with %s', async (_, columns) => {
    const store = await withItems(sqliteStore(built));
    await store.run(`create table codes (${columns})`);
    const { notOk, exitCode } = await findingsOf(store, '--item-bank-table', 'codes');
    expect(notOk).toEqual([
      expect.stringMatching(/^fault item bank: "codes" has the key .*, expected item/),
    ]);
    expect(exitCode).toBe(4);
  });
});

describe('the disk', () => {
  const of = (type: number, system = 'linux') => fileSystemFinding({ type }, system);

  test.each([
    [0x6969, 'NFS'],
    // As Node.js gives a number of 32 bits whose first bit is set.
    [0xff534d42 - 2 ** 32, 'CIFS'],
    [0xfe534d42, 'SMB 2'],
    [0x01021997, '9P'],
    [0x65735546, 'FUSE'],
  ])('of a network is a fault: %s', (type, name) => {
    expect(of(type)).toMatchObject({ level: 'fault', message: expect.stringContaining(name) });
  });

  test('in memory is a fault, in a container a warning, any other one is right', () => {
    expect(of(0x01021994)).toMatchObject({
      level: 'fault',
      message: expect.stringContaining('tmpfs'),
    });
    expect(of(0x794c7630)).toMatchObject({ level: 'warning' });
    expect(of(0xef53)).toMatchObject({ level: 'ok', remedy: null });
  });

  test('is not known elsewhere', () => {
    expect(of(0x6969, 'darwin').level).toBe('unknown');
    expect(fileSystemFinding(null).level).toBe('unknown');
    expect(spaceFinding(null).level).toBe('unknown');
  });

  test('that is nearly full is a warning', () => {
    const free = (bavail: number) => spaceFinding({ bavail, bsize: 4_096 });
    expect(free(65_535)).toMatchObject({ level: 'warning', message: 'free: 256.0 MB' });
    expect(free(65_536)).toMatchObject({ level: 'ok', message: 'free: 256.0 MB' });
    expect(free(0)).toMatchObject({ level: 'warning', message: 'free: 0 bytes' });
  });
});

describe.each(SQLITE_DRIVERS)('a failure of $name', ({ open }) => {
  /** What the driver throws, in a database with a table in it. */
  function thrownBy(act: (file: string, database: ReturnType<typeof open>) => unknown): unknown {
    const file = join(built.folder, `failure-${crypto.randomUUID()}.db`);
    const database = open(file);
    database.exec('create table t (item text primary key)');
    try {
      act(file, database);
    } catch (error) {
      return error;
    } finally {
      database.close();
    }
    throw new Error('It did not fail.');
  }

  const failures: Record<string, [Parameters<typeof thrownBy>[0], object]> = {
    'locked by another': [
      (file, database) => {
        const other = open(file);
        try {
          other.exec('begin immediate');
          database.exec('insert into t values (1)');
        } finally {
          other.close();
        }
      },
      { code: 'SQLITE_BUSY', exitCode: 7 },
    ],
    'a full disk': [
      (_, database) => {
        database.exec('pragma max_page_count = 3');
        for (let index = 0; index < 1_000; index++) {
          database.exec(`insert into t values ('${index}${'x'.repeat(500)}')`);
        }
      },
      { code: 'SQLITE_FULL', exitCode: 4 },
    ],
    'a folder that is missing': [
      (file) => open(join(file, '../no-such-folder/sale.db')),
      { code: 'SQLITE_CANTOPEN', exitCode: 4 },
    ],
    'a constraint': [
      (_, database) => {
        database.exec("insert into t values ('SECRET-1')");
        database.exec("insert into t values ('SECRET-1')");
      },
      { code: 'SQLITE_19', exitCode: 1 },
    ],
    'a write where only reads are allowed': [
      (_, database) => {
        database.exec('pragma query_only = on');
        database.exec('insert into t values (1)');
      },
      { code: 'SQLITE_READONLY', exitCode: 5 },
    ],
  };

  test.each(Object.entries(failures))('is told with what to do: %s', (_, [act, expected]) => {
    const failure = describeFailure(thrownBy(act));
    expect(failure).toMatchObject({ ...expected, remedy: expect.stringMatching(/\w/) });
    expect(JSON.stringify(failure)).not.toContain('SECRET');
  });
});

test('errors that are not of SQLite are none of its failures', () => {
  for (const error of [new Error('any'), new TypeError('any'), null, undefined, 'text']) {
    expect(describeFailure(error)).toBe(null);
  }
});

describe('the driver', () => {
  /** The package where nothing is installed beside it, and a folder to run it in with these packages. */
  async function alone(packages: Readonly<Record<string, string>>): Promise<BuiltCommandLine> {
    const place = join(built.folder, `alone-${crypto.randomUUID()}`);
    for (const part of ['dist', 'package.json']) {
      await cp(join(dirname(built.program), '..', part), join(place, 'installed', part), {
        recursive: true,
      });
    }
    const folder = join(place, 'work');
    for (const [name, target] of Object.entries(packages)) {
      await mkdir(join(folder, 'node_modules'), { recursive: true });
      await symlink(target, join(folder, 'node_modules', name));
    }
    await mkdir(folder, { recursive: true });
    const environment = { STORAGE_BOX_STORE: 'sqlite:./sale.db' };
    return new BuiltCommandLine(folder, join(place, 'installed/dist/cli.js'), environment);
  }

  const installed = (name: string) => join(ROOT, 'node_modules', name);
  const nameIn = (stdout: string) => /^ok {7}driver +(.*)$/m.exec(stdout)?.[1];

  test('of Node.js is taken where it has one, then those beside the command', async () => {
    const both = await alone({
      'better-sqlite3': installed('better-sqlite3'),
      libsql: installed('libsql'),
    });
    expect((await both.run(['init'])).stderr).toBe('');
    const expected = hasNodeSqlite ? `node:sqlite of Node.js ${process.version}` : 'better-sqlite3';
    expect(nameIn((await both.run(['doctor'])).stdout)).toBe(expected);
    const one = await alone({ libsql: installed('libsql') });
    await one.run(['init']);
    expect(nameIn((await one.run(['doctor'])).stdout)).toBe(hasNodeSqlite ? expected : 'libsql');
    await one.run(['add', '-'], { input: 'A-1\n' });
    expect(await one.run(['fetch', 'ann'])).toEqual({ stdout: 'A-1\n', stderr: '', exitCode: 0 });
  });

  test('that this Node.js cannot load is passed over, and told if there is no other', async () => {
    const broken = join(built.folder, `broken-${crypto.randomUUID()}`);
    await mkdir(broken);
    await writeFile(join(broken, 'package.json'), '{"name":"better-sqlite3","main":"index.js"}');
    await writeFile(join(broken, 'index.js'), 'throw new Error("SECRET: no binary");');
    const other = await alone({ 'better-sqlite3': broken, libsql: installed('libsql') });
    expect((await other.run(['init'])).exitCode).toBe(0);
    const none = await alone({ 'better-sqlite3': broken });
    const { stderr, exitCode } = await none.run(['init']);
    if (hasNodeSqlite) {
      expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    } else {
      expect(stderr).toContain('The driver "better-sqlite3" is installed, but this Node.js (v');
      expect(stderr).toContain('npm rebuild better-sqlite3');
      expect(stderr).not.toContain('SECRET');
      expect(exitCode).toBe(4);
    }
  });

  test('that is missing is told, with what to install', async () => {
    const none = await alone({});
    const { stderr, exitCode } = await none.run(['init']);
    const doctor = await none.run(['doctor']);
    if (hasNodeSqlite) {
      expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    } else {
      expect(stderr).toMatch(
        /^storagebox: No driver of SQLite is installed where the command runs, nor where storagebox is\.\n {2}remedy: Use Node\.js 22\.13 or later, .* npm install better-sqlite3, or npm install libsql\.\n$/,
      );
      expect(exitCode).toBe(4);
      expect(doctor.stdout).toMatch(/^fault {4}driver +No driver of SQLite is installed/);
      expect(doctor.exitCode).toBe(4);
    }
    expect((await none.run(['--help'])).exitCode).toBe(0);
  });
});
