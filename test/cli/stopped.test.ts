// Commands that are stopped half-way, and run again.
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildCommandLine, type CommandLine, ended } from '../support/command-line.js';
import { inPlaceOf } from '../support/http-stand-in.js';
import { grouped, sized } from '../support/sizes.js';
import { openPair } from '../support/tables.js';
import { setHoldEnds } from './hold-ends.js';

const IDS = sized(2_000, 10_000);
const ITEMS = IDS + 2_000;

let built: CommandLine;
beforeAll(async () => {
  built = await buildCommandLine();
});
afterAll(() => built.dispose());

const numbered = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, index) => `${prefix}-${index}`);

/**
 * Where writes wait after the first so many, until the command was told to stop: however busy the
 * machine is, the command does not end before that.
 */
async function holdWritesAfter(count: number) {
  let writes = 0;
  let isStopped = false;
  const endpoint = await inPlaceOf(async (operation) => {
    if (operation !== 'TransactWriteItems') return;
    writes++;
    while (writes > count && !isStopped) await sleep(20);
  });
  const kill = (child: ChildProcess, signal: 'SIGKILL' | 'SIGINT') => {
    child.kill(signal);
    isStopped = true;
  };
  return { environment: { AWS_ENDPOINT_URL_DYNAMODB: endpoint }, kill };
}

/** Resolves when the command has printed so many rows. */
function printed(child: ChildProcess, rows: number): Promise<void> {
  let lines = 0;
  return new Promise((resolve) => {
    child.stdout?.on('data', (text: string) => {
      lines += text.split('\n').length - 1;
      if (lines > rows) resolve();
    });
  });
}

/** IDs and items of complete rows; the last row of a killed command can be half a row. */
function rowsOf(csv: string): Map<string, string> {
  const [head, ...rows] = csv.slice(0, csv.lastIndexOf('\n')).split('\n');
  expect(head).toBe('deduplication_id,item,status');
  return new Map(rows.map((row) => row.split(',').slice(0, 2) as [string, string]));
}

test('assign, killed half-way and run again, gives everybody the same item and no item twice', async () => {
  const cli = await built.withTables(numbered('CODE', ITEMS));
  const { itemRepo, deduplicationRepo } = openPair(cli.tables());
  const file = await cli.file('subscribers.txt', numbered('user', IDS).join('\n'));

  const { environment, kill } = await holdWritesAfter(IDS / 2);
  const killed = cli.start(['assign', file], environment);
  const killedEnd = ended(killed);
  await printed(killed, IDS / 3);
  kill(killed, 'SIGKILL');
  const told = rowsOf((await killedEnd).stdout);
  const given = new Map<string, string>();
  for await (const { deduplicationId, item } of deduplicationRepo.listAssignments()) {
    given.set(deduplicationId, item);
  }
  expect(told.size).toBeGreaterThan(0);
  expect(given.size).toBeLessThan(IDS);

  const again = await cli.run(['assign', file, '--output', 'codes.csv']);
  expect(again.exitCode).toBe(0);
  expect(again.stderr).toMatch(new RegExp(`^${grouped(IDS)} IDs: .* 0 came too late\n$`));
  const csv = await readFile(cli.path('codes.csv'), 'utf8');
  const rows = rowsOf(csv);
  expect(csv.trim().split('\n')).toHaveLength(IDS + 1);
  expect([...rows.keys()]).toEqual(numbered('user', IDS));
  expect(new Set(rows.values()).size).toBe(IDS);
  // What was on its way when the command was killed can have landed since, so there may be more.
  const statuses = csv.split('\n').map((row) => row.split(',')[2]);
  expect(statuses.filter((status) => status === 'claimed').length).toBeGreaterThan(0);
  expect(statuses.filter((status) => status === 'existing').length).toBeGreaterThanOrEqual(
    given.size,
  );
  const changed = [...told, ...given].filter(([id, item]) => rows.get(id) !== item);
  expect(changed).toEqual([]);
  expect(await itemRepo.countItems()).toBe(ITEMS - IDS);
});

