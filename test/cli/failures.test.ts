// Everything that goes wrong as it does for a new user; the table in docs/command-line.md is the result.
import { spawn } from 'node:child_process';
import { cp, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CreateTableCommand } from '@aws-sdk/client-dynamodb';
import { itemBankTable } from 'storagebox';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildCommandLine, type CommandLine, type Ended, ended } from '../support/command-line.js';
import { ROOT } from '../support/packed-package.js';
import { expiredCertificate } from '../support/unreachable-peers.js';

const HEAD = '| what was done | printed on standard error | exit code |\n|---|---|---|\n';

let cli: CommandLine;
beforeAll(async () => {
  const built = await buildCommandLine();
  cli = built.withoutTables();
  await cli.run(['init']);
  await cli.client().send(
    new CreateTableCommand({
      ...itemBankTable('orders'),
      AttributeDefinitions: [{ AttributeName: 'order_id', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'order_id', KeyType: 'HASH' }],
    }),
  );
  await cli.file('codes.txt', 'CODE-1\nCODE-2\n');
  await cli.file('guests.csv', 'email\nann@example.com\n');
  await cli.file('unclosed.csv', 'email\n"ann@example.com\n');
  await cli.file('latin-1.txt', Buffer.from('caf\xE9', 'latin1'));
  await cli.file('utf-16.txt', Buffer.from('\uFEFFCODE-1\r\n', 'utf16le'));
  await cli.file('blanks.txt', 'CODE-1\nCODE-2 \n');
  await cli.file('tabs.txt', 'CODE-1\tAnn\n');
  await cli.file('cr.txt', 'CODE-1\rCODE-2\r');
  await cli.file('endless.txt', 'CODE-'.repeat(100_000));
  await cli.file('closed.csv', 'email\n"ann@example.com"Bob\n');
});
afterAll(() => cli.dispose());

/** Tables of their own, in which somebody has an item. */
const given = ['--item-bank-table', 'given_items', '--deduplication-table', 'clear_ids'];
const givenToHashes = ['--item-bank-table', 'given_items', '--deduplication-table', 'hashed_ids'];
const secret = { STORAGE_BOX_DEDUPLICATION_ID_SECRET: 'a secret of the tests, and of nobody else' };
const otherSecret = { STORAGE_BOX_DEDUPLICATION_ID_SECRET: 'another secret, which is long enough' };

const noCredentials = { AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined };

/** Standard output is closed while the command writes. */
async function brokenPipe(): Promise<Ended> {
  const child = cli.start(['export', 'items', '--item-bank-table', 'many_items']);
  child.stdout?.destroy();
  return ended(child);
}

async function interrupted(): Promise<Ended> {
  const child = cli.start(['assign', '-']);
  const end = ended(child);
  child.stdin?.write('ann@example.com\n');
  await new Promise<void>((resolve) =>
    child.stdout?.on('data', (text: string) => {
      if (text.includes('ann@example.com')) resolve();
    }),
  );
  child.kill('SIGINT');
  return end;
}

/** The package where nothing else is installed. */
async function withoutSdk(): Promise<Ended> {
  const installed = join(cli.folder, 'alone');
  const build = join(dirname(cli.program), '..');
  for (const part of ['dist', 'package.json']) {
    await cp(join(build, part), join(installed, part), { recursive: true });
  }
  const program = join(installed, 'dist/cli.js');
  return ended(spawn(process.execPath, [program, 'fetch', 'ann'], { env: cli.environment }));
}

