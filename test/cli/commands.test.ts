// What each command does, prints and ends with.
import { readdir, readFile } from 'node:fs/promises';
import { DeleteItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildCommandLine, type CommandLine } from '../support/command-line.js';
import { inPlaceOf } from '../support/http-stand-in.js';
import { allRows } from '../support/tables.js';

const BANK = 'storage_box_item_bank';
const DEDUPLICATION = 'storage_box_deduplication_table';
const LEDGER = 'storage_box_item_bank_ledger';

let built: CommandLine;
beforeAll(async () => {
  built = await buildCommandLine();
});
afterAll(() => built.dispose());

/** Tables of its own, with items in the bank. */
const withTables = (...items: readonly string[]) => built.withTables(items);

const itemsIn = async (cli: CommandLine, table: string) =>
  (await allRows(cli.client(), table)).map((row) => String(row.item?.S)).sort();

const json = (text: string) => JSON.parse(text);
const jsonLines = (text: string) => text.trim().split('\n').map(json);

describe('init', () => {
  test('makes the three tables, and leaves them alone the next time', async () => {
    const cli = built.withoutTables();
    const first = await cli.run(['init']);
    expect(first).toEqual({
      stdout: `created  ${BANK}\ncreated  ${DEDUPLICATION}\ncreated  ${LEDGER}\n`,
      stderr: '',
      exitCode: 0,
    });
    await cli.run(['add', '-'], { input: 'CODE-1\n' });
    const second = await cli.run(['init', '--json']);
    expect(json(second.stdout)).toEqual({
      tables: [BANK, DEDUPLICATION, LEDGER].map((tableName) => ({ tableName, isCreated: false })),
    });
    expect(await itemsIn(cli, BANK)).toEqual(['CODE-1']);
  });

  test('takes the names of the tables from options and from the environment', async () => {
    const cli = built.withoutTables();
    const env = { STORAGE_BOX_ITEM_BANK_TABLE: 'seats', STORAGE_BOX_DEDUPLICATION_TABLE: 'guests' };
    expect((await cli.run(['init'], { env })).stdout).toBe(
      'created  seats\ncreated  guests\ncreated  seats_ledger\n',
    );
    const named = ['--item-bank-table', 'links', '--ledger-table', 'all_links'];
    expect((await cli.run(['init', ...named], { env })).stdout).toBe(
      'created  links\nexists   guests\ncreated  all_links\n',
    );
    expect((await cli.run(['init', '--item-bank-table', 'codes', '--no-ledger'])).stdout).toBe(
      `created  codes\ncreated  ${DEDUPLICATION}\n`,
    );
  });
});

describe('add', () => {
  test('with --as-is puts in the lines of a file exactly as they stand, without empty ones', async () => {
    const cli = await withTables();
    const file = await cli.file('codes.txt', '\uFEFFÉTÉ-1\r\n\r\n  two words \nétoile ✨');
    expect(await cli.run(['add', file, '--as-is'])).toEqual({
      stdout: '3 read: 3 added, 0 already known, 0 repeats\n',
      stderr: '',
      exitCode: 0,
    });
    expect(await itemsIn(cli, BANK)).toEqual(['  two words ', 'ÉTÉ-1', 'étoile ✨'].sort());
  });

  test('reads a column of a CSV file by its name, or by its number where there is no header', async () => {
    const cli = await withTables();
    const named = await cli.file('named.csv', 'id,code\n1,"A,1"\n2,"say ""hi"""\n');
    expect((await cli.run(['add', named, '--column', 'code'])).stdout).toMatch(/^2 read: 2 added/);
    const bare = await cli.file('bare.csv', '1,B-1\n\n2,B-2\n');
    expect((await cli.run(['add', bare, '--column', '2'])).stdout).toMatch(/^2 read: 2 added/);
    expect(await itemsIn(cli, BANK)).toEqual(['A,1', 'B-1', 'B-2', 'say "hi"']);
  });

  test('with its ledger never lets an item enter twice, not even after it was handed out', async () => {
    const cli = await withTables('CODE-1', 'CODE-2');
    const { stdout: given } = await cli.run(['fetch', 'ann']);
    const again = await cli.run(['add', '-', '--json'], {
      input: 'CODE-1\nCODE-2\nCODE-3\nCODE-3\n',
    });
    expect(json(again.stdout)).toEqual({ read: 4, added: 1, repeats: 1, alreadyKnown: 2 });
    expect(await itemsIn(cli, BANK)).not.toContain(given.trim());
  });

  test('without a ledger lets an item enter again that was handed out', async () => {
    const cli = await withTables('CODE-1');
    await cli.run(['fetch', 'ann']);
    const again = await cli.run(['add', '-', '--no-ledger'], { input: 'CODE-1\n' });
    expect(again.stdout).toBe('1 read: 1 added, 0 already known, 0 repeats\n');
  });

  test('tells where the fault of a file is, and what was added before it', async () => {
    const cli = await withTables();
    const lines = Array.from({ length: 60 }, (_, index) => `CODE-${index}`);
    const input = [...lines, 'x'.repeat(2_049)].join('\n');
    const { stderr, exitCode } = await cli.run(['add', '-', '--json'], { input });
    expect(exitCode).toBe(6);
    const { error } = json(stderr);
    expect(error).toMatchObject({ code: 'UNUSABLE_LINE', exitCode: 6, read: 60 });
    expect(error.message).toContain('Line 61 of standard input is longer than 2048 bytes');
    expect(error.added + error.notAdded.length).toBe(60);
    expect(await itemsIn(cli, BANK)).toHaveLength(error.added);
  });
});

