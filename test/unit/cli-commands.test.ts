// Every command on a store that is not DynamoDB: they know the seam alone.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BatchNotFullyAddedError, Deduplicator } from 'storagebox/core';
import { DeduplicationMemoryRepository, ItemBankMemoryRepository } from 'storagebox/memory';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { describeFailure } from '../../src/cli/failures.js';
import { programOn } from '../../src/cli/program.js';
import type { LedgerLook, OpenStore, Store } from '../../src/cli/stores/store.js';

let folder: string;
let printed: string[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'storagebox-commands-'));
  printed = [];
  const collect = (text: unknown, done?: unknown) => {
    printed.push(String(text));
    if (typeof done === 'function') done();
    return true;
  };
  vi.spyOn(process.stdout, 'write').mockImplementation(collect as never);
  vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  vi.spyOn(process.stdin, 'destroy').mockReturnValue(process.stdin);
});
afterEach(async () => {
  vi.restoreAllMocks();
  process.exitCode = undefined;
  await rm(folder, { recursive: true });
});

/** A store in memory, which notes what is asked of it. */
function memoryStore(look: LedgerLook = { state: 'filled' }) {
  const asked: string[] = [];
  const itemRepo = new ItemBankMemoryRepository({ hasLedger: true, name: 'bank' });
  const deduplicationRepo = new DeduplicationMemoryRepository();
  const opened: OpenStore = {
    itemRepo,
    deduplicationRepo,
    deduplicator: new Deduplicator({ itemRepo, deduplicationRepo }),
    itemBankName: 'bank',
    ledgerName: 'ledger',
    audit: {
      async *ledgerEntries() {
        yield { item: 'LOST-1', isRetired: false };
      },
      lookAt: async (item) => ({
        isInBank: item !== 'LOST-1',
        isInLedger: true,
        isRetired: false,
        owners: [],
      }),
      takeOutOfBank: async () => false,
    },
    identity: async () => ({ shelf: 'upper' }),
    init: async () => [{ tableName: 'shelf', isCreated: true }],
    assertIdsAreOurs: async () => null,
    lookAtLedger: async () => look,
    close: () => void asked.push('close'),
  };
  const store: Store = {
    addOptions: (program) => void program.option('--shelf <name>', 'where it is'),
    parseItemBankName: (text) => text.toLowerCase(),
    open: async ({ signal: _, ...request }) => {
      asked.push(`open ${JSON.stringify(request)}`);
      return opened;
    },
    async *examine() {
      yield { level: 'warning', subject: 'shelf', message: 'is dusty', remedy: 'Dust it.' };
    },
    describeFailure: (error) =>
      error instanceof RangeError
        ? { code: 'DUSTY', message: 'The shelf is dusty.', remedy: 'Dust it.', exitCode: 4 }
        : null,
  };
  const run = async (...args: readonly string[]) => {
    printed.length = 0;
    await programOn({ store, location: './attic' }).parseAsync(args, { from: 'user' });
    return { stdout: printed.join(''), exitCode: process.exitCode };
  };
  return { asked, run, opened, store };
}

test('each command does its work', async () => {
  const { run, asked } = memoryStore();
  const codes = join(folder, 'codes.txt');
  await writeFile(codes, 'A-1\nA-2\nA-3\n');
  expect(await run('init')).toMatchObject({ stdout: 'created  shelf\n' });
  expect(await run('add', codes)).toMatchObject({
    stdout: '3 read: 3 added, 0 already known, 0 repeats\n',
  });
  const { stdout: item } = await run('fetch', 'ann');
  expect(item).toMatch(/^A-[123]\n$/);
  const guests = join(folder, 'guests.txt');
  await writeFile(guests, 'ann\nbob\n');
  const given = join(folder, 'given.csv');
  await run('assign', guests, '--output', given);
  expect(await readFile(given, 'utf8')).toContain(`ann,${item.trim()},existing`);
  expect((await run('status', '--json')).stdout).toContain('"left":1,"given":2');
  expect((await run('export', '--format', 'jsonl')).stdout).toContain('"item_bank_table":"bank"');
  expect((await run('release', 'ann', '--yes')).stdout).toBe(item);
  expect((await run('retire', 'bob', '--yes')).exitCode).toBe(0);
  expect((await run('retire', 'bob', '--yes')).exitCode).toBe(3);
  expect((await run('fetch', 'cid', '--item', item.trim(), '--hold', '1h')).stdout).toBe(item);
  expect((await run('fetch', 'dan', '--item', item.trim())).exitCode).toBe(3);
  expect((await run('confirm', 'cid')).stdout).toBe(item);
  expect((await run('fetch-all', 'cid', 'dan', '--hold', '1h')).stdout).toContain(
    `cid,${item.trim()},existing,\n`,
  );
  expect((await run('release-expired')).stdout).toMatch(/^0 holds had ended/);
  for (const user of ['cid', 'dan']) await run('release', user, '--yes');
  expect((await run('fill-ledger', '--json')).stdout).toContain('"alreadyKnown":2');
  expect(await run('doctor')).toMatchObject({ stdout: expect.stringContaining('is dusty') });
  const audited = await run('audit', '--json');
  expect(audited.exitCode).toBe(8);
  expect(JSON.parse(audited.stdout).findings.lost).toEqual(['LOST-1']);
  const opens = asked.filter((call) => call.startsWith('open'));
  expect(asked.filter((call) => call === 'close')).toHaveLength(opens.length);
  // Only init creates anything.
  expect(opens.map((call) => call.includes('"isCreating":true'))).toEqual(
    opens.map((_, index) => index === 0),
  );
});

