import { Deduplicator } from 'storagebox';
import { expect, test } from 'vitest';
import { freshTables, openPair } from '../../support/tables.js';

test('a missing table of the caller’s own writes is named, and nothing is written', async () => {
  const deduplicator = new Deduplicator(openPair(await freshTables()));
  await deduplicator.addItemsToBank(['voucher-1']);
  const orderRow = { TableName: 'no_such_orders', Item: { order_id: { S: '17' } } };
  await expect(
    deduplicator.claim('user', { alongside: () => [{ Put: orderRow }] }),
  ).rejects.toMatchObject({
    code: 'STORAGEBOX_TABLE_NOT_FOUND',
    tableNames: ['no_such_orders'],
    written: 'nothing',
  });
  expect(await deduplicator.claim('another user')).toMatchObject({ status: 'claimed' });
});
