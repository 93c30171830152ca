// The Python module's algorithm, its faults included: what the package is held against. No part of
// the package is in here.
import {
  DeleteItemCommand,
  GetItemCommand,
  PutItemCommand,
  ScanCommand,
} from '@aws-sdk/client-dynamodb';

const FETCH_LIMIT = 30;

/** A claim, each request after the one before, as the original sends them. */
export function originalClaim(client, { itemBankTableName, deduplicationTableName }) {
  return async function fetchItem(id) {
    const item = await takeItemOutOfBank();
    // Fault: nobody has looked whether the ID has an item.
    if (item === null) return null;
    // Fault: killed here, the item is in neither table.
    try {
      await putIfAbsent(id, item);
      return item;
    } catch {
      // Fault: any error reads as "already assigned".
      const existingItem = await readItem(id);
      if (existingItem !== item) await putIntoBank(item);
      return existingItem;
    }
  };

  async function takeItemOutOfBank() {
    let startKey;
    for (;;) {
      const { Items: rows = [], LastEvaluatedKey: nextKey } = await client.send(
        new ScanCommand({
          TableName: itemBankTableName,
          Limit: FETCH_LIMIT,
          ExclusiveStartKey: startKey,
        }),
      );
      // Fault: an empty page may have a next page.
      if (rows.length === 0) return null;
      while (rows.length > 0) {
        const [row] = rows.splice(Math.floor(Math.random() * rows.length), 1);
        if (await isDeletedByUs(row)) return row.item.S;
      }
      if (nextKey === undefined) throw new Error('KeyError: LastEvaluatedKey');
      startKey = nextKey;
    }
  }

  async function isDeletedByUs({ item }) {
    try {
      await client.send(
        new DeleteItemCommand({
          TableName: itemBankTableName,
          Key: { item },
          ConditionExpression: 'attribute_exists(#item)',
          ExpressionAttributeNames: { '#item': 'item' },
        }),
      );
      return true;
    } catch (error) {
      // Fault: our own delete, sent again after its response was lost, ends like this, too.
      if (error.name === 'ConditionalCheckFailedException') return false;
      throw error;
    }
  }

  async function putIfAbsent(id, item) {
    await client.send(
      new PutItemCommand({
        TableName: deduplicationTableName,
        Item: { deduplication_id: { S: id }, item_string: { S: item } },
        ConditionExpression: 'attribute_not_exists(deduplication_id)',
      }),
    );
  }

  async function readItem(id) {
    const { Item: row } = await client.send(
      new GetItemCommand({
        TableName: deduplicationTableName,
        Key: { deduplication_id: { S: id } },
        ConsistentRead: true,
      }),
    );
    return row?.item_string.S ?? null;
  }

  async function putIntoBank(item) {
    await client.send(
      new PutItemCommand({ TableName: itemBankTableName, Item: { item: { S: item } } }),
    );
  }
}