const misuses: Record<string, () => Promise<Ended>> = {
  storagebox: () => cli.run([]),
  'storagebox fetch ann --colour': () => cli.run(['fetch', 'ann', '--colour']),
  'storagebox asign guests.csv': () => cli.run(['asign', 'guests.csv']),
  'storagebox fetch': () => cli.run(['fetch']),
  'storagebox fetch -x': () => cli.run(['fetch', '-x']),
  'storagebox status --segments none': () => cli.run(['status', '--segments', 'none']),
  'storagebox audit --segments 1000001': () => cli.run(['audit', '--segments', '1000001']),
  'storagebox export --segments 1000001': () => cli.run(['export', '--segments', '1000001']),
  'storagebox status --watch --interval 100000': () =>
    cli.run(['status', '--watch', '--interval', '100000']),
  'storagebox fetch ann --hold soon': () => cli.run(['fetch', 'ann', '--hold', 'soon']),
  'storagebox fetch-all ann ann': () => cli.run(['fetch-all', 'ann', 'ann']),
  'storagebox fetch-all (51 IDs)': () =>
    cli.run(['fetch-all', ...Array.from({ length: 51 }, (_, index) => `user-${index}`)]),
  'storagebox export --format json': () => cli.run(['export', '--format', 'json']),
  'storagebox export --resume': () => cli.run(['export', '--resume']),
  'storagebox assign guests.csv --json --spreadsheet': () =>
    cli.run(['assign', 'guests.csv', '--json', '--spreadsheet']),
  'storagebox audit --spreadsheet': () => cli.run(['audit', '--spreadsheet']),
  'storagebox audit --output - --json': () => cli.run(['audit', '--output', '-', '--json']),
  'storagebox audit --yes': () => cli.run(['audit', '--yes']),
  'storagebox fetch ann --item-bank-table "my codes"': () =>
    cli.run(['fetch', 'ann', '--item-bank-table', 'my codes']),
  'storagebox fetch ""': () => cli.run(['fetch', '']),
  'storagebox fetch ann --hash-ids, without a secret': () =>
    cli.run(['fetch', 'ann', '--hash-ids']),
  'storagebox release ann, in a script': () => cli.run(['release', 'ann']),
  'storagebox fetch ann, sold out': () => cli.run(['fetch', 'ann']),
  'storagebox fetch ann --item 14C, not free': () => cli.run(['fetch', 'ann', '--item', '14C']),
  'storagebox fetch-all ann bob, too few': () => cli.run(['fetch-all', 'ann', 'bob']),
  'storagebox confirm ann, no item': () => cli.run(['confirm', 'ann']),
  'storagebox fetch ann --hash-ids, IDs in clear': () =>
    cli.run(['fetch', 'ann', '--hash-ids', ...given], { env: secret }),
  'storagebox fetch ann, hashed IDs': () => cli.run(['fetch', 'ann', ...givenToHashes]),
  'storagebox fetch ann --hash-ids, another secret': () =>
    cli.run(['fetch', 'ann', '--hash-ids', ...givenToHashes], { env: otherSecret }),
  'storagebox fetch ann --item-bank-table no_such_table': () =>
    cli.run(['fetch', 'ann', '--item-bank-table', 'no_such_table']),
  'storagebox add codes.txt --ledger-table no_such_table': () =>
    cli.run(['add', 'codes.txt', '--ledger-table', 'no_such_table']),
  'storagebox audit --ledger-table no_such_table': () =>
    cli.run(['audit', '--ledger-table', 'no_such_table']),
  'storagebox fetch ann --item-bank-table orders': () =>
    cli.run(['fetch', 'ann', '--item-bank-table', 'orders']),
  'the AWS SDK is not installed': withoutSdk,
  'no credentials': () => cli.run(['fetch', 'ann'], { env: noCredentials }),
  'no Region': () => cli.run(['fetch', 'ann'], { env: { AWS_REGION: undefined } }),
  'storagebox fetch ann --profile no_such_profile': () =>
    cli.run(['fetch', 'ann', '--profile', 'no_such_profile']),
  'nothing at the endpoint': () =>
    cli.run(['fetch', 'ann', '--endpoint-url', 'http://127.0.0.1:1']),
  'storagebox add no-such-file.txt': () => cli.run(['add', 'no-such-file.txt']),
  'storagebox add a folder': () => cli.run(['add', '.']),
  'storagebox add latin-1.txt': () => cli.run(['add', 'latin-1.txt']),
  'storagebox add utf-16.txt': () => cli.run(['add', 'utf-16.txt']),
  'storagebox add blanks.txt': () => cli.run(['add', 'blanks.txt']),
  'storagebox add tabs.txt': () => cli.run(['add', 'tabs.txt']),
  'storagebox add cr.txt': () => cli.run(['add', 'cr.txt']),
  'storagebox add endless.txt': () => cli.run(['add', 'endless.txt']),
  'storagebox assign guests.csv': () => cli.run(['assign', 'guests.csv']),
  'storagebox assign guests.csv --column 99': () =>
    cli.run(['assign', 'guests.csv', '--column', '99']),
  'storagebox assign guests.csv --column e-mail': () =>
    cli.run(['assign', 'guests.csv', '--column', 'e-mail']),
  'storagebox assign unclosed.csv --column email': () =>
    cli.run(['assign', 'unclosed.csv', '--column', 'email']),
  'storagebox assign closed.csv --column email': () =>
    cli.run(['assign', 'closed.csv', '--column', 'email']),
  'storagebox export --output no-such-folder/all.csv': () =>
    cli.run(['export', '--output', 'no-such-folder/all.csv']),
  'the reader of a pipe stops reading': brokenPipe,
  'Ctrl-C': interrupted,
};

