// Chosen items, holds and groups: what the commands do, print and end with.
import { DeleteItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildCommandLine, type CommandLine } from '../support/command-line.js';
import { inPlaceOf } from '../support/http-stand-in.js';
import { allRows } from '../support/tables.js';
import { setHoldEnds } from './hold-ends.js';

const BANK = 'storage_box_item_bank';
const DEDUPLICATION = 'storage_box_deduplication_table';
const HOUR_MS = 3_600_000;
const TIME = /\d{4}-\d\d-\d\dT[\d:.]+Z/;

let built: CommandLine;
beforeAll(async () => {
  built = await buildCommandLine();
});
afterAll(() => built.dispose());

const withTables = (...items: readonly string[]) => built.withTables(items);
const json = (text: string) => JSON.parse(text);

/** IDs and items. */
async function given(cli: CommandLine): Promise<Record<string, string>> {
  const rows = await allRows(cli.client(), DEDUPLICATION);
  return Object.fromEntries(rows.map((row) => [row.deduplication_id?.S, row.item_string?.S]));
}

const itemsIn = async (cli: CommandLine, table: string) =>
  (await allRows(cli.client(), table)).map((row) => String(row.item?.S)).sort();

describe('fetch --item', () => {
  test('gives that item, and nobody else gets it', async () => {
    const cli = await withTables('14A', '14B', '14C');
    const done = { stdout: '14B\n', stderr: '', exitCode: 0 };
    expect(await cli.run(['fetch', 'ann', '--item', '14B'])).toEqual(done);
    expect(await cli.run(['fetch', 'ann', '--item', '14B'])).toEqual(done);
    expect(await cli.run(['fetch', 'bob', '--item', '14B'])).toEqual({
      stdout: '',
      stderr: 'The item is not free, and the ID has none.\n',
      exitCode: 3,
    });
    const taken = await cli.run(['fetch', 'bob', '--item', '14Z', '--json']);
    expect(json(taken.stdout)).toEqual({ deduplicationId: 'bob', status: 'taken', item: null });
    expect(taken.exitCode).toBe(3);
    expect(await given(cli)).toEqual({ ann: '14B' });
  });

  test('prints what the ID has instead, and says so', async () => {
    const cli = await withTables('14A', '14B');
    await cli.run(['fetch', 'ann', '--item', '14B']);
    expect(await cli.run(['fetch', 'ann', '--item', '14A'])).toEqual({
      stdout: '14B\n',
      stderr: 'The ID has another item already.\n',
      exitCode: 0,
    });
    expect(await itemsIn(cli, BANK)).toEqual(['14A']);
  });
});

describe('fetch --hold', () => {
  test('holds the item, and a note tells until when', async () => {
    const cli = await withTables('14C');
    const startMs = Date.now();
    const { stdout, stderr, exitCode } = await cli.run(['fetch', 'ann', '--hold', '15m']);
    expect({ stdout, exitCode }).toEqual({ stdout: '14C\n', exitCode: 0 });
    expect(stderr).toMatch(/^Held until .*Z\.\n$/);
    const endMs = Date.parse(TIME.exec(stderr)?.[0] ?? '');
    expect(endMs).toBeGreaterThanOrEqual(startMs + 900_000);
    expect(endMs).toBeLessThanOrEqual(Date.now() + 900_000);
    // A plain fetch changes nothing of it.
    const { stdout: again } = await cli.run(['fetch', 'ann', '--json']);
    expect(json(again)).toMatchObject({
      status: 'existing',
      heldUntil: new Date(endMs).toISOString(),
    });
  });

  test.each(['15', 'm', '0m', '1.5h', '-1h', '15 m', '4000d'])(
    'refuses what is no duration: %s',
    async (duration) => {
      const { stderr, exitCode } = await built.run(['fetch', 'ann', `--hold=${duration}`]);
      expect(stderr).toContain(
        "Option '--hold <duration>' is invalid. Expected a number and its unit, such as 90s, 15m, 2h or 1d",
      );
      expect(exitCode).toBe(2);
    },
  );
});

describe('confirm', () => {
  test('makes the hold permanent, as often as it is run', async () => {
    const cli = await withTables('14C');
    await cli.run(['fetch', 'ann', '--hold', '1h']);
    await setHoldEnds(cli, HOUR_MS);
    const done = { stdout: '14C\n', stderr: '', exitCode: 0 };
    expect(await cli.run(['confirm', 'ann', '--item', '14C'])).toEqual(done);
    expect(await cli.run(['confirm', 'ann'])).toEqual(done);
    expect(json((await cli.run(['fetch', 'ann', '--json'])).stdout).heldUntil).toBe(null);
    expect((await cli.run(['release-expired'])).stdout).toMatch(/^0 holds had ended/);
  });

  test('ends with 3 when the ID has no item, or not the one that was paid for', async () => {
    const cli = await withTables('14C');
    const none = { stdout: '', stderr: 'The ID does not have an item.\n', exitCode: 3 };
    expect(await cli.run(['confirm', 'ann'])).toEqual(none);
    await cli.run(['fetch', 'ann', '--hold', '1h']);
    const other = await cli.run(['confirm', 'ann', '--item', '14A']);
    expect(other).toEqual({ ...none, stderr: 'The ID does not have that item.\n' });
    const asJson = await cli.run(['confirm', 'ann', '--item', '14A', '--json']);
    expect(json(asJson.stdout)).toEqual({ deduplicationId: 'ann', item: null });
    expect(json((await cli.run(['fetch', 'ann', '--json'])).stdout).heldUntil).toMatch(TIME);
  });
});

