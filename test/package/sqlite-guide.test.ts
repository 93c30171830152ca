// docs/sqlite.md: its files, type-checked and run against the tarball as they stand, and its SQL.
import { deduplicationTable, itemBankTable } from 'storagebox/sqlite';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type StoreGuide, storeGuide } from '../support/store-guide.js';

let guide: StoreGuide;
beforeAll(async () => {
  guide = await storeGuide('docs/sqlite.md', ['libsql', '@types/better-sqlite3']);
});
afterAll(() => guide.dispose());

test('its files type-check under strict', async () => {
  expect(await guide.typeErrors()).toBe('');
});

test('set-up and claims do what they say', async () => {
  const setUp = await guide.run('set-up.ts');
  expect(setUp).toBe("created: [ 'voucher_codes', 'voucher_owners' ]\nadded: 3\n");
  const claim = await guide.run('claim.ts');
  expect(claim).toMatch(/^SUMMER-1\n/);
  expect(claim).toContain("status: 'existing'");
});

test('an order is written with its code, and not without', async () => {
  const output = await guide.runCode(`
    import { database } from './box.js';
    import { claimWithOrder } from './alongside.js';
    database.exec('create table orders (user_id text primary key, code text not null)');
    const { item } = await claimWithOrder('bob');
    const row = database.prepare('select code from orders where user_id = ?').get('bob');
    console.log(item === row.code);
  `);
  expect(output).toBe('true\n');
});

test('the SQL on the page is that of the package', () => {
  const sql = [itemBankTable('voucher_codes'), deduplicationTable('voucher_owners')];
  for (const each of sql) expect(guide.text).toContain(each.sql.trim());
});
