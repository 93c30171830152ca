// What the server, or the way to it, can refuse, and what callers are told.
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import {
  createTables,
  DeduplicationPostgresRepository,
  Deduplicator,
  deduplicationTable,
  ItemBankPostgresRepository,
  itemBankTable,
  writtenBy,
} from 'storagebox/postgres';
import { afterAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import { freshPair } from '../../support/postgres-storage.js';

const url = inject('postgresUrl');
const pool = new pg.Pool({ connectionString: url });
afterAll(() => pool.end());

function poolWith(options: pg.PoolConfig): pg.Pool {
  const own = new pg.Pool({ connectionString: url, ...options });
  own.on('error', () => {});
  onTestFinished(() => own.end());
  return own;
}

test('each missing table is named, in each call', async () => {
  const { open, bank, ids } = await freshPair(pool);
  const missing = (name: string) => ({
    code: 'STORAGEBOX_TABLE_NOT_FOUND',
    tableNames: [name],
    written: 'nothing',
  });
  const calls = () => {
    const deduplicator = new Deduplicator(open());
    return [
      () => deduplicator.claim('user-1'),
      () => deduplicator.claim('user-1', { item: 'seat-1' }),
      () => deduplicator.claimAll(['user-1', 'user-2']),
    ];
  };
  await pool.query(`drop table "${bank}"`);
  for (const call of calls()) await expect(call()).rejects.toMatchObject(missing(bank));
  await expect(open().itemRepo.countItems()).rejects.toMatchObject(missing(bank));
  await createTables([itemBankTable(bank)], { client: pool });
  await pool.query(`drop table "${ids}"`);
  for (const call of calls()) await expect(call()).rejects.toMatchObject(missing(ids));
});

test('a table that is not ours is told as such', async () => {
  const { open, bank, ids } = await freshPair(pool);
  await pool.query(`alter table "${bank}" rename column position to place`);
  await expect(new Deduplicator(open()).claim('user-1')).rejects.toMatchObject({
    code: 'STORAGEBOX_TABLE_SCHEMA',
    tableName: bank,
  });
  await pool.query(`alter table "${bank}" rename column place to position`);
  await pool.query(`alter table "${ids}" drop constraint "${ids}_pkey"`);
  const refused = expect(
    open().deduplicationRepo.putDeduplicationId('user-1', 'voucher-1'),
  ).rejects;
  await refused.toMatchObject({ code: 'STORAGEBOX_TABLE_SCHEMA', tableName: ids });
});

test('a timeout of the connection, and a lack of permission, come as they are: nothing was written', async () => {
  const { open, bank } = await freshPair(pool);
  await new Deduplicator(open()).addItemsToBank(['voucher-1']);
  const impatient = poolWith({ statement_timeout: 50 });
  const other = new pg.Client({ connectionString: url });
  await other.connect();
  onTestFinished(() => other.end());
  await other.query('begin');
  await other.query(`lock table "${bank}"`);
  const error = await new Deduplicator(open(impatient)).claim('user-1').catch((reason) => reason);
  expect(error).toMatchObject({ code: '57014' });
  expect(writtenBy(error)).toBe('nothing');
  await other.query('rollback');

  const readOnly = poolWith({ options: '-c default_transaction_read_only=on' });
  const refusal = await new Deduplicator(open(readOnly)).claim('user-1').catch((reason) => reason);
  expect(refusal).toMatchObject({ code: '25006' });
  expect(writtenBy(refusal)).toBe('nothing');
});

test('a batch that is refused lists all of it as not added, and quotes none of it', async () => {
  const { open } = await freshPair(pool);
  const readOnly = poolWith({ options: '-c default_transaction_read_only=on' });
  const error = await open(readOnly)
    .itemRepo.batchAddItems(['voucher-1', 'voucher-2'])
    .catch((reason) => reason);
  expect(error).toMatchObject({
    code: 'STORAGEBOX_BATCH_NOT_FULLY_ADDED',
    notAdded: ['voucher-1', 'voucher-2'],
    unconfirmed: [],
    written: 'nothing',
  });
  expect(error.message).toContain('25006');
  expect(error.message).not.toContain('voucher');
});

test('a server that cannot be reached: nothing was sent', async () => {
  const nowhere = poolWith({ connectionString: 'postgres://127.0.0.1:9/nothing' });
  const { open } = await freshPair(pool);
  await expect(new Deduplicator(open(nowhere)).claim('user-1')).rejects.toMatchObject({
    code: 'STORAGEBOX_SERVICE_UNREACHABLE',
    written: 'nothing',
  });
});

test('a connection that breaks during a claim: unknown, and the next call finds out', async () => {
  const { open, ids } = await freshPair(pool);
  const deduplicator = new Deduplicator(open());
  await deduplicator.addItemsToBank(['voucher-1']);
  const other = new pg.Client({ connectionString: url });
  await other.connect();
  onTestFinished(() => other.end());
  await other.query('begin');
  await other.query(
    `insert into "${ids}" (deduplication_id, item, assigned_at) values ('user-1', 'x', now())`,
  );
  const fragile = poolWith({ max: 1, application_name: randomUUID() });
  const claim = new Deduplicator(open(fragile)).claim('user-1').catch((reason) => reason);
  const text = `select pg_terminate_backend(pid) from pg_stat_activity
    where application_name = $1 and wait_event_type = 'Lock'`;
  while ((await pool.query(text, [fragile.options.application_name])).rowCount === 0);
  expect(await claim).toMatchObject({ code: 'STORAGEBOX_OUTCOME_UNKNOWN' });
  await other.query('rollback');
  expect(await deduplicator.claim('user-1')).toMatchObject({ item: 'voucher-1' });
});

describe('keys', () => {
  test('of any characters and 2,048 bytes that cannot be compressed are taken', async () => {
    const { open } = await freshPair(pool);
    const deduplicator = new Deduplicator(open());
    const random = () =>
      Array.from({ length: 2_048 }, () =>
        String.fromCharCode(2 + Math.floor(Math.random() * 126)),
      ).join('');
    const items = [random(), random(), 'a\u0000b', 'a\u0001b', 'a\u00010b', "it's", '\\', '"'];
    await deduplicator.addItemsToBank(items);
    const ids = [random(), random(), '\u0000', '\u0001', '\u00010', "o'hara", '\\', '"'];
    const results = await Promise.all(ids.map((id) => deduplicator.claim(id)));
    expect(results.map(({ item }) => item).sort()).toEqual([...items].sort());
    for (const [index, id] of ids.entries()) {
      expect(await deduplicator.claim(id)).toMatchObject({ item: results[index]?.item });
    }
  });

  test('whose escaped form is too long are invalid, with the limit', async () => {
    const { open } = await freshPair(pool);
    const deduplicator = new Deduplicator(open());
    const long = '\u0000'.repeat(1_400);
    await expect(deduplicator.claim(long)).rejects.toMatchObject({
      code: 'STORAGEBOX_INVALID_DEDUPLICATION_ID',
      message: expect.stringContaining('2680 bytes'),
    });
    await expect(open().itemRepo.addItemToBank(long)).rejects.toMatchObject({
      code: 'STORAGEBOX_INVALID_ITEM',
    });
    const batch = deduplicator.addItemsToBank(['voucher-1', long]);
    await expect(batch).rejects.toMatchObject({
      code: 'STORAGEBOX_BATCH_NOT_FULLY_ADDED',
      written: 'nothing',
      cause: { code: 'STORAGEBOX_INVALID_ITEM' },
    });
    expect(await open().itemRepo.countItems()).toBe(0);
  });
});

test('options that cannot be used are refused at once', () => {
  const names = ['', 'a.b.c', 'a..b', 'x'.repeat(64), 'a\u0000b', 5 as never];
  for (const tableName of names) {
    const wrong = expect(() => new ItemBankPostgresRepository({ tableName, client: pool }));
    wrong.toThrow(/tableName/);
  }
  for (const client of [{}, 'postgres://localhost', undefined] as never[]) {
    const wrong = expect(() => new DeduplicationPostgresRepository({ tableName: 'ids', client }));
    wrong.toThrow(/client/);
  }
});

test('names have 63 bytes at most: of a schema, of a table, of a bank with what its ledger adds', () => {
  const schema = 's'.repeat(63);
  const bankOf = (bytes: number) =>
    new ItemBankPostgresRepository({ tableName: `${schema}.${'b'.repeat(bytes)}`, client: pool });
  const idsOf = (bytes: number) =>
    new DeduplicationPostgresRepository({
      tableName: `${schema}.${'i'.repeat(bytes)}`,
      client: pool,
    });
  expect(bankOf(56).ledgerTableName).toBe(`${schema}.${'b'.repeat(56)}_ledger`);
  expect(idsOf(63).tableName).toBe(`${schema}.${'i'.repeat(63)}`);
  expect(() => bankOf(57)).toThrow(/63 bytes.*"_ledger"/);
  expect(() => idsOf(64)).toThrow(/63 bytes/);
});

test('a name with its schema, upper case and quotes works', async () => {
  const schema = `Schema "${randomUUID()}"`;
  await pool.query(`create schema "${schema.replaceAll('"', '""')}"`);
  const [bank, ids] = [`${schema}.It's a \\ "Bank"`, `${schema}.IDs`];
  const definitions = [itemBankTable(bank), deduplicationTable(ids)];
  const made = await Promise.all(
    Array.from({ length: 4 }, () => createTables(definitions, { client: pool })),
  );
  expect(made.flat().sort()).toEqual([bank, ids].sort());
  const deduplicator = new Deduplicator({
    itemRepo: new ItemBankPostgresRepository({ tableName: bank, client: pool }),
    deduplicationRepo: new DeduplicationPostgresRepository({ tableName: ids, client: pool }),
  });
  await deduplicator.addItemsToBank(['voucher-1']);
  expect(await deduplicator.claim('user-1')).toMatchObject({ itemBankName: bank });
  expect(await deduplicator.releaseItemForDeduplicationId('user-1')).toBe('voucher-1');
});

test('a bank in partitions works: rows of two of them can have the same place', async () => {
  const { open, bank, ids } = await freshPair(pool);
  await pool.query(`drop table "${bank}"`);
  await pool.query(`create table "${bank}" (
    item text collate "C" primary key, position integer not null default random() * 1000000
  ) partition by hash (item)`);
  for (const remainder of [0, 1, 2]) {
    await pool.query(`create table "${bank}-${remainder}" partition of "${bank}"
      for values with (modulus 3, remainder ${remainder})`);
  }
  const deduplicator = new Deduplicator(open());
  await deduplicator.addItemsToBank(Array.from({ length: 300 }, (_, n) => `voucher-${n}`));
  const users = Array.from({ length: 200 }, (_, n) => `user-${n}`);
  const claims = await Promise.all(users.map((user) => deduplicator.claim(user)));
  expect(claims.map(({ status }) => status)).toEqual(users.map(() => 'claimed'));
  const { rows } = await pool.query(
    `select item from "${bank}" union all select item from "${ids}" order by item`,
  );
  expect(new Set(rows.map(({ item }) => item)).size).toBe(300);
  expect(rows).toHaveLength(300);
});

test('a type of the name of a table is told, and is no table that somebody has made', async () => {
  const name = `codes-${randomUUID()}`;
  await pool.query(`create type "${name}" as enum ('one')`);
  const creating = createTables([itemBankTable(name)], { client: pool });
  await expect(creating).rejects.toMatchObject({ code: '42710' });
});

test('the roles of the documentation can do what they are for, and no more', async () => {
  const { open, bank, ids } = await freshPair(pool);
  const deduplicator = new Deduplicator(open());
  await deduplicator.addItemsToBank(['voucher-1', 'voucher-2', 'voucher-3']);
  const suffix = randomUUID();
  const as = async (name: string, onBank: string, onLedger: string, onIds: string) => {
    const role = `${name}-${suffix}`;
    await pool.query(`create role "${role}"`);
    const grants = { [bank]: onBank, [`${bank}_ledger`]: onLedger, [ids]: onIds };
    for (const [table, allowed] of Object.entries(grants)) {
      if (allowed !== '') await pool.query(`grant ${allowed} on "${table}" to "${role}"`);
    }
    const own = poolWith({ options: `-c role=${role}` });
    return { ...open(own), node: new Deduplicator(open(own)) };
  };
  const giver = await as('gives', 'select, update, delete', '', 'select, insert, update');
  await giver.node.claim('user-1', { holdForMs: 60_000 });
  await giver.node.claim('user-1', { holdForMs: 90_000 });
  expect(await giver.node.confirm('user-1')).not.toBeNull();
  await giver.node.claimAll(['user-1', 'user-2']);
  await expect(giver.node.releaseItemForDeduplicationId('user-1')).rejects.toMatchObject({
    code: '42501',
  });

  const taker = await as(
    'takes-back',
    'select, insert',
    'select, insert, update',
    'select, update, delete',
  );
  expect(await taker.node.releaseItemForDeduplicationId('user-1')).not.toBeNull();
  expect(await taker.node.retireItemForDeduplicationId('user-2')).not.toBeNull();
  expect(await taker.node.releaseExpiredHolds()).toMatchObject({ found: 0 });

  const seeder = await as('seeds', 'select, insert', 'select, insert', '');
  expect(await seeder.itemRepo.batchAddItems(['voucher-1', 'voucher-4'])).toMatchObject({
    added: 1,
  });
  await expect(seeder.itemRepo.getItemFromBank()).rejects.toMatchObject({ code: '42501' });
  const looker = await as('looks', 'select', 'select', 'select');
  expect(await looker.itemRepo.countItems()).toBe(3);
  expect(await looker.deduplicationRepo.countAssignments()).toBe(0);
});
