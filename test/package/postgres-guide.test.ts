// docs/postgresql.md: its files, type-checked and run against the tarball as they stand, and its SQL.
import { deduplicationTable, itemBankTable } from 'storagebox/postgres';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { freshDatabase } from '../support/postgres.js';
import { type StoreGuide, storeGuide } from '../support/store-guide.js';

let guide: StoreGuide;
let database: Awaited<ReturnType<typeof freshDatabase>>;
beforeAll(async () => {
  database = await freshDatabase(inject('postgresUrl'));
  const packages = ['pg', '@types/pg'];
  guide = await storeGuide('docs/postgresql.md', packages, { DATABASE_URL: database.url });
});
afterAll(async () => {
  await guide.dispose();
  await database.drop();
});

test('its files type-check under strict', async () => {
  expect(await guide.typeErrors()).toBe('');
});

test('set-up and claims do what they say', async () => {
  const setUp = await guide.run('set-up.ts');
  expect(setUp).toBe("created: [ 'voucher_codes', 'voucher_owners' ]\nadded: 3\n");
  const claim = await guide.run('claim.ts');
  expect(claim).toMatch(/^SUMMER-\d\n/);
  expect(claim).toContain("status: 'existing'");
});

test('an order is written with its code, by either way, and not without', async () => {
  const output = await guide.runCode(`
    import { pool } from './box.js';
    import { claimWithOrder } from './alongside.js';
    import { order } from './order.js';
    await pool.query('create table orders (user_id text primary key, code text not null)');
    const { item } = await claimWithOrder('bob');
    const codes = [item, await order('cid'), await order('dan')];
    const { rows } = await pool.query('select code from orders order by user_id');
    console.log(codes.slice(0, 2).every((code, index) => code === rows[index].code), codes[2], rows.length);
    await pool.end();
  `);
  expect(output).toBe('true null 2\n');
});

test('the SQL on the page is that of the package', () => {
  const sql = [itemBankTable('voucher_codes'), deduplicationTable('voucher_owners')];
  for (const each of sql) expect(guide.text).toContain(each.sql.trim());
});