test('the options of the store reach it, and those of the command as well', async () => {
  const { run, asked } = memoryStore();
  await run('release', 'ann', '--yes', '--shelf', 'lower', '--release-bank', 'Cellar');
  expect(JSON.parse(String(asked[0]).slice('open '.length))).toMatchObject({
    location: './attic',
    options: { shelf: 'lower', yes: true },
    releaseBanks: ['cellar'],
  });
});

test('every command that takes IDs asks first whether the store keeps them so', async () => {
  for (const command of [
    ['fetch', 'ann'],
    ['fetch-all', 'ann'],
    ['confirm', 'ann'],
    ['assign', '-'],
    ['release', 'ann', '--yes'],
    ['retire', 'ann', '--yes'],
  ]) {
    const { opened, run } = memoryStore();
    await opened.itemRepo.addItemToBank('A-1');
    const refusal = vi.spyOn(opened, 'assertIdsAreOurs').mockRejectedValue(new Error('hashed'));
    await expect(run(...command)).rejects.toThrow('hashed');
    expect(refusal).toHaveBeenCalledOnce();
    expect(await opened.itemRepo.countItems()).toBe(1);
  }
});

test('add refuses a ledger that is not filled, and adds where it cannot be looked at', async () => {
  const codes = join(folder, 'codes.txt');
  await writeFile(codes, 'A-1\n');
  const refused = memoryStore({ state: 'unfilled', remedy: 'Fill it.' }).run('add', codes);
  await expect(refused).rejects.toMatchObject({
    code: 'LEDGER_NOT_FILLED',
    remedy: 'Fill it.',
    exitCode: 4,
  });
  const { run } = memoryStore({ state: 'unknown', reason: 'It is dark.' });
  expect((await run('add', codes)).stdout).toContain('1 added');
  expect(vi.mocked(process.stderr.write).mock.calls).toEqual([['It is dark.\n']]);
});

test.each([
  ['add', 'no-such-file.txt'],
  ['assign', 'no-such-file.txt'],
  ['assign', '-', '--output', 'no-such-folder/given.csv'],
  ['export', '--output', 'no-such-folder/all.csv'],
  ['export', '--resume'],
  ['fetch', 'ann', '--hold', 'soon'],
  ['fetch-all', 'ann', 'ann'],
  ['fetch-all', ''],
  ['audit', '--output', 'no-such-folder/wrong.csv'],
  ['audit', '--yes'],
])('what is wrong with the arguments is told before the store is opened: %s', async (...args) => {
  const { run, asked } = memoryStore();
  await expect(run(...args)).rejects.toThrow();
  expect(asked).toEqual([]);
});

test.each([
  { added: 0, alreadyKnown: 2, unconfirmed: [], isToldToLook: false },
  { added: 1, alreadyKnown: 0, unconfirmed: [], isToldToLook: true },
  { added: 0, alreadyKnown: 0, unconfirmed: ['A-1'], isToldToLook: true },
])(
  'without a ledger, only a batch that may have added something needs a look: %j',
  async ({ isToldToLook, ...parts }) => {
    const { opened, run } = memoryStore();
    Object.assign(opened, { ledgerName: undefined });
    const progress = { read: 3, repeats: 0, notAdded: ['A-2'], ...parts };
    const failure = new BatchNotFullyAddedError(progress, { cause: new Error('injected') });
    vi.spyOn(opened.itemRepo, 'batchAddItems').mockRejectedValue(failure);
    const codes = join(folder, 'codes.txt');
    await writeFile(codes, 'A-1\n');
    const error = await run('add', codes).catch((reason: unknown) => reason);
    const { remedy } = describeFailure(error);
    expect(remedy?.startsWith('Without a ledger') ?? false).toBe(isToldToLook);
  },
);

test('the words of the store are those of its failures, also of a batch that failed', async () => {
  const { opened, store, run } = memoryStore();
  vi.spyOn(opened.itemRepo, 'batchAddItems').mockRejectedValue(new RangeError('dust'));
  const codes = join(folder, 'codes.txt');
  await writeFile(codes, 'A-1\n');
  const error = await run('add', codes).catch((reason: unknown) => reason);
  expect(describeFailure(error, store.describeFailure)).toMatchObject({
    message: 'The shelf is dusty.',
    exitCode: 4,
  });
});
