// What each command does, prints and ends with on a store whose tables are in a database: the same on each.
import { readFile } from 'node:fs/promises';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { programOn } from '../../src/cli/program.js';
import { chooseStore } from '../../src/cli/stores/choose-store.js';
import type { OpenStore, Store } from '../../src/cli/stores/store.js';
import { type BuiltProgram, buildProgram } from '../support/built-command-line.js';
import {
  BANK,
  type DatabaseStore,
  DEDUPLICATION,
  freeItems,
  given,
  puttingBack,
  withItems,
} from './database-store.js';

const SECRET = {
  STORAGE_BOX_DEDUPLICATION_ID_SECRET: 'a secret of the tests, and of nobody else',
};
const OTHER_SECRET = {
  STORAGE_BOX_DEDUPLICATION_ID_SECRET: 'another secret of the tests, long enough',
};
const TIME = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/;

const json = (text: string) => JSON.parse(text);
const numbered = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, index) => `${prefix}-${String(index).padStart(5, '0')}`);

export function databaseChecks(
  openStore: (built: BuiltProgram) => DatabaseStore | Promise<DatabaseStore>,
): void {
  let built: BuiltProgram;
  const opened: DatabaseStore[] = [];
  beforeAll(async () => {
    built = await buildProgram();
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    for (const store of opened.splice(0)) await store.dispose();
  });

  async function withoutTables(): Promise<DatabaseStore> {
    const store = await openStore(built);
    opened.push(store);
    return store;
  }

  const withTables = async (...items: readonly string[]) => withItems(await withoutTables(), items);

  test('init makes the two tables, and leaves them alone the next time', async () => {
    const { cli, ...store } = await withoutTables();
    expect(await cli.run(['init'])).toEqual({
      stdout: `created  ${BANK}\ncreated  ${DEDUPLICATION}\n`,
      stderr: '',
      exitCode: 0,
    });
    await cli.run(['add', '-'], { input: 'CODE-1\n' });
    expect(json((await cli.run(['init', '--json'])).stdout)).toEqual({
      tables: [BANK, DEDUPLICATION].map((tableName) => ({ tableName, isCreated: false })),
    });
    expect(await freeItems({ cli, ...store })).toEqual(['CODE-1']);
  });

  test('the tables are those that options and environment name', async () => {
    const store = await withoutTables();
    const env = { STORAGE_BOX_ITEM_BANK_TABLE: 'seats', STORAGE_BOX_DEDUPLICATION_TABLE: 'guests' };
    const { cli } = store;
    expect((await cli.run(['init'], { env })).stdout).toBe('created  seats\ncreated  guests\n');
    const named = ['--item-bank-table', 'My Seats'];
    expect((await cli.run(['init', ...named], { env })).stdout).toBe(
      'created  My Seats\nexists   guests\n',
    );
    await cli.run(['add', '-', ...named], { env, input: '14C\n' });
    await cli.run(['fetch', 'ann', ...named], { env });
    expect(await given({ ...store, assignments: 'guests' })).toEqual({ ann: '14C' });
  });

  test.each([
    ['--no-ledger'],
    ['--ledger-table', 'all_codes'],
    ['--hold-index', 'holds'],
    ['--endpoint-url', 'http://localhost:8000'],
    ['--region', 'eu-west-1'],
    ['--profile', 'sale'],
  ])('options that only DynamoDB has are unknown: %s', async (...option) => {
    const { cli } = await withoutTables();
    const { stderr, exitCode } = await cli.run(['status', ...option]);
    expect(stderr).toMatch(`storagebox: Unknown option '${option[0]}'.`);
    expect(exitCode).toBe(2);
  });

  test('missing tables are told by name, with what to do', async () => {
    const { cli } = await withTables();
    const named = ['--item-bank-table', 'no_such_table', '--json'];
    for (const command of [
      ['fetch', 'ann'],
      ['status'],
      ['audit'],
      ['export', 'items'],
      ['add', '-'],
      ['release-expired'],
    ]) {
      const { stderr, exitCode } = await cli.run([...command, ...named], { input: 'A-1\n' });
      const isExpected = command[0] === 'release-expired' ? exitCode === 0 : exitCode === 4;
      expect({ command, exitCode, isExpected }).toMatchObject({ isExpected: true });
      if (exitCode === 0) continue;
      const { error } = json(stderr);
      expect(error.message).toMatch(
        /^The table "no_such_table"( or "no_such_table_ledger")? does not exist in this /,
      );
      expect(error.remedy).toContain('"storagebox init" creates the tables.');
    }
  });

  test('an item enters once, ever, also after it was handed out or retired', async () => {
    const { cli } = await withTables('CODE-1', 'CODE-2');
    await cli.run(['fetch', 'ann', '--item', 'CODE-1']);
    await cli.run(['fetch', 'bob']);
    await cli.run(['retire', 'bob', '--yes']);
    const again = await cli.run(['add', '-', '--json'], {
      input: 'CODE-1\nCODE-2\nCODE-3\nCODE-3\n',
    });
    expect(json(again.stdout)).toEqual({ read: 4, added: 1, repeats: 1, alreadyKnown: 2 });
    expect((await cli.run(['fetch', 'cid'])).stdout).toBe('CODE-3\n');
    expect((await cli.run(['fetch', 'dan'])).exitCode).toBe(3);
  });

  test('fetch gives each ID one item, the same one each time, and the one that was chosen', async () => {
    const { cli } = await withTables('14A', '14B', '14C');
    const done = { stdout: '14B\n', stderr: '', exitCode: 0 };
    expect(await cli.run(['fetch', 'ann', '--item', '14B'])).toEqual(done);
    expect(await cli.run(['fetch', 'ann'])).toEqual(done);
    expect(await cli.run(['fetch', 'bob', '--item', '14B'])).toMatchObject({ exitCode: 3 });
    expect(json((await cli.run(['fetch', 'ann', '--json'])).stdout)).toEqual({
      deduplicationId: 'ann',
      status: 'existing',
      item: '14B',
      itemBankName: BANK,
      heldUntil: null,
    });
  });

  test('holds are confirmed, or taken back when they have ended', async () => {
    const store = await withTables('14A', '14B', '14C');
    const { cli, run, assignments, longAgo } = store;
    for (const user of ['ann', 'bob', 'cid']) {
      expect((await cli.run(['fetch', user, '--hold', '1h'])).stderr).toMatch(/^Held until /);
    }
    const { bob, cid } = await given(store);
    expect((await cli.run(['confirm', 'ann'])).exitCode).toBe(0);
    await run(`update ${assignments} set held_until = ${longAgo} where deduplication_id <> 'ann'`);
    expect((await cli.run(['confirm', 'bob', '--item', String(bob)])).stdout).toBe(`${bob}\n`);
    const report = await cli.run(['release-expired', '--json']);
    expect(json(report.stdout)).toEqual({ found: 1, released: 1, kept: 0, ofOtherBanks: 0 });
    expect(await freeItems(store)).toEqual([cid]);
    expect(Object.keys(await given(store)).sort()).toEqual(['ann', 'bob']);
  });

  test('fetch-all gives all or nothing', async () => {
    const store = await withTables('A-1', 'A-2', 'A-3');
    const { cli } = store;
    expect((await cli.run(['fetch-all', 'a', 'b', 'c', 'd'])).exitCode).toBe(3);
    expect(await given(store)).toEqual({});
    expect((await cli.run(['fetch-all', 'a', 'b', 'c'])).exitCode).toBe(0);
    expect(Object.values(await given(store)).sort()).toEqual(['A-1', 'A-2', 'A-3']);
  });

  test('assign gives everybody of a file an item, also three times at once', async () => {
    const store = await withTables(...numbered('CODE', 300));
    const { cli } = store;
    const users = numbered('user', 300);
    const file = await cli.file('users.txt', users.join('\n'));
    const runs = await Promise.all([1, 2, 3].map(() => cli.run(['assign', file])));
    const rows = runs.map(({ stdout }) => stdout.trim().split('\n').slice(1).map(pairOf));
    expect(runs.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0]);
    expect(rows[0]?.map(([user]) => user)).toEqual(users);
    expect(rows[1]).toEqual(rows[0]);
    expect(rows[2]).toEqual(rows[0]);
    expect(new Set(rows[0]?.map(([, item]) => item)).size).toBe(300);
    expect(Object.entries(await given(store)).sort()).toEqual(rows[0]);
  });

  const pairOf = (row: string) => row.split(',').slice(0, 2) as [string, string];

  test('status counts, export lists', async () => {
    const { cli, run, assignments, longAgo } = await withTables('A-1', 'A-2', 'A-3');
    await cli.run(['fetch', 'ann', '--item', 'A-1']);
    await cli.run(['fetch', 'bob', '--item', 'A-2', '--hold', '1h']);
    await run(`update ${assignments} set held_until = ${longAgo} where held_until is not null`);
    expect(json((await cli.run(['status', '--json'])).stdout)).toEqual({
      at: expect.stringMatching(TIME),
      left: 1,
      given: 2,
      givenInLastMinute: 2,
      held: 1,
      holdsEnded: 1,
    });
    expect((await cli.run(['export', 'items'])).stdout).toBe('item\nA-3\n');
    const lines = (await cli.run(['export', 'all', '--json'])).stdout.trim().split('\n').map(json);
    const row = { item_bank_table: BANK, held_until: null };
    expect(lines).toEqual([
      { ...row, deduplication_id: null, item: 'A-3', assigned_at: null },
      { ...row, deduplication_id: 'ann', item: 'A-1', assigned_at: expect.stringMatching(TIME) },
      {
        ...row,
        deduplication_id: 'bob',
        item: 'A-2',
        assigned_at: expect.stringMatching(TIME),
        held_until: '1970-01-01T00:00:01.000Z',
      },
    ]);
  });

  test('an item goes back to the bank that it came from, if that one is named', async () => {
    const store = await withTables('A-1');
    const { cli } = store;
    const other = ['--item-bank-table', 'seats'];
    await cli.run(['init', ...other]);
    await cli.run(['add', '-', ...other], { input: '14C\n' });
    await cli.run(['fetch', 'ann', ...other]);
    const refused = await cli.run(['release', 'ann', '--yes', '--json']);
    expect(json(refused.stderr).error.code).toBe('STORAGEBOX_UNKNOWN_ITEM_BANK');
    expect(refused.exitCode).toBe(2);
    const released = await cli.run(['release', 'ann', '--yes', '--release-bank', 'seats']);
    expect(released).toEqual({ stdout: '14C\n', stderr: '', exitCode: 0 });
    expect(await freeItems({ ...store, bank: 'seats' })).toEqual(['14C']);
  });

  test('keys with any character are taken, kept and shown as they are', async () => {
    const item = 'nul \u0000, its escape \u00010, and \u0001';
    const id = 'ann\u0000"\'\\ \u0001';
    const { cli } = await withTables(item);
    const { stdout } = await cli.run(['assign', '-', '--as-is', '--json'], { input: id });
    expect(json(stdout)).toMatchObject({ deduplicationId: id, item });
    expect(json((await cli.run(['export', '--json'])).stdout)).toMatchObject({
      deduplication_id: id,
      item,
    });
    expect((await cli.run(['add', '-', '--as-is'], { input: item })).stdout).toMatch(
      / 0 added, 1 /,
    );
    expect((await cli.run(['audit'])).exitCode).toBe(0);
  });

  describe('audit', () => {
    const audit = async ({ cli }: DatabaseStore, ...args: readonly string[]) => {
      const { stdout, exitCode } = await cli.run(['audit', '--json', ...args]);
      return { ...json(stdout), exitCode };
    };
    const nothing = {
      lost: [],
      unknownToLedger: [],
      twice: [],
      severalOwners: [],
      retiredButGiven: [],
    };

    async function startedSale(): Promise<DatabaseStore> {
      const store = await withTables('A-1', 'A-2', 'A-3', 'A-4', 'A-5', 'A-6');
      const users = { ann: 'A-1', bob: 'A-2', cid: 'A-3', dan: 'A-4' };
      for (const [user, item] of Object.entries(users)) {
        await store.cli.run(['fetch', user, '--item', item]);
      }
      await store.cli.run(['retire', 'dan', '--yes']);
      return store;
    }

    test('counts, where each item is in one place', async () => {
      expect(await audit(await startedSale())).toEqual({
        counts: { inBank: 2, given: 3, retired: 1, entered: 6 },
        findings: nothing,
        fixed: null,
        exitCode: 0,
      });
    });

    test('finds and repairs what is lost, twice and unknown to the ledger', async () => {
      const store = await startedSale();
      const { run, assignments, longAgo } = store;
      await run(`delete from ${assignments} where deduplication_id = 'ann'`);
      await run(puttingBack("item in ('A-2', 'A-4')"));
      await run(
        `insert into ${assignments} (deduplication_id, item, item_bank, assigned_at) values ('eve', 'B-1', null, ${longAgo})`,
      );
      const found = await audit(store);
      expect(found.exitCode).toBe(8);
      expect({ ...found.findings, twice: found.findings.twice.toSorted() }).toEqual({
        ...nothing,
        lost: ['A-1'],
        twice: ['A-2', 'A-4'],
        unknownToLedger: ['B-1'],
      });
      expect(await audit(store, '--fix', '--yes')).toMatchObject({
        fixed: { lost: 1, twice: 2, unknownToLedger: 1 },
        exitCode: 0,
      });
      expect(await audit(store)).toMatchObject({
        counts: { inBank: 3, given: 3, retired: 1, entered: 7 },
        findings: nothing,
        exitCode: 0,
      });
      expect(await freeItems(store)).toEqual(['A-1', 'A-5', 'A-6']);
    });

    test('finds several owners, and what is retired and still given', async () => {
      const store = await startedSale();
      const { run, bank, assignments, longAgo } = store;
      await run(
        `insert into ${assignments} (deduplication_id, item, item_bank, assigned_at) values ('eve', 'A-1', '${BANK}', ${longAgo})`,
      );
      await run(`update ${bank}_ledger set retired_at = ${longAgo} where item = 'A-3'`);
      const { findings, exitCode } = await audit(store);
      expect(findings).toEqual({
        ...nothing,
        severalOwners: [['A-1', ['ann', 'eve']]],
        retiredButGiven: [['A-3', ['cid']]],
      });
      expect(exitCode).toBe(8);
    });

    test('takes an item out of the bank only while somebody has it, or it is retired', async () => {
      const store = await startedSale();
      const { audit: audited, close } = await openInProcess(store);
      await store.run(puttingBack('true'));
      expect(await audited.takeOutOfBank('A-1', 'bob')).toBe(false);
      expect(await audited.takeOutOfBank('A-1', undefined)).toBe(false);
      expect(await audited.takeOutOfBank('A-9', 'ann')).toBe(false);
      expect(await freeItems(store)).toHaveLength(6);
      expect(await audited.takeOutOfBank('A-1', 'ann')).toBe(true);
      expect(await audited.takeOutOfBank('A-1', 'ann')).toBe(false);
      expect(await audited.takeOutOfBank('A-4', undefined)).toBe(true);
      expect(await freeItems(store)).toEqual(['A-2', 'A-3', 'A-5', 'A-6']);
      await close();
    });
  });

  test('a ledger that lacks items is refused by add, and filled by fill-ledger', async () => {
    const store = await withTables('A-1');
    const { cli, run, assignments, longAgo } = store;
    await cli.run(['fetch', 'ann']);
    const insertion = (bank: string) =>
      `insert into ${assignments} (deduplication_id, item, item_bank, assigned_at) values ('bob', 'B-1', ${bank}, ${longAgo})`;
    await run(insertion("'some other bank'"));
    expect((await cli.run(['add', '-'], { input: 'A-2\n' })).exitCode).toBe(0);
    await run(`delete from ${assignments} where deduplication_id = 'bob'`);
    await run(insertion(`'${BANK}'`));
    const refused = await cli.run(['add', '-', '--json'], { input: 'B-1\n' });
    expect(json(refused.stderr).error).toMatchObject({
      code: 'LEDGER_NOT_FILLED',
      remedy: 'Run "storagebox fill-ledger", then the same command again.',
      exitCode: 4,
    });
    expect((await cli.run(['fill-ledger'])).stdout).toMatch(
      / 1 entered into the ledger, 2 already /,
    );
    const added = await cli.run(['add', '-'], { input: 'B-1\n' });
    expect(added.stdout).toBe('1 read: 0 added, 1 already known, 0 repeats\n');
    expect(await freeItems(store)).toEqual(['A-2']);
  });

  describe('hashed IDs', () => {
    const COMMANDS = [
      ['fetch', 'ann'],
      ['fetch-all', 'ann', 'bob'],
      ['confirm', 'ann'],
      ['assign', '-'],
      ['release', 'ann', '--yes'],
      ['retire', 'ann', '--yes'],
    ];

    test('are kept and shown, and clear ones are taken', async () => {
      const store = await withTables('A-1', 'A-2');
      const run = (...args: readonly string[]) =>
        store.cli.run([...args, '--hash-ids'], { env: SECRET, input: 'ann\n' });
      const { stdout: item } = await run('fetch', 'ann', '--hold', '1h');
      const [stored = ''] = Object.keys(await given(store));
      expect(stored).toMatch(/^h1:[0-9a-f]{8}:[0-9a-f]{64}$/);
      expect((await run('assign', '-')).stdout).toContain(`ann,${item.trim()},existing`);
      expect((await run('export')).stdout).toContain(`${stored},${item.trim()},`);
      // Somebody put it back by hand, and did not take it from its ID.
      await store.run(puttingBack('true'));
      expect((await run('audit', '--fix', '--yes')).stdout).toContain(
        'fixed            0 lost, 1 twice',
      );
      expect((await run('release', 'ann', '--yes')).stdout).toBe(item);
    });

    test.each([
      { before: undefined, now: SECRET, code: 'IDS_NOT_HASHED' },
      { before: OTHER_SECRET, now: SECRET, code: 'IDS_HASHED_OTHERWISE' },
      { before: SECRET, now: undefined, code: 'IDS_HASHED' },
    ])('that are kept in another way are refused: $code', async ({ before, now, code }) => {
      const store = await withTables('A-1', 'A-2', 'A-3');
      const optionsFor = (secret: object | undefined) => (secret ? ['--hash-ids'] : []);
      await store.cli.run(['fetch', 'ann', ...optionsFor(before)], { env: before ?? {} });
      const rows = await given(store);
      for (const command of COMMANDS) {
        const { stdout, stderr, exitCode } = await store.cli.run(
          [...command, '--json', ...optionsFor(now)],
          { env: now ?? {}, input: 'ann\n' },
        );
        expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 4 });
        expect(json(stderr).error.code).toBe(code);
        expect(stderr).not.toMatch(/\bann\b/);
      }
      expect(await given(store)).toEqual(rows);
      const doctor = await store.cli.run(['doctor', ...optionsFor(now)], { env: now ?? {} });
      expect(doctor.stdout).toMatch(/^fault {4}deduplication table has IDs that are /m);
      expect(doctor.exitCode).toBe(4);
    });

    test('need a secret, which is told before anything is opened', async () => {
      const { cli } = await withoutTables();
      const { stderr, exitCode } = await cli.run(['init', '--hash-ids']);
      expect(stderr).toContain('--hash-ids needs a secret of 32 bytes or more');
      expect(exitCode).toBe(2);
    });
  });

  test('holds that ended long ago are a warning of doctor', async () => {
    const { cli, run, assignments, minutesAgo } = await withTables('A-1', 'A-2');
    const findings = async () => (await cli.run(['doctor'])).stdout;
    expect(await findings()).not.toContain('hold');
    for (const user of ['ann', 'bob']) await cli.run(['fetch', user, '--hold', '1h']);
    await run(`update ${assignments} set held_until = ${minutesAgo(50)}`);
    expect(await findings()).toMatch(/^ok {7}deduplication table no hold ended more than an hour/m);
    await run(`update ${assignments} set held_until = ${minutesAgo(70)}`);
    expect(await findings()).toMatch(
      /^warning {2}deduplication table holds ended more than an hour ago: 2 in a sample of 2 rows\n +remedy: Does something run "storagebox release-expired"\?$/m,
    );
  });

  test('doctor finds tables that are missing or of another shape, and a ledger that is not filled', async () => {
    const store = await withTables();
    const { cli, run, assignments, longAgo } = store;
    const doctor = async (...args: readonly string[]) => {
      const { stdout, exitCode } = await cli.run(['doctor', '--json', ...args]);
      const faults = json(stdout).findings.filter(
        ({ level }: { level: string }) => level === 'fault',
      );
      const texts = faults.map((one: Record<string, string>) => `${one.subject}: ${one.message}`);
      return { faults: texts, exitCode };
    };
    const named = (table: string) => ['--item-bank-table', table];
    expect(await doctor()).toEqual({ faults: [], exitCode: 0 });
    expect(await doctor(...named('no_such_table'))).toEqual({
      faults: ['item bank: "no_such_table" does not exist'],
      exitCode: 4,
    });
    await run('create table orders (order_id text primary key, item text)');
    expect((await doctor(...named('orders'))).faults).toEqual([
      expect.stringMatching(
        /^item bank: "orders" (lacks the column .*position integer|has the key order_id, expected item)/,
      ),
    ]);
    await run(
      `insert into ${assignments} (deduplication_id, item, item_bank, assigned_at) values ('bob', 'B-1', null, ${longAgo})`,
    );
    expect((await doctor()).faults).toEqual([
      expect.stringMatching(/^ledger: does not list all items/),
    ]);
  });

  test('an export that was stopped goes on, and only in the same place', async () => {
    const store = await withTables(...numbered('CODE', 2_500));
    const elsewhere = await withTables('B-1');
    const file = store.cli.path(`left-${process.pid}.csv`);
    const args = ['export', 'items', '--output', file];
    let rows = 0;
    const stopped = exportInProcess(store, args, () => {
      if (++rows === 1_234) throw new Error('injected');
    });
    await expect(stopped).rejects.toMatchObject({
      remedy: expect.stringContaining('Run the same command again with --resume'),
    });
    const refused = await elsewhere.cli.run([...args, '--resume']);
    expect(refused.stderr).toContain('it was started with other options, for other tables');
    expect(refused.exitCode).toBe(6);
    expect(await store.cli.run([...args, '--resume'])).toEqual({
      stdout: '',
      stderr: '',
      exitCode: 0,
    });
    const [head, ...lines] = (await readFile(file, 'utf8')).trim().split('\n');
    expect(head).toBe('item');
    expect(lines.toSorted()).toEqual(numbered('CODE', 2_500));
  });
}