describe('fetch-all', () => {
  test('gives each ID an item, and the same ones the next time', async () => {
    const cli = await withTables('A-1', 'A-2', 'A-3');
    await cli.run(['fetch', 'order-17/2']);
    const { stdout, stderr, exitCode } = await cli.run(['fetch-all', 'order-17/1', 'order-17/2']);
    const has = await given(cli);
    expect(stdout).toBe(
      'deduplication_id,item,status,held_until\n' +
        `order-17/1,${has['order-17/1']},claimed,\norder-17/2,${has['order-17/2']},existing,\n`,
    );
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    const again = await cli.run(['fetch-all', 'order-17/1', 'order-17/2', '--json']);
    expect(json(again.stdout)).toMatchObject({
      status: 'existing',
      members: [
        { deduplicationId: 'order-17/1', item: has['order-17/1'], status: 'existing' },
        { deduplicationId: 'order-17/2', item: has['order-17/2'], heldUntil: null },
      ],
    });
  });

  test('holds them all', async () => {
    const cli = await withTables('A-1', 'A-2');
    const { stdout } = await cli.run(['fetch-all', 'ann', 'bob', '--hold', '2h']);
    const ends = stdout.trim().split('\n').slice(1);
    for (const row of ends) expect(Date.parse(row.split(',')[3] ?? '')).toBeGreaterThan(Date.now());
    expect(ends).toHaveLength(2);
  });

  test('gives nobody anything when there are too few, and ends with 3', async () => {
    const cli = await withTables('A-1');
    expect(await cli.run(['fetch-all', 'ann', 'bob'])).toEqual({
      stdout: '',
      stderr: 'Too few items, so nobody got one: needed 2, seen 1.\n',
      exitCode: 3,
    });
    const { stdout, exitCode } = await cli.run(['fetch-all', 'ann', 'bob', '--json']);
    expect(json(stdout)).toEqual({ status: 'exhausted', itemsNeeded: 2, itemsSeen: 1 });
    expect(exitCode).toBe(3);
    expect(await given(cli)).toEqual({});
  });

  test.each([
    [['ann', 'bob', 'ann'], 'An ID was given twice.'],
    [Array.from({ length: 51 }, (_, index) => `user-${index}`), '51 IDs were given'],
    [['ann', ''], 'Expected the deduplication ID to be'],
    [[], "Missing required argument 'ids'"],
  ])('refuses a group that cannot be one, and repeats no ID', async (ids, message) => {
    const { stderr, exitCode } = await built.run(['fetch-all', ...ids]);
    expect(stderr).toContain(message);
    expect(stderr).not.toContain('ann');
    expect(exitCode).toBe(2);
  });
});

