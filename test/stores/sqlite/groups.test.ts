// Which calls share a transaction, and what they learn of each other.
import { Deduplicator } from 'storagebox/core';
import { createTables, deduplicationTable, itemBankTable } from 'storagebox/sqlite';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  type ClosableDatabase,
  freshDatabase,
  freshTables,
  openDatabase,
  openPair,
  SQLITE_DRIVERS,
} from '../../support/sqlite.js';
import { settled, useVirtualTime } from '../../support/virtual-time.js';

const users = (count: number, name = 'user') =>
  Array.from({ length: count }, (_, index) => `${name}-${index}`);

describe.each(SQLITE_DRIVERS)('$name', (driver) => {
  /** With the statements that begin or end a transaction. */
  async function freshSale(stock: number) {
    const { database, file } = await freshDatabase(driver);
    const log: string[] = [];
    const watched: ClosableDatabase = {
      prepare: (sql) => database.prepare(sql),
      close: () => database.close(),
      exec: (sql) => {
        if (/^(begin|commit|rollback)/.test(sql)) log.push(sql);
        return database.exec(sql);
      },
    };
    const tables = await freshTables(watched);
    const pair = openPair(watched, tables);
    await pair.itemRepo.batchAddItems(users(stock, 'item'));
    log.length = 0;
    return { file, database: watched, tables, pair, log, deduplicator: new Deduplicator(pair) };
  }

  test('claims of one turn share a transaction, and each gets its own item', async () => {
    const { log, deduplicator } = await freshSale(100);
    const results = await Promise.all(users(60).map((user) => deduplicator.claim(user)));
    expect(log).toEqual(['begin', 'commit']);
    expect(new Set(results.map(({ item }) => item)).size).toBe(60);
    expect(results.every(({ status }) => status === 'claimed')).toBe(true);
  });

  test('calls of all kinds and of several pairs share it', async () => {
    const { database, tables, pair, log, deduplicator } = await freshSale(10);
    await deduplicator.claimAll(users(3, 'held'), { holdForMs: 60_000 });
    await settled();
    log.length = 0;
    const other = new Deduplicator(openPair(database, tables));
    const told = await Promise.all([
      deduplicator.claim('user-1'),
      other.claim('user-2'),
      other.claim('held-0'),
      deduplicator.confirm('held-1'),
      deduplicator.claimAll(['user-3', 'user-4']),
      pair.itemRepo.addItemToBank('item-new'),
    ]);
    // The first of the turn need not wait, and those with fewer steps before the store are first.
    expect(log.filter((sql) => sql === 'commit').length).toBeLessThanOrEqual(2);
    expect(told.slice(0, 3)).toMatchObject([
      { status: 'claimed' },
      { status: 'claimed' },
      { status: 'existing', item: 'item-0' },
    ]);
    expect(told.slice(3, 5)).toMatchObject(['item-1', { status: 'claimed' }]);
    expect(await pair.itemRepo.countItems()).toBe(4);
  });

  test('no transaction has more than 200 of them', async () => {
    const { log, deduplicator } = await freshSale(500);
    const results = await Promise.all(users(500).map((user) => deduplicator.claim(user)));
    expect(log.filter((sql) => sql === 'commit')).toHaveLength(3);
    expect(new Set(results.map(({ item }) => item)).size).toBe(500);
  });

  test('the last items go to the first of a group, and the others are told that there is none', async () => {
    const { log, deduplicator } = await freshSale(3);
    const results = await Promise.all(users(5).map((user) => deduplicator.claim(user)));
    expect(results.map(({ status }) => status)).toEqual([
      ...Array(3).fill('claimed'),
      ...Array(2).fill('exhausted'),
    ]);
    expect(log).toEqual(['begin', 'commit']);
  });

  test('a caller that is alone does not wait for the turn to end, but for 20 ms at most', async () => {
    const { log, deduplicator } = await freshSale(4);
    await settled();
    const { advance } = useVirtualTime();
    let isTurnOver = false;
    const turn = settled().then(() => {
      isTurnOver = true;
    });
    for (const user of users(3)) await deduplicator.claim(user);
    expect(isTurnOver).toBe(false);
    expect(log.filter((sql) => sql === 'commit')).toHaveLength(3);
    advance(20);
    await deduplicator.claim('user-3');
    expect(isTurnOver).toBe(true);
    await turn;
  });

  test('callers of one turn, each with an event of its own, share a transaction but for the first', async () => {
    const { log, deduplicator } = await freshSale(4);
    await settled();
    const results = await Promise.all(
      users(4).map(async (user) => {
        await settled();
        return deduplicator.claim(user);
      }),
    );
    expect(new Set(results.map(({ item }) => item)).size).toBe(4);
    expect(log.filter((sql) => sql === 'commit')).toHaveLength(2);
  });

  test('who has just written takes the lock first, and a repeat after it does not wait for others', async () => {
    const { file, log, deduplicator } = await freshSale(3);
    await deduplicator.claim('user-1');
    log.length = 0;
    await deduplicator.claim('user-2');
    expect(log).toEqual(['begin immediate', 'commit']);
    const other = openDatabase(file, driver);
    onTestFinished(() => void other.close());
    other.exec('begin immediate');
    expect(await deduplicator.claim('user-2')).toMatchObject({ status: 'existing' });
    other.exec('rollback');
  });

  test('a call that fails does not fail those that share its transaction', async () => {
    const { database, tables, pair, log, deduplicator } = await freshSale(10);
    const missing = openPair(database, { ...tables, bank: 'missing' });
    const lost = new Deduplicator(missing);
    const calls = [
      deduplicator.claim('user-1'),
      lost.claim('user-2'),
      deduplicator.claim('user-3'),
      lost.claim('user-4'),
    ];
    const ended = await Promise.allSettled(calls);
    expect(log[1]).toBe('rollback');
    const notFound = { code: 'STORAGEBOX_TABLE_NOT_FOUND', tableNames: ['missing'] };
    expect(ended).toMatchObject([
      { status: 'fulfilled', value: { status: 'claimed', item: 'item-0' } },
      { status: 'rejected', reason: notFound },
      { status: 'fulfilled', value: { status: 'claimed', item: 'item-1' } },
      { status: 'rejected', reason: notFound },
    ]);
    expect(await pair.deduplicationRepo.countAssignments()).toBe(2);
  });

  test('an ID of two groups at once has one item', async () => {
    const { deduplicator, database, tables, pair } = await freshSale(10);
    const other = new Deduplicator(openPair(database, tables));
    const [one, two] = await Promise.all([
      deduplicator.claimAll(['a', 'b', 'c']),
      other.claimAll(['c', 'b', 'd']),
    ]);
    const items = (result: typeof one) =>
      Object.fromEntries(
        (result.members ?? []).map(({ deduplicationId, item }) => [deduplicationId, item]),
      );
    expect(items(one).b).toBe(items(two).b);
    expect(items(one).c).toBe(items(two).c);
    expect(await pair.deduplicationRepo.countAssignments()).toBe(4);
    expect(await pair.itemRepo.countItems()).toBe(6);
  });

  test('two banks share the deduplication table, and each gets its own items back', async () => {
    const { database, pair } = await freshSale(2);
    await createTables([itemBankTable('other codes')], { database });
    const { itemRepo: otherBank } = openPair(database, {
      bank: 'other codes',
      assignments: pair.deduplicationRepo.tableName,
    });
    await otherBank.addItemToBank('of the other');
    const { deduplicationRepo } = pair;
    await new Deduplicator({ itemRepo: otherBank, deduplicationRepo }).claim('user');
    expect(await deduplicationRepo.getAssignment('user')).toMatchObject({
      itemBankName: 'other codes',
    });
    const unknown = { code: 'STORAGEBOX_UNKNOWN_ITEM_BANK', written: 'nothing' };
    const alone = new Deduplicator(pair);
    await expect(alone.releaseItemForDeduplicationId('user')).rejects.toMatchObject(unknown);
    const knowing = new Deduplicator({ ...pair, releaseBanks: [otherBank] });
    expect(await knowing.releaseItemForDeduplicationId('user')).toBe('of the other');
    expect(await otherBank.countItems()).toBe(1);
    expect(await pair.itemRepo.countItems()).toBe(2);
  });

  test('a bank under a name that SQLite takes for the same is the same bank', async () => {
    const { database, pair } = await freshSale(0);
    await createTables([itemBankTable('Codes')], { database });
    expect(await createTables([itemBankTable('cODES')], { database })).toEqual([]);
    const bankNamed = (tableName: string) =>
      openPair(database, { bank: tableName, assignments: pair.deduplicationRepo.tableName })
        .itemRepo;
    const { deduplicationRepo } = pair;
    await bankNamed('Codes').addItemToBank('item');
    await new Deduplicator({ itemRepo: bankNamed('CODES'), deduplicationRepo }).claim('user');
    const other = new Deduplicator({ itemRepo: bankNamed('codes'), deduplicationRepo });
    expect(await other.releaseItemForDeduplicationId('user')).toBe('item');
    expect(await bankNamed('codes').countItems()).toBe(1);
    expect(bankNamed('codes').ownsAssignment({ itemBankName: 'other' })).toBe(false);
  });
});

test('the definitions are the statements that create the tables', async () => {
  for (const { sql } of [itemBankTable('a "b"'), deduplicationTable('a "b"')]) {
    expect(sql).toContain('"a ""b"""');
    expect(sql.trim().split('\n').at(-1)).toMatch(/;$/);
  }
});