describe('fetch', () => {
  test('prints the item alone, the same one each time', async () => {
    const cli = await withTables('CODE-1', 'CODE-2');
    const first = await cli.run(['fetch', 'ann']);
    expect(first.stdout).toMatch(/^CODE-[12]\n$/);
    expect(await cli.run(['fetch', 'ann'])).toEqual({ ...first, stderr: '', exitCode: 0 });
    expect(json((await cli.run(['fetch', 'ann', '--json'])).stdout)).toEqual({
      deduplicationId: 'ann',
      status: 'existing',
      item: first.stdout.trim(),
      itemBankName: BANK,
      heldUntil: null,
    });
  });

  test('ends with 3 when all are gone', async () => {
    const cli = await withTables();
    expect(await cli.run(['fetch', 'ann'])).toEqual({
      stdout: '',
      stderr: 'Sold out: the ID has no item, and the bank is empty.\n',
      exitCode: 3,
    });
    const { stdout, exitCode } = await cli.run(['--json', 'fetch', 'ann']);
    expect(json(stdout)).toEqual({ deduplicationId: 'ann', status: 'exhausted', item: null });
    expect(exitCode).toBe(3);
  });
});

describe('assign', () => {
  test('prints a row for each ID in the order of the file, and ends with 3 when some came too late', async () => {
    const cli = await withTables('A-1', 'A-2');
    const file = await cli.file('guests.csv', 'name,e-mail\nAnn,ann@x\n"B, ob",bob@x\nCid,cid@x\n');
    const { stdout, stderr, exitCode } = await cli.run(['assign', file, '--column', 'e-mail']);
    const [head, ...rows] = stdout.trim().split('\n');
    expect(head).toBe('deduplication_id,item,status');
    expect(rows.map((row) => row.split(',')[0])).toEqual(['ann@x', 'bob@x', 'cid@x']);
    expect(rows.filter((row) => row.endsWith(',,exhausted'))).toHaveLength(1);
    expect(stderr).toBe('3 IDs: 2 got an item, 0 had theirs already, 1 came too late\n');
    expect(exitCode).toBe(3);
  });

  test('quotes what CSV wants quoted, and prints JSON lines when asked to', async () => {
    const cli = await withTables('say "hi", friend');
    const csv = await cli.run(['assign', '-'], { input: 'a,b\n' });
    expect(csv.stdout.split('\n')[1]).toBe('"a,b","say ""hi"", friend",claimed');
    const lines = await cli.run(['assign', '-', '--json'], { input: 'a,b\n' });
    expect(jsonLines(lines.stdout)).toEqual([
      {
        deduplicationId: 'a,b',
        status: 'existing',
        item: 'say "hi", friend',
        itemBankName: BANK,
        heldUntil: null,
      },
    ]);
    expect(lines.stderr).toBe('');
  });

  test('writes a file that appears when it is complete, and keeps the old one when it fails', async () => {
    const cli = await withTables('A-1', 'A-2');
    const run = (input: string) => cli.run(['assign', '-', '-o', 'out.csv'], { input });
    expect((await run('ann\nbob\n')).stdout).toBe('');
    const complete = await readFile(cli.path('out.csv'), 'utf8');
    expect(complete.trim().split('\n')).toHaveLength(3);
    expect((await run(`ann\n${'x'.repeat(2_049)}\n`)).exitCode).toBe(6);
    expect(await readFile(cli.path('out.csv'), 'utf8')).toBe(complete);
    expect((await readdir(cli.folder)).filter((name) => name.startsWith('out.csv'))).toEqual([
      'out.csv',
    ]);
  });
});

