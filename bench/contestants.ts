// The contestants of the benchmark.
import {
  type DynamoDBClient,
  GetItemCommand,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import {
  DeduplicationDynamoDbRepository,
  Deduplicator,
  ItemBankDynamoDbRepository,
} from 'storagebox';
import { originalClaim } from '../test/verification/crash/original.mjs';
import type { ClaimTask, TableNames } from './task.js';

/** `null`: none left. */
export type Claim = (deduplicationId: string) => Promise<string | null>;

export const CONTESTANTS = [
  'limit',
  'storagebox',
  'storagebox, skipFirstRead',
  'original',
] as const;
export type ContestantName = (typeof CONTESTANTS)[number];

export function makeClaim(client: DynamoDBClient, task: ClaimTask): Claim {
  switch (task.contestant) {
    case 'limit':
      return task.isRepeat
        ? limitRead(client, task.deduplicationTableName)
        : limitClaim(client, task, task.knownItems);
    case 'storagebox':
      return storageBoxClaim(client, task, false);
    case 'storagebox, skipFirstRead':
      return storageBoxClaim(client, task, true);
    case 'original':
      return originalClaim(client, task);
  }
}

/** The bare SDK, one transaction per claim, on rows that no other node tries. */
function limitClaim(
  client: DynamoDBClient,
  { itemBankTableName, deduplicationTableName }: TableNames,
  knownItems: readonly string[],
): Claim {
  let next = 0;
  return async (deduplicationId) => {
    const item = knownItems[next++];
    if (item === undefined) return null;
    await client.send(
      new TransactWriteItemsCommand({
        TransactItems: [
          {
            Put: {
              TableName: deduplicationTableName,
              Item: { deduplication_id: { S: deduplicationId }, item_string: { S: item } },
              ConditionExpression: 'attribute_not_exists(deduplication_id)',
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
        ],
      }),
    );
    return item;
  };
}

/** One read, for IDs that are known to have an item. */
function limitRead(client: DynamoDBClient, TableName: string): Claim {
  return async (deduplicationId) => {
    const { Item } = await client.send(
      new GetItemCommand({ TableName, Key: { deduplication_id: { S: deduplicationId } } }),
    );
    return Item?.item_string?.S ?? null;
  };
}

function storageBoxClaim(
  client: DynamoDBClient,
  { itemBankTableName, deduplicationTableName }: TableNames,
  skipFirstRead: boolean,
): Claim {
  const deduplicator = new Deduplicator({
    itemRepo: new ItemBankDynamoDbRepository({ tableName: itemBankTableName, client }),
    deduplicationRepo: new DeduplicationDynamoDbRepository({
      tableName: deduplicationTableName,
      client,
    }),
    skipFirstRead,
  });
  return (deduplicationId) => deduplicator.fetchItemForDeduplicationId(deduplicationId);
}
