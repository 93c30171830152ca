import {
  DeleteTableCommand,
  type DynamoDBClient,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import { createTables, ItemBankDynamoDbRepository, ledgerTable } from 'storagebox';
import { measureLongCall } from './long-call.js';
import type { LongCallReport, SeedingTask } from './task.js';

const MAX_ACTIONS_PER_TRANSACTION = 100;

export function seed(task: SeedingTask): Promise<LongCallReport> {
  const chunks = Math.ceil(task.items / MAX_ACTIONS_PER_TRANSACTION);
  return measureLongCall(task, chunks, (client, onChunk) =>
    SEEDERS[task.contestant](client, task, onChunk),
  );
}

type Seeder = (client: DynamoDBClient, task: SeedingTask, onChunk: () => void) => Promise<unknown>;

const SEEDERS: Record<SeedingTask['contestant'], Seeder> = {
  storagebox: (client, { itemBankTableName, items, concurrency }, onProgress) =>
    new ItemBankDynamoDbRepository({ tableName: itemBankTableName, client }).batchAddItems(
      itemsToSeed(items),
      { concurrency, onProgress },
    ),
  'storagebox, with a ledger': seedWithLedger,
  'bare transactions': seedBare,
};

/** Two rows an item, as a claim has. */
async function seedWithLedger(
  client: DynamoDBClient,
  { itemBankTableName: tableName, items, concurrency }: SeedingTask,
  onProgress: () => void,
): Promise<void> {
  const ledgerTableName = `ledger-of-${tableName}`;
  await createTables([ledgerTable(ledgerTableName)], { client });
  try {
    const bank = new ItemBankDynamoDbRepository({ tableName, ledgerTableName, client });
    await bank.batchAddItems(itemsToSeed(items), { concurrency, onProgress });
  } finally {
    await client.send(new DeleteTableCommand({ TableName: ledgerTableName }));
  }
}

async function seedBare(
  client: DynamoDBClient,
  { itemBankTableName, items, concurrency }: SeedingTask,
  onChunk: () => void,
): Promise<void> {
  const input = itemsToSeed(items);
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      for (let chunk = nextChunk(input); chunk.length > 0; chunk = nextChunk(input)) {
        await client.send(
          new TransactWriteItemsCommand({
            TransactItems: chunk.map((item) => ({
              Put: {
                TableName: itemBankTableName,
                Item: { item: { S: item } },
                ConditionExpression: 'attribute_not_exists(#item)',
                ExpressionAttributeNames: { '#item': 'item' },
              },
            })),
          }),
        );
        onChunk();
      }
    }),
  );
}

function nextChunk(items: Iterator<string>): string[] {
  const chunk: string[] = [];
  while (chunk.length < MAX_ACTIONS_PER_TRANSACTION) {
    const { value, done } = items.next();
    if (done) break;
    chunk.push(value);
  }
  return chunk;
}

function* itemsToSeed(items: number): Generator<string, void> {
  for (let index = 0; index < items; index++)
    yield `VOUCHER-${index.toString(36).padStart(8, '0')}`;
}
