// Own writes in the transaction of the call: what refuses them, and what they must not do.
import { Deduplicator } from 'storagebox/core';
import type { SqliteDatabase, SqliteWrite } from 'storagebox/sqlite';
import { describe, expect, test } from 'vitest';
import { freshDatabase, freshTables, openPair, SQLITE_DRIVERS } from '../../support/sqlite.js';

describe.each(SQLITE_DRIVERS)('$name', (driver) => {
  async function freshSale() {
    const { database } = await freshDatabase(driver);
    database.exec(
      'pragma foreign_keys = on; create table users (name text primary key) strict; create table orders ' +
        '(name text references users deferrable initially deferred, item text not null unique) strict',
    );
    const tables = await freshTables(database);
    const pair = openPair(database, tables);
    const deduplicator = new Deduplicator(pair);
    await deduplicator.addItemsToBank(['item-1', 'item-2']);
    const orders = () => database.prepare('select item from orders').all().length;
    /** Nothing of the claim was written, and the next one works. */
    const assertNothingWritten = async () => {
      expect(await pair.deduplicationRepo.getAssignment('user')).toBeNull();
      expect(await pair.itemRepo.countItems()).toBe(2);
      expect((await deduplicator.claim('user')).status).toBe('claimed');
    };
    return { database, tables, pair, deduplicator, orders, assertNothingWritten };
  }

  const order =
    (item: string, name: string | null = null): SqliteWrite =>
    (database) => {
      database.prepare('insert into orders values (?, ?)').run(name, item);
    };

  test('they get the database of the repositories, and are committed with the claim', async () => {
    const { database, deduplicator, orders } = await freshSale();
    const given: SqliteDatabase[] = [];
    const { item } = await deduplicator.claim('user', {
      alongside: (claimed) => (on) => {
        given.push(on);
        order(claimed)(on);
      },
    });
    expect(given).toEqual([database]);
    expect(database.prepare('select item from orders').all()).toMatchObject([{ item }]);
    expect(orders()).toBe(1);
  });

  test('what they throw is the reason, and all that they wrote is gone', async () => {
    const { deduplicator, orders, assertNothingWritten } = await freshSale();
    const fault = new Error('too late');
    const claim = deduplicator.claim('user', {
      alongside: (item) => (database) => {
        order(item)(database);
        throw fault;
      },
    });
    await expect(claim).rejects.toMatchObject({
      code: 'STORAGEBOX_ALONGSIDE_REFUSED',
      written: 'nothing',
      reasons: [fault],
      cause: fault,
    });
    expect(orders()).toBe(0);
    await assertNothingWritten();
  });

  test('a constraint that is checked at once, or at the commit, refuses them', async () => {
    const { deduplicator, orders, assertNothingWritten } = await freshSale();
    const refused = { code: 'STORAGEBOX_ALONGSIDE_REFUSED', written: 'nothing' };
    const twice = (item: string) => (database: SqliteDatabase) => {
      order(item)(database);
      order(item)(database);
    };
    await expect(deduplicator.claim('user', { alongside: twice })).rejects.toMatchObject(refused);
    const ofNobody = (item: string) => order(item, 'nobody');
    await expect(deduplicator.claim('user', { alongside: ofNobody })).rejects.toMatchObject(
      refused,
    );
    expect(orders()).toBe(0);
    await assertNothingWritten();
  });

  test.each(['commit', 'rollback', 'commit; begin', 'rollback; begin immediate'])(
    '`%s` in them is refused, and nothing of the call is written',
    async (sql) => {
      const { database, deduplicator, assertNothingWritten } = await freshSale();
      const claim = deduplicator.claim('user', { alongside: () => (on) => void on.exec(sql) });
      await expect(claim).rejects.toMatchObject({
        code: 'STORAGEBOX_INVALID_OPTION',
        option: 'alongside',
        message: expect.stringContaining('leaves the transaction open'),
      });
      // No transaction is left behind.
      database.exec('begin');
      database.exec('rollback');
      await assertNothingWritten();
    },
  );

  test('savepoints are theirs', async () => {
    const { deduplicator, orders } = await freshSale();
    const { item } = await deduplicator.claim('user', {
      alongside: (claimed) => (database) => {
        database.exec('savepoint mine');
        order('in vain')(database);
        database.exec('rollback to mine; release mine');
        order(claimed)(database);
      },
    });
    expect(item).toBe('item-1');
    expect(orders()).toBe(1);
  });

  test('what awaits is refused, and what it does afterwards fails for itself', async () => {
    const { deduplicator, orders, assertNothingWritten } = await freshSale();
    const alongside = (item: string) =>
      (async (database: SqliteDatabase) => {
        order(item)(database);
        await null;
        throw new Error('nobody hears of it');
      }) as SqliteWrite;
    await expect(deduplicator.claim('user', { alongside })).rejects.toMatchObject({
      code: 'STORAGEBOX_INVALID_OPTION',
      option: 'alongside',
    });
    expect(orders()).toBe(0);
    await assertNothingWritten();
  });

  test('what is no function is refused', async () => {
    const { deduplicator, assertNothingWritten } = await freshSale();
    const alongside = () => [{ Put: {} }] as unknown as SqliteWrite;
    await expect(deduplicator.claim('user', { alongside })).rejects.toMatchObject({
      code: 'STORAGEBOX_INVALID_OPTION',
      option: 'alongside',
    });
    await assertNothingWritten();
  });

  test('they must leave the tables of the pair alone', async () => {
    const { tables, deduplicator, assertNothingWritten } = await freshSale();
    const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;
    const meddling = [
      `delete from ${quoted(tables.bank)}`,
      `insert into ${quoted(tables.assignments)} values ('user', 'other', null, 1, null)`,
    ];
    for (const sql of meddling) {
      const alongside = () => (database: SqliteDatabase) => void database.exec(sql);
      await expect(deduplicator.claim('user', { alongside })).rejects.toMatchObject({
        code: 'STORAGEBOX_INVALID_OPTION',
        option: 'alongside',
      });
    }
    await assertNothingWritten();
  });

  test('a claim with own writes that are refused fails alone, among claims of the same turn', async () => {
    const { pair, deduplicator } = await freshSale();
    const [refused, ...others] = await Promise.allSettled([
      deduplicator.claim('user', {
        alongside: () => () => {
          throw new Error('no');
        },
      }),
      deduplicator.claim('user-1'),
      deduplicator.claim('user-2'),
    ]);
    expect(refused).toMatchObject({ status: 'rejected' });
    expect(others.map((each) => each.status === 'fulfilled' && each.value.status)).toEqual([
      'claimed',
      'claimed',
    ]);
    expect(await pair.deduplicationRepo.countAssignments()).toBe(2);
  });
});