describe('status', () => {
  test('tells what is left, what was given and how fast', async () => {
    const cli = await withTables('A-1', 'A-2', 'A-3');
    await cli.run(['fetch', 'ann']);
    expect((await cli.run(['status'])).stdout).toBe(
      'left in the bank         2\n' +
        'given                    1\n' +
        'given in the last minute 1\n' +
        'sold out, at this rate   in 2 min\n',
    );
    expect(json((await cli.run(['status', '--json'])).stdout)).toEqual({
      at: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      left: 2,
      given: 1,
      givenInLastMinute: 1,
      held: 0,
      holdsEnded: 0,
    });
  });

  test('--watch prints a line for each count until it is stopped', async () => {
    const cli = await withTables('A-1');
    const child = cli.start(['status', '--watch', '--interval', '1']);
    let text = '';
    await new Promise<void>((resolve) => {
      child.stdout?.on('data', (chunk) => {
        text += chunk;
        if (text.split('\n').length > 2) resolve();
      });
    });
    child.kill('SIGINT');
    const [exitCode] = await new Promise<[number | null]>((resolve) =>
      child.once('exit', (code) => resolve([code])),
    );
    expect(exitCode).toBe(130);
    for (const line of text.trim().split('\n')) {
      expect(line).toMatch(/^\S+Z {2}left 1 {2}given 0 {2}in the last minute 0$/);
    }
  });
});

describe('export', () => {
  test('prints assignments, the items left, or both', async () => {
    const cli = await withTables('A-1', 'A-2');
    const item = (await cli.run(['fetch', 'ann'])).stdout.trim();
    const left = item === 'A-1' ? 'A-2' : 'A-1';
    const assignment = {
      deduplication_id: 'ann',
      item,
      item_bank_table: BANK,
      assigned_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      held_until: null,
    };
    const assignments = await cli.run(['export', '--json']);
    expect(jsonLines(assignments.stdout)).toEqual([assignment]);
    const csv = (await cli.run(['export', 'assignments'])).stdout.split('\n');
    expect(csv[0]).toBe('deduplication_id,item,item_bank_table,assigned_at,held_until');
    expect(csv[1]).toMatch(new RegExp(`^ann,${item},${BANK},.*Z,$`));
    expect((await cli.run(['export', 'items'])).stdout).toBe(`item\n${left}\n`);
    const all = await cli.run(['export', 'all', '--format', 'jsonl']);
    expect(jsonLines(all.stdout)).toEqual([
      {
        deduplication_id: null,
        item: left,
        item_bank_table: BANK,
        assigned_at: null,
        held_until: null,
      },
      assignment,
    ]);
  });

  test('writes to a file', async () => {
    const cli = await withTables('A-1');
    expect(await cli.run(['export', 'items', '--output', 'items.csv'])).toEqual({
      stdout: '',
      stderr: '',
      exitCode: 0,
    });
    expect(await readFile(cli.path('items.csv'), 'utf8')).toBe('item\nA-1\n');
  });
});

describe('audit', () => {
  test('--fix ends with 8 if less was repaired than is wrong', async () => {
    const cli = await withTables('A-1', 'A-2');
    for (const user of ['ann', 'bob']) await cli.run(['fetch', user]);
    const client = cli.client();
    for (const item of ['A-1', 'A-2']) {
      await client.send(new PutItemCommand({ TableName: BANK, Item: { item: { S: item } } }));
    }
    // Somebody took ann's item back after all.
    const endpoint = await inPlaceOf(async (operation) => {
      if (operation !== 'TransactWriteItems') return;
      const Key = { deduplication_id: { S: 'ann' } };
      await client.send(new DeleteItemCommand({ TableName: DEDUPLICATION, Key }));
    });
    const fix = ['audit', '--fix', '--yes'];
    const half = await cli.run([...fix, '--endpoint-url', endpoint]);
    expect(half.stdout).toContain('fixed            0 lost, 1 twice, 0 unknown to the ledger');
    expect(half.exitCode).toBe(8);
    expect(await cli.run(fix)).toMatchObject({ exitCode: 0 });
  });
});

