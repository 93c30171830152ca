// Tables that are missing or not ours, a disk that is full, a commit that fails.
import { Deduplicator, writtenBy } from 'storagebox/core';
import { ItemBankMemoryRepository } from 'storagebox/memory';
import {
  createTables,
  DeduplicationSqliteRepository,
  deduplicationTable,
  ItemBankSqliteRepository,
  itemBankTable,
} from 'storagebox/sqlite';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  type ClosableDatabase,
  freshDatabase,
  freshTables,
  openPair,
  SQLITE_DRIVERS,
} from '../../support/sqlite.js';

describe.each(SQLITE_DRIVERS)('$name', (driver) => {
  async function freshSale() {
    const { database } = await freshDatabase(driver);
    const tables = await freshTables(database);
    return { database, tables, pair: openPair(database, tables) };
  }

  test('tables are created once, and existing ones are left alone', async () => {
    const { database, tables, pair } = await freshSale();
    await pair.itemRepo.addItemToBank('item');
    const definitions = [
      itemBankTable(tables.bank),
      itemBankTable('new codes'),
      deduplicationTable(tables.assignments),
      deduplicationTable('new ids'),
    ];
    expect(await createTables(definitions, { database })).toEqual(['new codes', 'new ids']);
    expect(await createTables(definitions, { database })).toEqual([]);
    expect(await pair.itemRepo.countItems()).toBe(1);
  });

  test('a definition that fails creates none of the tables', async () => {
    const { database } = await freshSale();
    const broken = { tableName: 'broken', sql: 'create table broken (' };
    const creating = createTables([itemBankTable('new codes'), broken], { database });
    await expect(creating).rejects.toThrow(/incomplete input|syntax error/);
    expect(await createTables([itemBankTable('new codes')], { database })).toEqual(['new codes']);
  });

  test('a missing table is named, with the remedy', async () => {
    const { database, tables } = await freshSale();
    const calls = [
      { bank: 'no bank', assignments: tables.assignments, missing: 'no bank' },
      { bank: tables.bank, assignments: 'no ids', missing: 'no ids' },
    ].map(({ missing, ...names }) => {
      const pair = openPair(database, names);
      return { missing, pair, deduplicator: new Deduplicator(pair) };
    });
    for (const { missing, deduplicator } of calls) {
      for (const options of [{}, { alongside: () => () => {} }]) {
        await expect(deduplicator.claim('user', options)).rejects.toMatchObject({
          code: 'STORAGEBOX_TABLE_NOT_FOUND',
          tableNames: [missing],
          message: expect.stringContaining('createTables()'),
        });
      }
    }
    const [withoutBank] = calls;
    const notFound = { code: 'STORAGEBOX_TABLE_NOT_FOUND' };
    const { itemRepo } = withoutBank?.pair ?? expect.fail();
    await expect(itemRepo.getItemFromBank()).rejects.toMatchObject(notFound);
    await expect(itemRepo.countItems()).rejects.toMatchObject(notFound);
    await expect(itemRepo.batchAddItems(['item'])).rejects.toMatchObject({
      notAdded: ['item'],
      cause: notFound,
    });
  });

  test('a table with other columns, or without the key, is not ours', async () => {
    const { database, tables } = await freshSale();
    database.exec('create table "other columns" (code text primary key)');
    database.exec('create table "no key" (item text)');
    for (const bank of ['other columns', 'no key']) {
      database.exec(`create table "${bank}_ledger" (item text primary key, retired_at integer)`);
    }
    const schemaError = { code: 'STORAGEBOX_TABLE_SCHEMA', written: 'nothing' };
    for (const bank of ['other columns', 'no key']) {
      const { itemRepo } = openPair(database, { ...tables, bank });
      await expect(itemRepo.addItemToBank('item')).rejects.toMatchObject({
        ...schemaError,
        tableName: bank,
      });
    }
    const pair = openPair(database, { ...tables, assignments: 'other columns' });
    await pair.itemRepo.addItemToBank('item');
    await expect(new Deduplicator(pair).claim('user')).rejects.toMatchObject(schemaError);
    expect(await pair.itemRepo.countItems()).toBe(1);
  });

  test('when the disk is full, nothing is half written, and what was told stays', async () => {
    const { database, tables, pair } = await freshSale();
    const deduplicator = new Deduplicator(pair);
    const items = Array.from({ length: 400 }, (_, index) => `item-${index}-${'x'.repeat(100)}`);
    await pair.itemRepo.batchAddItems(items);
    const [row] = database.prepare('pragma page_count').all() as { readonly page_count: number }[];
    database.exec(`pragma max_page_count = ${(row?.page_count ?? 0) + 10}`);
    const told = new Map<string, string>();
    const refusals: unknown[] = [];
    for (let round = 0; round < 40 && refusals.length === 0; round++) {
      const users = Array.from(
        { length: 10 },
        (_, index) => `user-${round}-${index}-${'y'.repeat(200)}`,
      );
      const ended = await Promise.allSettled(users.map((user) => deduplicator.claim(user)));
      for (const [index, call] of ended.entries()) {
        if (call.status === 'rejected') refusals.push(call.reason);
        else told.set(users[index] as string, call.value.item as string);
      }
    }
    expect(refusals.length).toBeGreaterThan(0);
    for (const refusal of refusals) {
      expect(refusal).toMatchObject({ message: expect.stringContaining('full') });
      expect(writtenBy(refusal)).toBe('nothing');
    }
    const batch = Array.from({ length: 500 }, (_, index) => `more-${index}-${'z'.repeat(200)}`);
    await expect(pair.itemRepo.batchAddItems(batch)).rejects.toMatchObject({
      added: 0,
      notAdded: batch,
      unconfirmed: [],
    });
    database.exec('pragma max_page_count = 1000000');
    for (const [user, item] of told) {
      expect(await pair.deduplicationRepo.getValueForDeduplicationId(user)).toBe(item);
    }
    expect(await pair.deduplicationRepo.countAssignments()).toBe(told.size);
    expect(await pair.itemRepo.countItems()).toBe(items.length - told.size);
    expect(await new Deduplicator(openPair(database, tables)).claim('late')).toMatchObject({
      status: 'claimed',
    });
  });

  test('a read-only connection reads, and refuses to write', async () => {
    const { database, pair } = await freshSale();
    const deduplicator = new Deduplicator(pair);
    await pair.itemRepo.batchAddItems(['item-1', 'item-2']);
    const { item } = await deduplicator.claim('user');
    database.exec('pragma query_only = on');
    expect(await deduplicator.claim('user')).toMatchObject({ status: 'existing', item });
    const refusal: unknown = await deduplicator.claim('new').catch((error: unknown) => error);
    expect(refusal).toMatchObject({ message: 'attempt to write a readonly database' });
    expect(writtenBy(refusal)).toBe('nothing');
    database.exec('pragma query_only = off');
    expect(await deduplicator.claim('new')).toMatchObject({ status: 'claimed' });
  });

  /** A connection whose next commit fails: before or after SQLite has ended the transaction. */
  function failingCommit(database: ClosableDatabase, endsBy: 'commit' | 'rollback' | null) {
    const failure = new Error('the disk does not answer');
    let isDue = false;
    const failing: ClosableDatabase = {
      prepare: (sql) => database.prepare(sql),
      close: () => database.close(),
      exec: (sql) => {
        if (sql !== 'commit' || !isDue) return database.exec(sql);
        isDue = false;
        if (endsBy !== null) database.exec(endsBy);
        throw failure;
      },
    };
    const fail = () => {
      isDue = true;
    };
    return { failing, failure, fail };
  }

  test('after a commit that failed without ending the transaction, nothing was written', async () => {
    const { database, tables } = await freshSale();
    const { failing, failure, fail } = failingCommit(database, null);
    const pair = openPair(failing, tables);
    await pair.itemRepo.batchAddItems(['item-1', 'item-2']);
    const deduplicator = new Deduplicator(pair);
    fail();
    await expect(deduplicator.claim('user')).rejects.toBe(failure);
    expect(writtenBy(failure)).toBe('nothing');
    expect(await pair.deduplicationRepo.getAssignment('user')).toBeNull();
    expect(await deduplicator.claim('user')).toMatchObject({ item: 'item-1' });
  });

  test.each(['commit', 'rollback'] as const)(
    'a commit that failed and ended the transaction is in doubt, and the next call finds out (%s)',
    async (endsBy) => {
      const { database, tables } = await freshSale();
      const { failing, failure, fail } = failingCommit(database, endsBy);
      const pair = openPair(failing, tables);
      await pair.itemRepo.batchAddItems(['item-1', 'item-2', 'item-3']);
      const deduplicator = new Deduplicator(pair);
      fail();
      const ended = await Promise.allSettled([
        deduplicator.claim('one'),
        deduplicator.claim('two'),
      ]);
      expect(ended.map((each) => each.status === 'rejected' && each.reason)).toEqual([
        failure,
        failure,
      ]);
      expect(writtenBy(failure)).toBe('unknown');
      const status = endsBy === 'commit' ? 'existing' : 'claimed';
      expect(await deduplicator.claim('one')).toMatchObject({ status, item: 'item-1' });
      fail();
      const stranded: unknown = await pair.itemRepo.getItemFromBank().catch((error) => error);
      expect(stranded).toMatchObject({ code: 'STORAGEBOX_ITEM_STRANDED', cause: failure });
      fail();
      await expect(pair.itemRepo.batchAddItems(['item-4'])).rejects.toMatchObject({
        notAdded: [],
        unconfirmed: ['item-4'],
      });
    },
  );
});

