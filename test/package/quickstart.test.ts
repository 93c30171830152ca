// The quickstart as a newcomer starts it: a process, with four of its own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { afterEach, describe, expect, inject, onTestFinished, test, vi } from 'vitest';
import { chooseStore } from '../../examples/quickstart/choose-store.js';
import { ROOT } from '../support/packed-package.js';

const { dynamoDbEndpoint, postgresUrl } = inject('servers');
const DYNAMODB = { AWS_ENDPOINT_URL_DYNAMODB: dynamoDbEndpoint ?? '' };
const POSTGRES = { STORAGE_BOX_TEST_POSTGRES_URL: postgresUrl ?? '' };
/** As on the machine of somebody who has set nothing. */
const NOTHING_SET = { AWS_ENDPOINT_URL_DYNAMODB: '', STORAGE_BOX_TEST_POSTGRES_URL: '' };

afterEach(() => vi.unstubAllEnvs());

function start(args: readonly string[], environment: NodeJS.ProcessEnv) {
  return spawn(process.execPath, ['--import', 'tsx', 'examples/quickstart/main.ts', ...args], {
    cwd: ROOT,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Ends when its four processes have ended, too: they write to the same streams. */
async function run(args: readonly string[], environment: NodeJS.ProcessEnv) {
  const child = start(args, environment);
  const closed = once(child, 'close');
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [exitCode] = await closed;
  return { exitCode, stdout, stderr };
}

async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'storagebox-quickstart-test-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

/** A folder for PATH with nothing but these programs, each a script for the shell. */
async function pathWith(scripts: Readonly<Record<string, string>>): Promise<string> {
  const folder = await makeFolder();
  for (const [name, script] of Object.entries(scripts)) {
    await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`);
    await chmod(join(folder, name), 0o755);
  }
  return folder;
}

/** The environment in which a server of the sale runs this before anything else. */
async function inEachServer(code: string): Promise<NodeJS.ProcessEnv> {
  const file = join(await makeFolder(), 'before.mjs');
  await writeFile(file, `if (process.send !== undefined) {\n${code}\n}\n`);
  return { NODE_OPTIONS: `--import=${pathToFileURL(file)}` };
}

function expectAllGiven(stdout: string): void {
  expect(stdout).toMatch(/^ {2}users with a code +30$/m);
  expect(stdout).toMatch(/^ {2}users told "sold out" +70$/m);
  expect(stdout.match(/✓ P[1-4]/g)).toEqual(['✓ P1', '✓ P2', '✓ P3', '✓ P4']);
  expect(stdout).not.toContain('BROKEN');
}

describe('30 of 100 users get the 30 vouchers, and all checks hold', () => {
  async function expectSale(reason: string, args: readonly string[], env: NodeJS.ProcessEnv) {
    const { exitCode, stdout, stderr } = await run(args, env);
    expect(stderr).toBe('');
    expect(stdout.split('\n')[0]).toBe(`Store: ${reason}.`);
    expectAllGiven(stdout);
    expect(stdout).toMatch(/^ {2}claims answered +300, by 4 processes$/m);
    expect(stdout.includes('requests per claim')).toBe(reason.startsWith('DynamoDB'));
    expect(exitCode).toBe(0);
  }

  test('on SQLite, where there is Node.js alone', async () => {
    const PATH = await makeFolder();
    await symlink(process.execPath, join(PATH, 'node'));
    await expectSale(
      'SQLite, because DynamoDB Local needs Java 17 or later or a running Docker: neither is there',
      [],
      { ...NOTHING_SET, PATH },
    );
  });

  test.skipIf(dynamoDbEndpoint === null)('on DynamoDB', () =>
    expectSale('DynamoDB, because --store says so', ['--store', 'dynamodb'], DYNAMODB),
  );

  test.skipIf(postgresUrl === null)('on PostgreSQL', () =>
    expectSale('PostgreSQL, because --store says so', ['--store', 'postgres'], POSTGRES),
  );
});

describe('without --store, it runs', () => {
  const java = (version: string) => `echo 'openjdk version "${version}"' >&2`;
  test.each([
    ['Java 17', { java: java('17.0.15') }, 'DynamoDB Local, because Java 17 or later is there'],
    ['Docker', { docker: 'exit 0' }, 'DynamoDB Local, because Docker is running'],
    [
      'Java 11, and Docker',
      { java: java('11.0.2'), docker: 'exit 0' },
      'DynamoDB Local, because Docker is running',
    ],
    [
      'Java 8, and Docker that does not run',
      { java: java('1.8.0'), docker: 'exit 1' },
      expect.stringMatching(/^SQLite, because/),
    ],
  ])('with %s', async (_programs, scripts, reason) => {
    vi.stubEnv('AWS_ENDPOINT_URL_DYNAMODB', '');
    vi.stubEnv('PATH', await pathWith(scripts));
    const { name, text } = await chooseStore([]);
    expect(text).toEqual(reason);
    expect(name).toBe(text.startsWith('SQLite') ? 'sqlite' : 'dynamodb');
  });

  test('on the server that the environment names', async () => {
    vi.stubEnv('AWS_ENDPOINT_URL_DYNAMODB', 'http://localhost:8000');
    vi.stubEnv('PATH', await pathWith({}));
    expect(await chooseStore([])).toEqual({
      name: 'dynamodb',
      text: 'DynamoDB, because AWS_ENDPOINT_URL_DYNAMODB is set',
    });
  });
});

const USAGE = 'Choose one: npm run quickstart -- --store dynamodb|sqlite|postgres';

test.each([
  [['--store', 'toString'], 'There is no store "toString".'],
  [['--store'], "Option '--store <value>' argument missing"],
  [['sqlite'], "Unexpected argument 'sqlite'. This command does not take positional arguments"],
])('%j is refused with the names of the stores', async (args, message) => {
  await expect(chooseStore(args)).rejects.toThrow(new Error(`${message}\n${USAGE}`));
});

test('an unknown store is refused without a stack', async () => {
  const { exitCode, stdout, stderr } = await run(['--store', 'mysql'], NOTHING_SET);
  expect(stderr).toBe(`There is no store "mysql".\n${USAGE}\n`);
  expect(stdout).toBe('');
  expect(exitCode).toBe(1);
});

test('a store that cannot be started is told with its remedy, and without a stack', async () => {
  const PATH = await pathWith({});
  const { exitCode, stderr } = await run(['--store', 'dynamodb'], { ...NOTHING_SET, PATH });
  expect(stderr).toMatch(/^DynamoDB Local needs Java 17 or later .*\n$/);
  expect(exitCode).toBe(1);
});

test('a server that is killed before it tells anybody their codes loses none and gives none twice', async () => {
  const turn = join(await makeFolder(), 'turn');
  const dying = await inEachServer(`
    const { mkdirSync } = await import('node:fs');
    const send = process.send.bind(process);
    process.send = (message, ...rest) => {
      if (message.clicks === undefined) return send(message, ...rest);
      try { mkdirSync(${JSON.stringify(turn)}); } catch { return send(message, ...rest); }
      process.kill(process.pid, 'SIGKILL');
    };`);
  const { exitCode, stdout } = await run(['--store', 'sqlite'], { ...NOTHING_SET, ...dying });
  expect(stdout).toMatch(/^Store: SQLite, because --store says so\.\n/);
  expectAllGiven(stdout);
  expect(stdout).toMatch(/^ {2}claims answered +225, by 3 processes$/m);
  expect(stdout).toContain('A process was killed by SIGKILL before it answered.');
  expect(exitCode).toBe(1);
});

test.each(['SIGTERM', 'SIGINT'] as const)(
  '%s ends all of it and leaves no file',
  async (signal) => {
    const temporary = await makeFolder();
    // Then the sale cannot end by itself.
    const silent = await inEachServer(`
    const send = process.send.bind(process);
    process.send = (message, ...rest) => message.clicks === undefined && send(message, ...rest);`);
    const child = start(['--store', 'sqlite'], { ...NOTHING_SET, ...silent, TMPDIR: temporary });
    const closed = once(child, 'close');
    let stdout = '';
    for await (const chunk of child.stdout) {
      stdout += chunk;
      if (!stdout.includes('voucher codes in the bank')) continue;
      const folders = (await readdir(temporary)).filter((name) => name.startsWith('storagebox-'));
      expect(folders).toHaveLength(1);
      child.kill(signal);
    }
    const [exitCode] = await closed;
    expect(exitCode).toBe(130);
    const left = (await readdir(temporary)).filter((name) => name.startsWith('storagebox-'));
    expect(left).toEqual([]);
  },
);