test('each gives a message, a remedy and an exit code, as the table in the docs has them', async () => {
  const many = ['--item-bank-table', 'many_items'];
  await cli.run(['init', ...many]);
  const input = Array.from({ length: 5_000 }, (_, index) => `CODE-${index}`).join('\n');
  await cli.run(['add', '-', ...many], { input });

  for (const tables of [given, givenToHashes]) await cli.run(['init', ...tables]);
  await cli.run(['add', '-', ...given], { input: 'CODE-1\nCODE-2\n' });
  await cli.run(['fetch', 'ann', ...given]);
  await cli.run(['fetch', 'ann', '--hash-ids', ...givenToHashes], { env: secret });

  const lines: string[] = [];
  for (const [name, misuse] of Object.entries(misuses)) {
    const { stderr, exitCode } = await misuse();
    const printed = stderr
      .replace(/^Usage: .*\n(?=storagebox: )/s, '(the help)\n')
      .trim()
      .replace(/\s*\n\s*/g, '<br>')
      .replaceAll('|', '\\|');
    const shown = name.replace(/^storagebox[^,]*/, '`$&`');
    lines.push(`| ${shown} | ${printed || '(nothing)'} | ${exitCode} |\n`);
  }
  const docs = await readFile(join(ROOT, 'docs/command-line.md'), 'utf8').catch(() => '');
  const begin = docs.indexOf(HEAD);
  expect(docs.slice(begin, docs.indexOf('\n\n', begin) + 1)).toBe(HEAD + lines.join(''));
});

test.each([['fetch', 'ann'], ['add', 'codes.txt'], ['audit'], ['init']])(
  'a certificate that is not accepted is a server that cannot be reached: %s',
  async (...args) => {
    const { endpoint, stop } = await expiredCertificate();
    const { stderr, exitCode } = await cli.run([...args, '--endpoint-url', endpoint]);
    await stop();
    expect(stderr).toMatch(
      /^storagebox: DynamoDB cannot be reached: .*\n {2}remedy: Check --endpoint/,
    );
    expect(exitCode).toBe(7);
  },
);

test('with --json the error is an object', async () => {
  const { stdout, stderr, exitCode } = await cli.run(['--json', 'add', 'no-such-file.txt']);
  expect(stdout).toBe('');
  expect(JSON.parse(stderr)).toEqual({
    error: {
      code: 'ENOENT',
      message: expect.stringContaining('no-such-file.txt'),
      remedy: 'Check the path.',
      exitCode: 6,
    },
  });
  expect(exitCode).toBe(6);
});
