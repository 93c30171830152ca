// The contestants of the benchmark.
import {
  type DynamoDBClient,
  GetItemCommand,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import type { Deduplicator } from 'storagebox';
import {
  MAX_GROUP_SIZE,
  MAX_TRANSACTIONS_UNDER_WAY,
} from '../src/dynamodb/claim/grouped-claims.js';
import { originalClaim } from '../test/verification/crash/original.mjs';
import type { ClaimTask, TableNames } from './task.js';

/** `null`: none left. */
export type Claim = (deduplicationId: string) => Promise<string | null>;

/** 'storagebox' is the package as it is, 'one by one' the same without claims that travel together. */
export const CONTESTANTS = [
  'limit',
  'limit in groups',
  'one by one',
  'one by one, skipFirstRead',
  'storagebox',
  'storagebox, skipFirstRead',
  'original',
] as const;
export type ContestantName = (typeof CONTESTANTS)[number];

/** Of all contestants of the benchmark: their names say it. */
export function isReadSkipped(contestant: string): boolean {
  return contestant.endsWith('skipFirstRead');
}

export async function makeClaim(client: DynamoDBClient, task: ClaimTask): Promise<Claim> {
  switch (task.contestant) {
    case 'limit':
      return task.isRepeat ? limitRead(client, task.deduplicationTableName) : limit(client, task);
    case 'limit in groups':
      return limitInGroups(client, task);
    case 'one by one':
    case 'one by one, skipFirstRead':
    case 'storagebox':
    case 'storagebox, skipFirstRead': {
      const deduplicator = await openLibrary(client, {
        ...task,
        skipFirstRead: isReadSkipped(task.contestant),
      });
      return (deduplicationId) => deduplicator.fetchItemForDeduplicationId(deduplicationId);
    }
    case 'original':
      return originalClaim(client, task);
  }
}

export async function openLibrary(
  client: DynamoDBClient,
  {
    librarySource,
    itemBankTableName,
    deduplicationTableName,
    skipFirstRead,
  }: TableNames & { readonly librarySource: string; readonly skipFirstRead: boolean },
): Promise<Deduplicator> {
  const library: typeof import('storagebox') = await import(`${librarySource}index.ts`);
  return new library.Deduplicator({
    itemRepo: new library.ItemBankDynamoDbRepository({ tableName: itemBankTableName, client }),
    deduplicationRepo: new library.DeduplicationDynamoDbRepository({
      tableName: deduplicationTableName,
      client,
    }),
    skipFirstRead,
  });
}

/** A claim whose row is known. */
interface KnownClaim {
  readonly deduplicationId: string;
  readonly item: string;
}

/** The bare SDK, one transaction per claim, on rows that no other node tries. */
function limit(client: DynamoDBClient, task: ClaimTask): Claim {
  const items = task.knownItems.values();
  return async (deduplicationId) => {
    const { value: item, done } = items.next();
    if (done) return null;
    await client.send(transactionOf([{ deduplicationId, item }], task));
    return item;
  };
}

interface WaitingClaim extends KnownClaim {
  resolve(item: string): void;
  reject(error: unknown): void;
}

/** The same, but who asks while enough transactions are under way shares the next one with others. */
function limitInGroups(client: DynamoDBClient, task: ClaimTask): Claim {
  const items = task.knownItems.values();
  const waiting: WaitingClaim[] = [];
  let underWay = 0;
  const sendOn = async () => {
    while (waiting.length > 0 && underWay < MAX_TRANSACTIONS_UNDER_WAY) {
      const group = waiting.splice(0, MAX_GROUP_SIZE);
      underWay++;
      try {
        await client.send(transactionOf(group, task));
        for (const { item, resolve } of group) resolve(item);
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
      underWay--;
    }
  };
  return async (deduplicationId) => {
    const { value: item, done } = items.next();
    if (done) return null;
    return new Promise((resolve, reject) => {
      waiting.push({ deduplicationId, item, resolve, reject });
      void sendOn();
    });
  };
}

function transactionOf(
  claims: readonly KnownClaim[],
  { itemBankTableName, deduplicationTableName }: TableNames,
): TransactWriteItemsCommand {
  return new TransactWriteItemsCommand({
    TransactItems: claims.flatMap(({ deduplicationId, item }) => [
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
    ]),
  });
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