describe('release-expired', () => {
  test('puts back what nobody confirmed in time, and is done when there is nothing', async () => {
    const cli = await withTables('A-1', 'A-2', 'A-3');
    await cli.run(['fetch', 'ann']);
    expect(await cli.run(['release-expired'])).toEqual({
      stdout:
        '0 holds had ended: 0 items put back, 0 confirmed, extended or released meanwhile, 0 of other banks\n',
      stderr: '',
      exitCode: 0,
    });
    await setHoldEnds(cli, 1);
    await cli.run(['fetch', 'bob', '--hold', '1h']);
    const { ann } = await given(cli);
    const report = await cli.run(['release-expired', '--json']);
    expect(json(report.stdout)).toEqual({ found: 1, released: 1, kept: 0, ofOtherBanks: 0 });
    expect(report.exitCode).toBe(0);
    expect(Object.keys(await given(cli))).toEqual(['bob']);
    expect(await itemsIn(cli, BANK)).toContain(ann);
  });

  test('leaves a hold that was confirmed since it was read', async () => {
    const cli = await withTables('A-1');
    await cli.run(['fetch', 'ann', '--hold', '1h']);
    await setHoldEnds(cli, 1);
    const endpoint = await inPlaceOf(async (operation) => {
      if (operation === 'TransactWriteItems') await cli.run(['confirm', 'ann']);
    });
    const { stdout } = await cli.run(['release-expired', '--endpoint-url', endpoint]);
    expect(stdout).toMatch(/^1 holds had ended: 0 items put back, 1 confirmed/);
    expect(await given(cli)).toEqual({ ann: 'A-1' });
  });

  test('leaves items of other banks, until these are named', async () => {
    const cli = await withTables('A-1');
    const other = ['--item-bank-table', 'seats'];
    await cli.run(['init', ...other]);
    await cli.run(['add', '-', ...other], { input: '14C\n' });
    await cli.run(['fetch', 'ann', '--hold', '1h', ...other]);
    await setHoldEnds(cli, 1);
    const left = await cli.run(['release-expired']);
    expect(left.stdout).toMatch(/ 0 items put back, .* 1 of other banks\n$/);
    expect(left.stderr).toBe('Name the other banks with --release-bank.\n');
    const { stdout } = await cli.run(['release-expired', '--release-bank', 'seats']);
    expect(stdout).toMatch(/^1 holds had ended: 1 items put back/);
    expect(await itemsIn(cli, 'seats')).toEqual(['14C']);
  });

  test('reads the index that --hold-index names, which init makes', async () => {
    const cli = built.withoutTables();
    const index = ['--hold-index', 'holds'];
    await cli.run(['init', ...index]);
    await cli.run(['add', '-'], { input: 'A-1\n' });
    await cli.run(['fetch', 'ann', '--hold', '1h']);
    await setHoldEnds(cli, 1);
    const scanned: unknown[] = [];
    const endpoint = await inPlaceOf((operation, input) => {
      if (operation === 'Scan') scanned.push((input as { IndexName?: string }).IndexName);
    });
    const args = ['release-expired', ...index, '--endpoint-url', endpoint];
    expect((await cli.run(args)).stdout).toMatch(/^1 holds had ended: 1 items put back/);
    expect(scanned).toEqual(['holds']);
  });

  test('init leaves a table alone that has no index', async () => {
    const cli = await withTables();
    const { stdout } = await cli.run(['init', '--hold-index', 'holds']);
    expect(stdout).toContain(`exists   ${DEDUPLICATION}`);
    const refused = await cli.run(['init', '--hold-index', 'my holds']);
    expect(refused.stderr).toContain("Option '--hold-index <name>' is invalid. Expected 3 to 255");
    expect(refused.exitCode).toBe(2);
  });
});

describe('what is held', () => {
  test('is shown by status, as long as there is any', async () => {
    const cli = await withTables('A-1', 'A-2', 'A-3', 'A-4');
    await cli.run(['fetch', 'ann', '--hold', '1h']);
    await setHoldEnds(cli, 1);
    await cli.run(['fetch', 'bob', '--hold', '1h']);
    await cli.run(['fetch', 'cid']);
    const { stdout } = await cli.run(['status']);
    expect(stdout).toContain(
      'left in the bank         1\n' +
        'given                    3\n' +
        'of these, only held      2\n' +
        'holds that have ended    1\n' +
        'given in the last minute 3\n',
    );
    const { stdout: asJson } = await cli.run(['status', '--json']);
    expect(json(asJson)).toMatchObject({ given: 3, held: 2, holdsEnded: 1 });
    for (const user of ['ann', 'bob']) await cli.run(['confirm', user]);
    expect((await cli.run(['status'])).stdout).not.toContain('held');
  });

  test('is exported with its end', async () => {
    const cli = await withTables('A-1');
    await cli.run(['fetch', 'ann', '--hold', '1h']);
    const [row] = await allRows(cli.client(), DEDUPLICATION);
    const end = row?.held_until?.S;
    const { stdout } = await cli.run(['export']);
    expect(stdout).toBe(
      'deduplication_id,item,item_bank_table,assigned_at,held_until\n' +
        `ann,A-1,${BANK},${row?.assigned_at?.S},${end}\n`,
    );
    const lines = await cli.run(['export', '--json']);
    expect(json(lines.stdout)).toMatchObject({ deduplication_id: 'ann', held_until: end });
  });

  test('counts as given in an audit, also when the hold has ended', async () => {
    const cli = await withTables('A-1', 'A-2');
    await cli.run(['fetch', 'ann', '--hold', '1h']);
    await setHoldEnds(cli, HOUR_MS);
    const { stdout, exitCode } = await cli.run(['audit', '--json']);
    expect(json(stdout).counts).toEqual({ inBank: 1, given: 1, retired: 0, entered: 2 });
    expect(exitCode).toBe(0);
    // Somebody put it back by hand, and did not take it from its ID.
    const item = { item: { S: (await given(cli)).ann as string } };
    await cli.client().send(new PutItemCommand({ TableName: BANK, Item: item }));
    expect((await cli.run(['audit'])).stdout).toContain('wrong            1 twice');
    await cli.client().send(new DeleteItemCommand({ TableName: BANK, Key: item }));
    expect((await cli.run(['audit'])).exitCode).toBe(0);
  });
});