test('assign, stopped by Ctrl-C, ends what is under way, prints whole rows and goes on the next time', async () => {
  const cli = await built.withTables(numbered('CODE', ITEMS));
  const { deduplicationRepo } = openPair(cli.tables());
  const file = await cli.file('more-subscribers.txt', numbered('user', IDS).join('\n'));

  const { environment, kill } = await holdWritesAfter(IDS / 2);
  const child = cli.start(['assign', file], environment);
  const end = ended(child);
  await printed(child, IDS / 4);
  kill(child, 'SIGINT');
  const { stdout, stderr, exitCode } = await end;
  expect(exitCode).toBe(130);
  expect(stderr).toContain('Run the same command again');
  expect(stdout.endsWith('\n')).toBe(true);
  // Everything that was given is told, in rows and in numbers.
  const given = await deduplicationRepo.countAssignments();
  expect(rowsOf(stdout).size).toBe(given);
  const count = given.toLocaleString('en-US');
  expect(stderr).toContain(`${count} IDs: ${count} got an item, 0 had theirs already`);
});

test('add, stopped by Ctrl-C and run again, adds each item once', async () => {
  const cli = await built.withTables();
  const { itemRepo } = openPair(cli.tables());
  const file = await cli.file('codes.txt', numbered('CODE', ITEMS).join('\n'));

  const { environment, kill } = await holdWritesAfter(30);
  const child = cli.start(['add', file, '--json'], environment);
  const end = ended(child);
  while ((await itemRepo.countItems()) < 1_000) await sleep(100);
  kill(child, 'SIGINT');
  const { stderr, exitCode } = await end;
  expect(exitCode).toBe(130);
  const { error } = JSON.parse(stderr);
  expect(error).toMatchObject({ code: 'INTERRUPTED', exitCode: 130, unconfirmed: [] });
  expect(error.added).toBe(await itemRepo.countItems());
  expect(error.added).toBeLessThan(ITEMS);

  const again = await cli.run(['add', file, '--json']);
  expect(JSON.parse(again.stdout)).toEqual({
    read: ITEMS,
    added: ITEMS - error.added,
    alreadyKnown: error.added,
    repeats: 0,
  });
  expect(await itemRepo.countItems()).toBe(ITEMS);
});

test('release-expired, stopped by Ctrl-C, ends what is under way, tells how far it came, and goes on', async () => {
  const cli = await built.withTables(numbered('CODE', 40));
  const { deduplicationRepo } = openPair(cli.tables());
  await cli.run(['assign', '-'], { input: numbered('user', 40).join('\n') });
  await setHoldEnds(cli, 1);

  const { environment, kill } = await holdWritesAfter(10);
  const child = cli.start(['release-expired', '--concurrency', '4', '--json'], environment);
  const end = ended(child);
  while ((await deduplicationRepo.countAssignments()) > 30) await sleep(50);
  kill(child, 'SIGINT');
  const { stdout, stderr, exitCode } = await end;
  expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 130 });
  const { error } = JSON.parse(stderr);
  expect(error.message).toContain('holds had ended');
  expect(error.released).toBeGreaterThanOrEqual(10);
  expect(await deduplicationRepo.countAssignments()).toBe(40 - error.released);

  const again = await cli.run(['release-expired', '--json']);
  expect(JSON.parse(again.stdout)).toMatchObject({ released: 40 - error.released });
  expect(await deduplicationRepo.countAssignments()).toBe(0);
});

test('export, killed half-way and resumed, has each row once', async () => {
  const items = numbered('CODE', 3_000);
  const cli = await built.withTables(items);

  const checkpoint = cli.path('left.csv.partial.resume');
  // Small pages, slowly, and none once there is something to resume: it must not end before the kill.
  const slowEndpoint = await inPlaceOf(async (operation, input) => {
    if (operation !== 'Scan') return;
    await sleep(100);
    while (existsSync(checkpoint)) await sleep(50);
    Object.assign(input, { Limit: 20 });
  });
  const args = ['export', 'items', '--output', 'left.csv'];
  const killed = cli.start(args, { AWS_ENDPOINT_URL_DYNAMODB: slowEndpoint });
  const killedEnd = ended(killed);
  while (!existsSync(checkpoint)) await sleep(20);
  killed.kill('SIGKILL');
  await killedEnd;
  expect(existsSync(cli.path('left.csv'))).toBe(false);
  const partial = (await readFile(cli.path('left.csv.partial'), 'utf8')).split('\n').length;
  expect(partial).toBeLessThan(items.length);

  expect(await cli.run([...args, '--resume'])).toEqual({ stdout: '', stderr: '', exitCode: 0 });
  const [head, ...rows] = (await readFile(cli.path('left.csv'), 'utf8')).trim().split('\n');
  expect(head).toBe('item');
  expect(rows.toSorted()).toEqual(items.toSorted());
  expect(existsSync(checkpoint)).toBe(false);
});

