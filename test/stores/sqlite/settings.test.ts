// The settings without which the promises do not hold, and transactions of the user's on the same connection.
import { Deduplicator } from 'storagebox/core';
import { createTables, deduplicationTable, itemBankTable } from 'storagebox/sqlite';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  freshDatabase,
  freshTables,
  openPair,
  SETTINGS,
  SQLITE_DRIVERS,
} from '../../support/sqlite.js';

const WRONG = [
  { pragma: 'journal_mode = delete', remedy: 'pragma journal_mode = wal;' },
  { pragma: 'synchronous = normal', remedy: 'pragma synchronous = full;' },
  { pragma: 'synchronous = off', remedy: 'pragma synchronous = full;' },
  { pragma: 'busy_timeout = 101', remedy: 'pragma busy_timeout = 0;' },
];

describe.each(SQLITE_DRIVERS)('$name', (driver) => {
  /** A connection that the package has not used yet, to tables that are there. */
  async function freshPair() {
    const { database } = await freshDatabase(driver);
    const tables = { bank: 'codes', assignments: 'ids' };
    database.exec(itemBankTable(tables.bank).sql);
    database.exec(deduplicationTable(tables.assignments).sql);
    return { database, pair: openPair(database, tables) };
  }

  test.each(WRONG)('$pragma is refused with the statement to run', async ({ pragma, remedy }) => {
    const { database, pair } = await freshPair();
    database.exec(`pragma ${pragma}`);
    const refusal = {
      code: 'STORAGEBOX_INVALID_OPTION',
      option: 'database',
      written: 'nothing',
      message: expect.stringContaining(remedy),
    };
    const deduplicator = new Deduplicator(pair);
    await expect(deduplicator.claim('user')).rejects.toMatchObject(refusal);
    await expect(pair.itemRepo.countItems()).rejects.toMatchObject(refusal);
    await expect(createTables([itemBankTable('new')], { database })).rejects.toMatchObject(refusal);
    await expect(pair.itemRepo.batchAddItems(['item'])).rejects.toMatchObject({
      notAdded: ['item'],
      cause: refusal,
    });
    database.exec(remedy);
    expect((await deduplicator.claim('user')).status).toBe('exhausted');
  });

  test('every wrong setting is named at once', async () => {
    const { database, pair } = await freshPair();
    database.exec('pragma synchronous = off; pragma busy_timeout = 5000');
    await expect(pair.itemRepo.getItemFromBank()).rejects.toThrow(
      /got synchronous = 0, busy_timeout = 5000\. Run .*pragma synchronous = full; pragma busy_timeout = 0;/,
    );
  });

  test('more durable settings than needed, and a short wait, are accepted', async () => {
    const { database, pair } = await freshPair();
    database.exec('pragma synchronous = extra; pragma busy_timeout = 100');
    expect(await pair.itemRepo.getItemFromBank()).toBeNull();
  });

  test('a database in memory needs no settings', async () => {
    const database = driver.open(':memory:');
    onTestFinished(() => void database.close());
    const pair = openPair(database, await freshTables(database));
    await pair.itemRepo.addItemToBank('item');
    expect(await new Deduplicator(pair).claim('user')).toMatchObject({ item: 'item' });
  });

  test('an open transaction of the user is never joined', async () => {
    const { database, pair } = await freshPair();
    const deduplicator = new Deduplicator(pair);
    await pair.itemRepo.batchAddItems(['item-1', 'item-2']);
    await deduplicator.claim('earlier');
    database.exec('create table orders (id text) strict');
    database.exec(`begin immediate; insert into orders values ('order')`);
    const refusal = {
      code: 'STORAGEBOX_INVALID_OPTION',
      option: 'database',
      written: 'nothing',
      message: expect.stringContaining('a connection of their own'),
    };
    const calls = [
      () => deduplicator.claim('user'),
      () => deduplicator.claim('earlier'),
      () => deduplicator.claim('user', { alongside: () => () => {} }),
      () => deduplicator.releaseItemForDeduplicationId('earlier'),
      () => pair.itemRepo.addItemToBank('item-3'),
      () => pair.itemRepo.getItemFromBank(),
      () => pair.deduplicationRepo.getAssignment('earlier'),
      () => pair.deduplicationRepo.putDeduplicationId('user', 'item-3'),
      () => createTables([deduplicationTable('new')], { database }),
    ];
    for (const call of calls) await expect(call()).rejects.toMatchObject(refusal);
    // Those that would share a transaction have an error each.
    const together = await Promise.allSettled(calls.map((call) => call()));
    const reasons = together.map((each) => each.status === 'rejected' && each.reason);
    expect(reasons).toMatchObject(calls.map(() => refusal));
    expect(new Set(reasons).size).toBe(calls.length);
    // It is still the user's.
    database.exec('rollback');
    expect(database.prepare('select * from orders').all()).toEqual([]);
    expect(await pair.itemRepo.countItems()).toBe(1);
    expect(await deduplicator.claim('user')).toMatchObject({ status: 'claimed', item: 'item-2' });
  });

  test('the package changes no setting', async () => {
    const { database, pair } = await freshPair();
    database.exec(`${SETTINGS}; pragma foreign_keys = on; pragma cache_size = -1234`);
    const names = ['journal_mode', 'synchronous', 'busy_timeout', 'foreign_keys', 'cache_size'];
    const settings = () =>
      names.map((name) => Object.values(database.prepare(`pragma ${name}`).all()[0] as object)[0]);
    const before = settings();
    await pair.itemRepo.addItemToBank('item');
    await new Deduplicator(pair).claim('user');
    expect(settings()).toEqual(before);
  });
});

test('what is no connection is refused, and a name that no table can have', () => {
  const refusal = (option: string) => expect.objectContaining({ option });
  const database = {} as Parameters<typeof openPair>[0];
  expect(() => openPair(database, { bank: 'codes', assignments: 'ids' })).toThrow(
    refusal('database'),
  );
  for (const name of ['', 'a\u0000b', 7] as string[]) {
    expect(() => itemBankTable(name)).toThrow(refusal('tableName'));
    expect(() => deduplicationTable(name)).toThrow(refusal('tableName'));
  }
});
