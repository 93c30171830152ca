// What version 0.1 sends: its claim and its release, each one transaction. No part of the package is in here,
// so that a later change of it cannot change what 0.1 was.
import { randomUUID } from 'node:crypto';
import {
  GetItemCommand,
  ScanCommand,
  TransactGetItemsCommand,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';

const FETCH_LIMIT = 30;

export function openVersion01(client, { itemBankTableName, deduplicationTableName }) {
  return { claim, release };

  async function claim(id) {
    const existing = await readRow(id);
    if (existing !== undefined) return existing.item_string.S;
    let startKey;
    do {
      const { Items: rows = [], LastEvaluatedKey } = await client.send(
        new ScanCommand({
          TableName: itemBankTableName,
          Limit: FETCH_LIMIT,
          ExclusiveStartKey: startKey,
          ConsistentRead: true,
        }),
      );
      startKey = LastEvaluatedKey;
      while (rows.length > 0) {
        const [row] = rows.splice(Math.floor(Math.random() * rows.length), 1);
        const answer = await claimItem(id, row.item.S);
        if (answer !== null) return answer;
      }
    } while (startKey !== undefined);
    return (await readRowInTransaction(id))?.item_string.S ?? null;
  }

  /** What the ID has afterwards; `null` when the item is gone. */
  async function claimItem(id, item) {
    const reasons = await refusalOf([
      {
        Put: {
          TableName: deduplicationTableName,
          Item: {
            deduplication_id: { S: id },
            item_string: { S: item },
            assigned_at: { S: new Date().toISOString() },
            item_bank_table: { S: itemBankTableName },
          },
          ConditionExpression: 'attribute_not_exists(#id)',
          ExpressionAttributeNames: { '#id': 'deduplication_id' },
          ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
        },
      },
      {
        Delete: {
          TableName: itemBankTableName,
          Key: { item: { S: item } },
          ConditionExpression: 'attribute_exists(#item)',
          ExpressionAttributeNames: { '#item': 'item' },
        },
      },
    ]);
    if (reasons === null) return item;
    return reasons[0].Item?.item_string.S ?? null;
  }

  async function release(id) {
    const row = await readRow(id);
    if (row === undefined) return null;
    const reasons = await refusalOf([
      {
        Delete: {
          TableName: deduplicationTableName,
          Key: { deduplication_id: { S: id } },
          ConditionExpression: '#item = :item AND #time = :time',
          ExpressionAttributeNames: { '#item': 'item_string', '#time': 'assigned_at' },
          ExpressionAttributeValues: { ':item': row.item_string, ':time': row.assigned_at },
        },
      },
      { Put: { TableName: row.item_bank_table.S, Item: { item: row.item_string } } },
    ]);
    return reasons === null ? row.item_string.S : release(id);
  }

  /** Under one token until there is an answer. `null` once committed, else why a condition refused it. */
  async function refusalOf(actions) {
    const command = new TransactWriteItemsCommand({
      ClientRequestToken: randomUUID(),
      TransactItems: actions,
    });
    for (;;) {
      try {
        await client.send(command);
        return null;
      } catch (error) {
        const reasons = error.CancellationReasons ?? [];
        if (reasons.some(({ Code }) => Code === 'ConditionalCheckFailed')) return reasons;
        if (error.name === 'ValidationException') throw error;
      }
    }
  }

  async function readRow(id) {
    const { Item: row } = await client.send(
      new GetItemCommand({ ...placeOf(id), ConsistentRead: true }),
    );
    return row;
  }

  async function readRowInTransaction(id) {
    for (;;) {
      try {
        const command = new TransactGetItemsCommand({ TransactItems: [{ Get: placeOf(id) }] });
        const { Responses: [{ Item: row }] = [{}] } = await client.send(command);
        return row;
      } catch (error) {
        if (error.name !== 'TransactionCanceledException') throw error;
      }
    }
  }

  function placeOf(id) {
    return { TableName: deduplicationTableName, Key: { deduplication_id: { S: id } } };
  }
}
