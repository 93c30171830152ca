// One sale served by Node and by the Python module at the same time: rows in both directions.
import { DeleteItemCommand, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { Deduplicator } from 'storagebox';
import { expect, test } from 'vitest';
import { audit } from '../support/audit.js';
import { allRows, freshTables, openPair, type Tables } from '../support/tables.js';

const vouchers = ['voucher-1', 'voucher-2', 'voucher-3', 'voucher-4'];

/** The Python module's `add_item_to_bank`: the key and nothing else. */
async function addTheirWay({ client, itemBankTableName }: Tables, item: string) {
  await client.send(
    new PutItemCommand({ TableName: itemBankTableName, Item: { item: { S: item } } }),
  );
}

/** Its claim: a conditional delete, then a conditional put of two attributes. */
async function claimTheirWay(tables: Tables, deduplicationId: string, item: string) {
  const { client, itemBankTableName, deduplicationTableName } = tables;
  await client.send(
    new DeleteItemCommand({
      TableName: itemBankTableName,
      Key: { item: { S: item } },
      ConditionExpression: 'attribute_exists(#item)',
      ExpressionAttributeNames: { '#item': 'item' },
    }),
  );
  await client.send(
    new PutItemCommand({
      TableName: deduplicationTableName,
      Item: { deduplication_id: { S: deduplicationId }, item_string: { S: item } },
      ConditionExpression: 'attribute_not_exists(deduplication_id)',
    }),
  );
}

/** Its `get_value_for_deduplication_id`. */
async function readTheirWay({ client, deduplicationTableName }: Tables, deduplicationId: string) {
  const { Item } = await client.send(
    new GetItemCommand({
      TableName: deduplicationTableName,
      Key: { deduplication_id: { S: deduplicationId } },
    }),
  );
  return Item?.item_string?.S ?? null;
}

test('rows of the Python module are read and claimed', async () => {
  const tables = await freshTables();
  for (const voucher of vouchers) await addTheirWay(tables, voucher);
  await claimTheirWay(tables, 'their-user', 'voucher-2');

  const deduplicator = new Deduplicator(openPair(tables));
  expect(await deduplicator.claim('their-user')).toEqual({
    status: 'existing',
    item: 'voucher-2',
    itemBankName: null,
    heldUntil: null,
  });
  const skipping = new Deduplicator({ ...openPair(tables), skipFirstRead: true });
  expect(await skipping.claim('their-user')).toEqual({
    status: 'existing',
    item: 'voucher-2',
    itemBankName: null,
    heldUntil: null,
  });

  const ours = await Promise.all(
    ['a', 'b', 'c', 'd'].map((user) => deduplicator.fetchItemForDeduplicationId(user)),
  );
  expect(ours.filter((item) => item !== null).sort()).toEqual([
    'voucher-1',
    'voucher-3',
    'voucher-4',
  ]);
  expect(await audit(tables, vouchers)).toMatchObject({ lost: 0, twice: 0, left: [] });
});

test('rows of the Python module are counted and listed with what they have', async () => {
  const tables = await freshTables();
  for (const voucher of vouchers) await addTheirWay(tables, voucher);
  await claimTheirWay(tables, 'their-user', 'voucher-2');
  const { itemRepo, deduplicationRepo } = openPair(tables);
  expect(await itemRepo.countItems()).toBe(3);
  const items: string[] = [];
  for await (const item of itemRepo.listItems()) items.push(item);
  expect(items.sort()).toEqual(['voucher-1', 'voucher-3', 'voucher-4']);

  const assignment = {
    deduplicationId: 'their-user',
    item: 'voucher-2',
    itemBankName: null,
    itemBankTableName: null,
    assignedAt: null,
    heldUntil: null,
  };
  expect(await deduplicationRepo.getAssignment('their-user')).toEqual(assignment);
  const listed: unknown[] = [];
  for await (const each of deduplicationRepo.listAssignments()) listed.push(each);
  expect(listed).toEqual([assignment]);
});

test('our rows are read and claimed by the Python module', async () => {
  const tables = await freshTables();
  const deduplicator = new Deduplicator(openPair(tables));
  await deduplicator.addItemsToBank(vouchers);
  // It hands out every row of the bank as it is, so a row may hold the item and nothing else.
  const rows = await allRows(tables.client, tables.itemBankTableName);
  expect(rows.every((row) => Object.keys(row).join() === 'item')).toBe(true);

  const ours = await deduplicator.fetchItemForDeduplicationId('our-user');
  expect(await readTheirWay(tables, 'our-user')).toBe(ours);
  const [left] = (await audit(tables, vouchers)).left;
  await claimTheirWay(tables, 'their-user', String(left));
  expect(await deduplicator.fetchItemForDeduplicationId('their-user')).toBe(left);
  await expect(claimTheirWay(tables, 'our-user', String(left))).rejects.toMatchObject({
    name: 'ConditionalCheckFailedException',
  });
});
