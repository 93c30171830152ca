// Commands that are stopped half-way, and run again.
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { DeduplicationDynamoDbRepository, ItemBankDynamoDbRepository } from 'storagebox';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildCommandLine, type CommandLine, ended } from '../support/command-line.js';

const IDS = 10_000;
const ITEMS = 12_000;

let built: CommandLine;
beforeAll(async () => {
  built = await buildCommandLine();
});
afterAll(() => built.dispose());

const numbered = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, index) => `${prefix}-${index}`);

function openTables(cli: CommandLine) {
  const client = cli.client();
  return {
    itemRepo: new ItemBankDynamoDbRepository({ tableName: 'storage_box_item_bank', client }),
    deduplicationRepo: new DeduplicationDynamoDbRepository({
      tableName: 'storage_box_deduplication_table',
      client,
    }),
  };
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
  const cli = built.withoutTables();
  await cli.run(['init']);
  const { itemRepo, deduplicationRepo } = openTables(cli);
  await itemRepo.batchAddItems(numbered('CODE', ITEMS));
  const file = await cli.file('subscribers.txt', numbered('user', IDS).join('\n'));

  const killed = cli.start(['assign', file]);
  const killedEnd = ended(killed);
  await printed(killed, IDS / 3);
  killed.kill('SIGKILL');
  const told = rowsOf((await killedEnd).stdout);
  const given = new Map<string, string>();
  for await (const { deduplicationId, item } of deduplicationRepo.listAssignments()) {
    given.set(deduplicationId, item);
  }
  expect(told.size).toBeGreaterThan(0);
  expect(given.size).toBeLessThan(IDS);

  const again = await cli.run(['assign', file, '--output', 'codes.csv']);
  expect(again.exitCode).toBe(0);
  expect(again.stderr).toMatch(/^10,000 IDs: .* 0 came too late\n$/);
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
  const cli = built.withoutTables();
  await cli.run(['init']);
  const { itemRepo, deduplicationRepo } = openTables(cli);
  await itemRepo.batchAddItems(numbered('CODE', ITEMS));
  const file = await cli.file('more-subscribers.txt', numbered('user', IDS).join('\n'));

  const child = cli.start(['assign', file]);
  const end = ended(child);
  await printed(child, 500);
  child.kill('SIGINT');
  const { stdout, stderr, exitCode } = await end;
  expect(exitCode).toBe(130);
  expect(stderr).toContain('Run the same command again');
  expect(stdout.endsWith('\n')).toBe(true);
  // Everything that was given is told.
  expect(rowsOf(stdout).size).toBe(await deduplicationRepo.countAssignments());
});

test('add, stopped by Ctrl-C and run again, adds each item once', async () => {
  const cli = built.withoutTables();
  await cli.run(['init']);
  const { itemRepo } = openTables(cli);
  const file = await cli.file('codes.txt', numbered('CODE', ITEMS).join('\n'));

  const child = cli.start(['add', file, '--json']);
  const end = ended(child);
  while ((await itemRepo.countItems()) < 1_000) await sleep(100);
  child.kill('SIGINT');
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

test('a second Ctrl-C does not wait for what is under way', async () => {
  const silentPeer = createServer().listen(0, '127.0.0.1');
  await once(silentPeer, 'listening');
  const { port } = silentPeer.address() as AddressInfo;
  const child = built.start(['assign', '-', '--endpoint-url', `http://127.0.0.1:${port}`]);
  const end = ended(child);
  child.stdin?.end('user\n');
  await once(silentPeer, 'connection');
  child.kill('SIGINT');
  await sleep(200);
  expect(child.exitCode).toBe(null);
  child.kill('SIGINT');
  expect((await end).exitCode).toBe(130);
  silentPeer.close();
});