/** The store as a command has it. */
async function openInProcess({ cli, url }: DatabaseStore): Promise<OpenStore> {
  vi.spyOn(process, 'cwd').mockReturnValue(cli.folder);
  const { store, location } = await chooseStore(['--store', url]);
  return store.open({
    location,
    options: { itemBankTable: BANK, deduplicationTable: DEDUPLICATION },
    releaseBanks: [],
    isCreating: false,
    signal: new AbortController().signal,
  });
}

/** Runs the command in this process, and the function after each item that it lists. */
async function exportInProcess(
  { cli, url }: DatabaseStore,
  args: readonly string[],
  onItem: () => void,
): Promise<void> {
  vi.spyOn(process, 'cwd').mockReturnValue(cli.folder);
  vi.spyOn(process.stdin, 'destroy').mockReturnValue(process.stdin);
  const { store, location } = await chooseStore(['--store', url]);
  const watched: Store = {
    ...store,
    open: async (request) => {
      const opened = await store.open(request);
      const { itemRepo } = opened;
      vi.spyOn(itemRepo, 'listItems').mockImplementation((options) => {
        const listing = Reflect.getPrototypeOf(itemRepo) as typeof itemRepo;
        const items = listing.listItems.call(itemRepo, options);
        return {
          get cursor() {
            return items.cursor;
          },
          async *[Symbol.asyncIterator]() {
            for await (const item of items) {
              yield item;
              onItem();
            }
          },
        };
      });
      return opened;
    },
  };
  await programOn({ store: watched, location }).parseAsync([...args], { from: 'user' });
}