test('a bank that is no SQLite bank, or is on another connection, is told by a warning', async () => {
  const [driver] = SQLITE_DRIVERS;
  const database = driver?.open(':memory:') ?? expect.fail();
  const other = driver?.open(':memory:') ?? expect.fail();
  onTestFinished(() => {
    database.close();
    other.close();
  });
  const warnings: string[] = [];
  const silent = () => {};
  const logger = {
    debug: silent,
    info: silent,
    error: silent,
    warn: (message: string) => void warnings.push(message),
  };
  const deduplicationRepo = new DeduplicationSqliteRepository({
    tableName: 'ids',
    database,
    logger,
  });
  const elsewhere = new ItemBankSqliteRepository({ tableName: 'codes', database: other });
  expect(await deduplicationRepo.atomicWritesWith(elsewhere)).toBeNull();
  expect(await deduplicationRepo.atomicWritesWith(new ItemBankMemoryRepository())).toBeNull();
  expect(warnings).toMatchObject([
    expect.stringContaining('same `database` object'),
    expect.stringContaining('ItemBankMemoryRepository'),
  ]);
  const same = new ItemBankSqliteRepository({ tableName: 'codes', database });
  const writes = await deduplicationRepo.atomicWritesWith(same);
  expect(writes?.features).toEqual(['item', 'holdForMs', 'alongside']);
  expect(await deduplicationRepo.atomicWritesWith(same)).toBe(writes);
});
