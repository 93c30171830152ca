// Standard output, standard error and terminals, with what hostile content does to them.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildCommandLine, type CommandLine, ended } from '../support/command-line.js';
import { inPlaceOf } from '../support/http-stand-in.js';
import { openPair } from '../support/tables.js';

const ESCAPE = '\u001B]0;owned\u0007';
const ITEM = `${ESCAPE}=1+1`;
const ID = `ann${ESCAPE}`;

/** Node.js takes its streams for a terminal. */
const ON_TERMINAL = {
  NODE_OPTIONS:
    '--import "data:text/javascript,process.stdout.isTTY=true;process.stderr.isTTY=true"',
};

let built: CommandLine;
let cli: CommandLine;
beforeAll(async () => {
  built = await buildCommandLine();
  cli = await built.withTables([ITEM]);
  await openPair(cli.tables()).deduplicationRepo.putDeduplicationId(ID, ITEM);
});
afterAll(() => built.dispose());

test.each([
  ['fetch', ID],
  ['fetch', ID, '--json'],
  ['export'],
  ['export', 'items'],
  ['export', '--json'],
  ['export', '--no-ledger', '--profile', ESCAPE],
  ['fetch', 'ann', `--${ESCAPE}`],
  [ESCAPE],
  ['status'],
  ['audit', '--json'],
  ['audit', '--output', '-'],
  ['doctor', '--region', `eu${ESCAPE}`],
])('no control character reaches a terminal: %j', async (...args) => {
  const { stdout, stderr } = await cli.run(args, { env: ON_TERMINAL });
  // The line of progress is our own.
  const withoutProgress = stderr.replaceAll('\u001B[K', '').replaceAll('\r', '');
  for (const text of [stdout, withoutProgress]) {
    expect(text.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
  }
});

test('a terminal shows control characters in their place', async () => {
  const { stdout } = await cli.run(['fetch', ID], { env: ON_TERMINAL });
  expect(stdout).toBe('\\u001b]0;owned\\u0007=1+1\n');
});

test('a pipe gets what is in the tables, and is told how many cells are risky', async () => {
  expect(await cli.run(['fetch', ID])).toMatchObject({
    stdout: `${ITEM}\n`,
    stderr: expect.stringMatching(
      /^The item has the beginning of a spreadsheet formula .* It is written as it is\.\n$/,
    ),
  });
  const { stdout, stderr } = await cli.run(['export', 'items']);
  expect(stdout).toBe(`item\n${ITEM}\n`);
  expect(stderr).toMatch(
    /^Risky cells: 1\. Each has the beginning of a spreadsheet formula .* pass --spreadsheet\.\n$/,
  );
  const safe = await cli.run(['export', 'items', '--spreadsheet', '-o', '-']);
  expect(safe).toMatchObject({ stdout: 'item\n\\u001b]0;owned\\u0007=1+1\n', stderr: '' });
});

test('a standard error that nobody reads is no failure', async () => {
  const child = cli.start(['assign', '-', '--as-is', '--output', '-']);
  child.stderr?.destroy();
  child.stdin?.end(`${ID}\n`);
  const end = await ended(child);
  expect(end.exitCode).toBe(0);
  expect(end.stdout).toContain('existing');
});

test('the SDK says nothing of its own on standard error', async () => {
  const env = { AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: undefined };
  expect(await cli.run(['fetch', ID, '--json'], { env })).toMatchObject({
    stderr: '',
    exitCode: 0,
  });
});

test('status reads each table once', async () => {
  const scans: (string | undefined)[] = [];
  const endpoint = await inPlaceOf((operation, { TableName }) => {
    if (operation === 'Scan') scans.push(TableName);
  });
  const args = ['status', '--segments', '1', '--endpoint-url', endpoint];
  expect((await cli.run(args)).exitCode).toBe(0);
  expect(scans.toSorted()).toEqual(['storage_box_deduplication_table', 'storage_box_item_bank']);
});

test('--spreadsheet is refused where no CSV is written', async () => {
  const { stderr, exitCode } = await cli.run(['export', '--spreadsheet', '--format', 'jsonl']);
  expect(stderr).toContain('--spreadsheet is for CSV only.');
  expect(exitCode).toBe(2);
});
