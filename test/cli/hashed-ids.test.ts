// Tables that keep hashes of IDs: no command may take somebody who has an item for somebody new.
import { PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildCommandLine, type CommandLine } from '../support/command-line.js';
import { inPlaceOf } from '../support/http-stand-in.js';
import { allRows } from '../support/tables.js';

const DEDUPLICATION = 'storage_box_deduplication_table';
const BANK = 'storage_box_item_bank';
const VARIABLE = 'STORAGE_BOX_DEDUPLICATION_ID_SECRET';
const env = { [VARIABLE]: 'a secret of the tests, and of nobody else' };
const otherEnv = { [VARIABLE]: 'another secret of the tests, long enough' };
const HASH = /^h1:[0-9a-f]{8}:[0-9a-f]{64}$/;

let built: CommandLine;
beforeAll(async () => {
  built = await buildCommandLine();
});
afterAll(() => built.dispose());

const storedIds = async (cli: CommandLine) =>
  (await allRows(cli.client(), DEDUPLICATION)).map((row) => String(row.deduplication_id?.S));

/** Everything that takes IDs. */
const COMMANDS = [
  ['fetch', 'ann'],
  ['fetch', 'ann', '--item', 'A-2', '--hold', '1h'],
  ['fetch-all', 'ann', 'bob'],
  ['confirm', 'ann'],
  ['assign', '-'],
  ['release', 'ann', '--yes'],
  ['retire', 'ann', '--yes'],
];

test('takes clear IDs, keeps hashes and shows hashes', async () => {
  const cli = await built.withTables(['A-1', 'A-2', 'A-3']);
  const run = (...args: readonly string[]) =>
    cli.run([...args, '--hash-ids'], { env, input: 'ann\n' });
  const { stdout: item } = await run('fetch', 'ann', '--hold', '1h');
  const [stored] = await storedIds(cli);
  expect(stored).toMatch(HASH);
  expect(await run('fetch', 'ann')).toMatchObject({ stdout: item, exitCode: 0 });
  expect((await run('confirm', 'ann')).stdout).toBe(item);
  expect((await run('assign', '-')).stdout).toContain(`ann,${item.trim()},existing`);
  expect((await run('fetch-all', 'ann', 'bob')).stdout).toContain(`ann,${item.trim()},existing`);
  expect((await run('export')).stdout).toContain(`${stored},${item.trim()},`);
  expect(JSON.parse((await run('status', '--json')).stdout)).toMatchObject({ given: 2, left: 1 });
  expect((await run('audit')).exitCode).toBe(0);
  expect((await run('release', 'ann', '--yes')).stdout).toBe(item);
  expect(await storedIds(cli)).not.toContain(stored);
});

test('audit --fix takes out of the bank what a hashed ID has', async () => {
  const cli = await built.withTables(['A-1']);
  await cli.run(['fetch', 'ann', '--hash-ids'], { env });
  const Item = { item: { S: 'A-1' } };
  await cli.client().send(new PutItemCommand({ TableName: BANK, Item }));
  const { stdout } = await cli.run(['audit', '--fix', '--yes', '--hash-ids'], { env });
  expect(stdout).toContain('fixed            0 lost, 1 twice');
  expect(await allRows(cli.client(), BANK)).toEqual([]);
});

test.each([
  ['a table with clear IDs, by --hash-ids', undefined, env, 'IDS_NOT_HASHED', 'not hashed'],
  ['a table of another secret', otherEnv, env, 'IDS_HASHED_OTHERWISE', 'another secret'],
  ['a table with hashed IDs, without --hash-ids', env, undefined, 'IDS_HASHED', 'are hashed'],
])('refuses %s', async (_, before, now, code, reason) => {
  const cli = await built.withTables(['A-1', 'A-2', 'A-3']);
  const optionsFor = (secret: typeof env | undefined) => (secret ? ['--hash-ids'] : []);
  await cli.run(['fetch', 'ann', ...optionsFor(before)], { env: before ?? {} });
  const rows = await allRows(cli.client(), DEDUPLICATION);
  expect(rows).toHaveLength(1);
  for (const command of COMMANDS) {
    const { stdout, stderr, exitCode } = await cli.run([...command, '--json', ...optionsFor(now)], {
      env: now ?? {},
      input: 'ann\n',
    });
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 4 });
    const { error } = JSON.parse(stderr);
    expect(error.code).toBe(code);
    expect(error.message).toContain(reason);
    expect(error.message).toContain('whoever has an item there would get a second one');
    expect(error.message).not.toContain('ann');
  }
  expect(await allRows(cli.client(), DEDUPLICATION)).toEqual(rows);
  expect(await allRows(cli.client(), BANK)).toHaveLength(2);
});

test.each([undefined, '', 'é'.repeat(15)])(
  '--hash-ids without a secret is wrong usage, and no request is sent: %j',
  async (secret) => {
    const endpoint = ['--endpoint-url', 'http://127.0.0.1:1'];
    const { stderr, exitCode } = await built.run(['fetch', 'ann', '--hash-ids', ...endpoint], {
      env: { [VARIABLE]: secret },
    });
    expect(stderr).toContain(`--hash-ids needs a secret of 32 bytes or more in ${VARIABLE}.`);
    if (secret) expect(stderr).not.toContain(secret);
    expect(exitCode).toBe(2);
  },
);

test('a role that may not scan works, and is told what could not be checked', async () => {
  const cli = await built.withTables(['A-1']);
  const endpoint = await inPlaceOf((operation, { TableName }) =>
    operation === 'Scan' && TableName === DEDUPLICATION ? 'AccessDeniedException' : undefined,
  );
  const args = ['fetch', 'ann', '--endpoint-url', endpoint];
  const { stdout, stderr, exitCode } = await cli.run(args);
  expect({ stdout, exitCode }).toEqual({ stdout: 'A-1\n', exitCode: 0 });
  expect(stderr).toContain('this needs dynamodb:Scan on the deduplication table');
  expect((await cli.run([...args, '--json'])).stderr).toBe('');
});

test('one page of the table is read, strongly consistent', async () => {
  const cli = await built.withTables(['A-1']);
  const scans: object[] = [];
  const endpoint = await inPlaceOf((operation, input) => {
    if (operation === 'Scan' && input.TableName === DEDUPLICATION) scans.push(input);
  });
  await cli.run(['assign', '-', '--endpoint-url', endpoint], { input: 'ann\nbob\ncid\n' });
  expect(scans).toMatchObject([{ Limit: 100, ConsistentRead: true }]);
});