describe('release and retire', () => {
  test('refuse without --yes where nobody can be asked', async () => {
    const cli = await withTables('A-1');
    await cli.run(['fetch', 'ann']);
    for (const command of ['release', 'retire']) {
      const { stdout, stderr, exitCode } = await cli.run([command, 'ann']);
      expect(stdout).toBe('');
      expect(stderr).toMatch(/there is no terminal to ask on\.\n {2}remedy: Pass --yes\.\n$/);
      expect(stderr).not.toContain('ann');
      expect(exitCode).toBe(2);
    }
    expect((await cli.run(['fetch', 'ann'])).stdout).toBe('A-1\n');
  });

  test('release puts the item back into the bank', async () => {
    const cli = await withTables('A-1');
    await cli.run(['fetch', 'ann']);
    expect(await cli.run(['release', 'ann', '--yes'])).toEqual({
      stdout: 'A-1\n',
      stderr: '',
      exitCode: 0,
    });
    expect(await itemsIn(cli, BANK)).toEqual(['A-1']);
    expect(await cli.run(['release', 'ann', '--yes'])).toEqual({
      stdout: '',
      stderr: 'The ID had no item.\n',
      exitCode: 3,
    });
  });

  test('retire lets nobody get the item again', async () => {
    const cli = await withTables('A-1');
    await cli.run(['fetch', 'ann']);
    const { stdout } = await cli.run(['retire', 'ann', '-y', '--json']);
    expect(json(stdout)).toEqual({ deduplicationId: 'ann', item: 'A-1' });
    expect((await cli.run(['add', '-'], { input: 'A-1' })).stdout).toMatch(/^1 read: 0 added/);
    expect((await cli.run(['fetch', 'bob'])).exitCode).toBe(3);
  });
});

describe('help', () => {
  const COMMANDS =
    'init add fetch fetch-all confirm assign status export release release-expired retire audit doctor'.split(
      ' ',
    );

  test('of the program names every command, that of a command every option', async () => {
    const { stdout, exitCode } = await built.run(['--help']);
    expect(exitCode).toBe(0);
    for (const command of COMMANDS) expect(stdout).toMatch(new RegExp(`^ {2}${command} `, 'm'));
    for (const command of COMMANDS) {
      const help = await built.run([command, '--help']);
      expect(help.exitCode).toBe(0);
      expect(help.stderr).toBe('');
      expect(help.stdout).toMatch(new RegExp(`^Usage: storagebox ${command} `));
      expect(help.stdout).toContain('--endpoint-url <url>');
    }
  });

  test('--version prints that of the package', async () => {
    const manifest = json(await readFile(new URL('../../package.json', import.meta.url), 'utf8'));
    expect((await built.run(['--version'])).stdout).toBe(`${manifest.version}\n`);
  });
});

describe('the configuration of the AWS command line', () => {
  test('holds here as well: a profile brings Region and credentials, and goes before keys around', async () => {
    const cli = await withTables('A-1');
    const { AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL_DYNAMODB } = cli.environment;
    await cli.file(
      'config',
      `[profile sale]\nregion = eu-west-1\naws_access_key_id = ${AWS_ACCESS_KEY_ID}\n` +
        'aws_secret_access_key = local\n',
    );
    const env = {
      AWS_CONFIG_FILE: cli.path('config'),
      AWS_REGION: undefined,
      AWS_ACCESS_KEY_ID: 'somebody',
      AWS_ENDPOINT_URL_DYNAMODB: undefined,
    };
    const args = ['--profile', 'sale', '--endpoint-url', String(AWS_ENDPOINT_URL_DYNAMODB)];
    const { stdout } = await cli.run(['fetch', 'ann', ...args], { env });
    expect(stdout).toBe('A-1\n');
  });

  test('the Region may come from AWS_DEFAULT_REGION, and --region goes before all', async () => {
    const cli = await withTables('A-1');
    const env = { AWS_REGION: undefined, AWS_DEFAULT_REGION: 'eu-west-1' };
    expect((await cli.run(['fetch', 'ann'], { env })).stdout).toBe('A-1\n');
    // DynamoDB Local keeps the tables of each Region apart, too.
    const elsewhere = await cli.run(['fetch', 'ann', '--region', 'us-east-1'], { env });
    expect(elsewhere.exitCode).toBe(4);
  });
});
