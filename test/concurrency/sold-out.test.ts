// The original answered None to every returning ID once the bank was empty.
import { Deduplicator } from 'storagebox';
import { expect, test } from 'vitest';
import { audit } from '../support/audit.js';
import { grouped, sized, tellFigures } from '../support/sizes.js';
import { freshTables, openPair } from '../support/tables.js';
import { untilServed } from '../support/until-served.js';

const WINNERS = sized(300, 1_000);

test(`all ${grouped(WINNERS)} winners of a sold-out bank get theirs again, newcomers get null`, async () => {
  const tables = await freshTables();
  const deduplicator = new Deduplicator(openPair(tables));
  const vouchers = Array.from({ length: WINNERS }, (_, index) => `voucher-${index}`);
  const winners = vouchers.map((_, index) => `user-${index}`);
  await deduplicator.addItemsToBank(vouchers);
  const fetchAll = (one: Deduplicator) =>
    Promise.all(
      winners.map((winner) => untilServed(() => one.fetchItemForDeduplicationId(winner))),
    );

  const first = await fetchAll(deduplicator);
  expect([...first].sort()).toEqual([...vouchers].sort());
  expect(await deduplicator.fetchItemForDeduplicationId('late')).toBe(null);

  const again = await fetchAll(new Deduplicator(openPair(tables)));
  tellFigures({
    'winners who got theirs again': again.filter((item, index) => item === first[index]).length,
  });
  expect(again).toEqual(first);
  expect(await audit(tables, vouchers)).toMatchObject({ lost: 0, twice: 0 });
});