test('export, throttled or stopped half-way, says how to go on, and goes on', async () => {
  const cli = await built.withTables(numbered('CODE', 200));
  let scans = 0;
  const endpoint = await inPlaceOf((operation, input) => {
    if (operation !== 'Scan') return;
    Object.assign(input, { Limit: 50 });
    return ++scans > 2 ? 'AccessDeniedException' : undefined;
  });
  const args = [
    'export',
    'items',
    '--segments',
    '1',
    '--format',
    'jsonl',
    '--output',
    'some.jsonl',
  ];
  const refused = await cli.run(args, { env: { AWS_ENDPOINT_URL_DYNAMODB: endpoint } });
  expect(refused.exitCode).toBe(5);
  expect(refused.stderr).toContain('run the same command again with --resume');
  expect((await cli.run([...args, '--resume'])).exitCode).toBe(0);
  const lines = (await readFile(cli.path('some.jsonl'), 'utf8')).trim().split('\n');
  expect(new Set(lines).size).toBe(200);
  expect(lines).toHaveLength(200);
});

test('export is not resumed where an earlier version began it, with one column less', async () => {
  const cli = await built.withTables(numbered('CODE', 60));
  await cli.run(['assign', '-'], { input: numbered('user', 60).join('\n') });
  let scans = 0;
  const endpoint = await inPlaceOf((operation, input) => {
    if (operation !== 'Scan') return;
    Object.assign(input, { Limit: 20 });
    return ++scans > 2 ? 'AccessDeniedException' : undefined;
  });
  const args = ['export', '--segments', '1', '--output', 'given.csv'];
  await cli.run(args, { env: { AWS_ENDPOINT_URL_DYNAMODB: endpoint } });
  const checkpoint = cli.path('given.csv.partial.resume');
  const content = JSON.parse(await readFile(checkpoint, 'utf8'));
  const { columns: _, ...source } = content.source;
  await writeFile(checkpoint, JSON.stringify({ ...content, source }));

  const refused = await cli.run([...args, '--resume']);
  expect(refused.stderr).toContain('by an earlier version');
  expect(refused.exitCode).toBe(6);
  expect(existsSync(cli.path('given.csv'))).toBe(false);

  await writeFile(checkpoint, JSON.stringify(content));
  expect((await cli.run([...args, '--resume'])).exitCode).toBe(0);
  const rows = (await readFile(cli.path('given.csv'), 'utf8')).trim().split('\n');
  expect(new Set(rows.map((row) => row.split(',').length))).toEqual(new Set([5]));
  expect(rows).toHaveLength(61);
});

test('a second Ctrl-C does not wait for what is under way', async () => {
  const cli = await built.withTables(['CODE-1']);
  let noteWrite = () => {};
  const isWriting = new Promise<void>((resolve) => {
    noteWrite = resolve;
  });
  const endpoint = await inPlaceOf(async (operation) => {
    if (operation !== 'TransactWriteItems') return;
    noteWrite();
    // Never answered.
    await new Promise(() => {});
  });
  const child = cli.start(['assign', '-', '--endpoint-url', endpoint]);
  const end = ended(child);
  child.stdin?.end('user\n');
  await isWriting;
  child.kill('SIGINT');
  await sleep(200);
  expect(child.exitCode).toBe(null);
  child.kill('SIGINT');
  expect((await end).exitCode).toBe(130);
});

test.each([
  ['init'],
  ['doctor'],
  ['status'],
  ['audit'],
  ['export'],
  ['fetch', 'ann'],
  ['fetch-all', 'ann', 'bob'],
  ['confirm', 'ann'],
  ['assign', '-'],
  ['release', 'ann', '--yes'],
  ['release-expired'],
])('the first Ctrl-C ends %s, though the server is silent', async (...args) => {
  const silentPeer = createServer().listen(0, '127.0.0.1');
  await once(silentPeer, 'listening');
  const { port } = silentPeer.address() as AddressInfo;
  const child = built.start([...args, '--endpoint-url', `http://127.0.0.1:${port}`]);
  const end = ended(child);
  await once(silentPeer, 'connection');
  child.kill('SIGINT');
  expect(await end).toMatchObject({
    exitCode: 130,
    stderr: expect.stringMatching(/^storagebox: Stopped by SIGINT\./),
  });
  silentPeer.close();
});
