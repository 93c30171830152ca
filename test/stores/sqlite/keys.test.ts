// What is in the tables: keys as text that people can query, and whatever the driver makes of numbers and rows.
import BetterSqlite3 from 'better-sqlite3';
import { Deduplicator } from 'storagebox/core';
import { DeduplicationSqliteRepository } from 'storagebox/sqlite';
import { describe, expect, onTestFinished, test } from 'vitest';
import { freshDatabase, freshTables, openPair, SQLITE_DRIVERS } from '../../support/sqlite.js';

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;

/** Different keys, some of which are what others are escaped to. */
const KEYS = [
  'a\u0000b',
  'a\u0001b',
  'a\u00010b',
  'a\u00011b',
  'a\u0001\u0000b',
  'ab',
  'a',
  'A',
  'ä',
  'a\u0308',
];

describe.each(SQLITE_DRIVERS)('$name', (driver) => {
  async function freshSale() {
    const { database } = await freshDatabase(driver);
    const tables = await freshTables(database);
    return { database, tables, pair: openPair(database, tables) };
  }

  test('keys with U+0000 and U+0001 stay apart, and are stored as it is documented', async () => {
    const { database, tables, pair } = await freshSale();
    await pair.itemRepo.batchAddItems(KEYS);
    const deduplicator = new Deduplicator(pair);
    for (const key of KEYS) {
      expect(await deduplicator.claim(key, { item: key })).toMatchObject({
        status: 'claimed',
        item: key,
      });
    }
    for (const key of KEYS) {
      expect(await pair.deduplicationRepo.getValueForDeduplicationId(key)).toBe(key);
    }
    const rows = database
      .prepare(`select deduplication_id, item from ${quoted(tables.assignments)}`)
      .all() as { readonly deduplication_id: string; readonly item: string }[];
    const escapes: Readonly<Record<string, string>> = { '\u0000': '\u00010', '\u0001': '\u00011' };
    const escaped = KEYS.map((key) => Array.from(key, (each) => escapes[each] ?? each).join(''));
    expect(rows.map((row) => row.deduplication_id).sort()).toEqual([...escaped].sort());
    expect(rows.map((row) => row.item).sort()).toEqual([...escaped].sort());
    for (const key of KEYS) {
      expect(await deduplicator.releaseItemForDeduplicationId(key)).toBe(key);
    }
    const listed: string[] = [];
    for await (const item of pair.itemRepo.listItems({ pageSize: 3 })) listed.push(item);
    expect(listed.sort()).toEqual([...KEYS].sort());
  });

  test('the longest keys, also of characters that are escaped', async () => {
    const { pair } = await freshSale();
    const longest = [
      'x'.repeat(2_048),
      'é'.repeat(1_024),
      '\u0000'.repeat(2_048),
      '\u0001'.repeat(2_048),
    ];
    await pair.itemRepo.batchAddItems(longest);
    const deduplicator = new Deduplicator(pair);
    const results = await Promise.all(longest.map((key) => deduplicator.claim(key)));
    expect(results.map(({ item }) => item).sort()).toEqual([...longest].sort());
    const again = await Promise.all(longest.map((key) => deduplicator.claim(key)));
    expect(again.map(({ item }) => item)).toEqual(results.map(({ item }) => item));
  });

  test('with a secret, no clear ID is in the file', async () => {
    const { database, tables, pair } = await freshSale();
    const deduplicationRepo = new DeduplicationSqliteRepository({
      tableName: tables.assignments,
      database,
      deduplicationIdSecret: 's'.repeat(32),
    });
    await pair.itemRepo.batchAddItems(['item-1', 'item-2']);
    const deduplicator = new Deduplicator({ ...pair, deduplicationRepo });
    await deduplicator.claim('ann@example.com', { holdForMs: 1 });
    await deduplicator.claimAll(['ann@example.com', 'ben@example.com']);
    const ids = database
      .prepare(`select deduplication_id as id from ${quoted(tables.assignments)}`)
      .all() as { readonly id: string }[];
    const stored = ['ann@example.com', 'ben@example.com'].map((id) =>
      deduplicationRepo.storedIdOf(id),
    );
    expect(ids.map(({ id }) => id).sort()).toEqual(stored.sort());
    expect(stored[0]).toMatch(/^h1:/);
    expect(await deduplicationRepo.getAssignment('ann@example.com')).toMatchObject({
      deduplicationId: 'ann@example.com',
    });
    expect(await deduplicator.confirm('ann@example.com')).toBe('item-1');
  });
});

test('a connection that returns numbers as bigint gives numbers and dates', async () => {
  const database = new BetterSqlite3(':memory:');
  database.defaultSafeIntegers(true);
  onTestFinished(() => void database.close());
  const pair = openPair(database, await freshTables(database));
  const deduplicator = new Deduplicator(pair);
  expect(await pair.itemRepo.batchAddItems(['item-1', 'item-2'])).toMatchObject({ added: 2 });
  const before = Date.now();
  const { heldUntil } = await deduplicator.claim('user', { holdForMs: 1_000 });
  expect((await deduplicator.claim('user')).heldUntil).toEqual(heldUntil);
  const assignment = await pair.deduplicationRepo.getAssignment('user');
  expect(assignment?.assignedAt?.getTime()).toBeGreaterThanOrEqual(before);
  expect(await pair.itemRepo.countItems()).toBe(1);
  expect(
    await pair.deduplicationRepo.countAssignments({ assignedAfter: new Date(before - 1) }),
  ).toBe(1);
  const writes = await pair.deduplicationRepo.atomicWritesWith(pair.itemRepo);
  const ended = [];
  for await (const hold of writes?.expiredHolds?.({ at: new Date(before + 60_000) }) ?? []) {
    ended.push(await hold.release({}));
  }
  expect(ended).toEqual(['item-1']);
});

test('a connection that returns rows as arrays works as well', async () => {
  const database = new BetterSqlite3(':memory:');
  onTestFinished(() => void database.close());
  const asArrays = {
    exec: (sql: string) => database.exec(sql),
    prepare: (sql: string) => {
      const statement = database.prepare(sql);
      return statement.reader ? statement.raw() : statement;
    },
  };
  const pair = openPair(asArrays, await freshTables(asArrays));
  await pair.itemRepo.batchAddItems(['item-1', 'item-2']);
  expect(await new Deduplicator(pair).claim('user')).toMatchObject({ item: 'item-1' });
  expect(await new Deduplicator(pair).claim('user')).toMatchObject({ status: 'existing' });
  expect(await pair.itemRepo.countItems()).toBe(1);
});
