import { type DynamoDBClient, TransactWriteItemsCommand } from '@aws-sdk/client-dynamodb';
import { ItemBankDynamoDbRepository } from 'storagebox';
import { meteredClient } from './meter.js';
import type { SeedingReport, SeedingTask } from './task.js';

const MAX_ACTIONS_PER_TRANSACTION = 100;
const HEAP_SAMPLES = 20;

/** Seeds and watches the heap. Run Node with `--expose-gc`, or what is dead counts as live. */
export async function seed(task: SeedingTask): Promise<SeedingReport> {
  const { client, usage } = meteredClient(task.endpoint, task.requestDelayMs);
  const heapBeforeMb = liveHeapMb();
  let heapMaximumMb = heapBeforeMb;
  const chunks = Math.ceil(task.items / MAX_ACTIONS_PER_TRANSACTION);
  const sampleEvery = Math.ceil(chunks / HEAP_SAMPLES);
  let chunksDone = 0;
  const onChunk = () => {
    if (++chunksDone % sampleEvery === 0) heapMaximumMb = Math.max(heapMaximumMb, liveHeapMb());
  };
  const cpuBefore = process.cpuUsage();
  const startMs = performance.now();
  await SEEDERS[task.contestant](client, task, onChunk);
  const elapsedMs = performance.now() - startMs;
  const cpu = process.cpuUsage(cpuBefore);
  client.destroy();
  return {
    ...usage,
    elapsedMs,
    cpuMs: (cpu.user + cpu.system) / 1_000,
    heapGrowthMb: heapMaximumMb - heapBeforeMb,
  };
}

type Seeder = (client: DynamoDBClient, task: SeedingTask, onChunk: () => void) => Promise<unknown>;

const SEEDERS: Record<SeedingTask['contestant'], Seeder> = {
  storagebox: (client, { itemBankTableName, items, concurrency }, onProgress) =>
    new ItemBankDynamoDbRepository({ tableName: itemBankTableName, client }).batchAddItems(
      itemsToSeed(items),
      { concurrency, onProgress },
    ),
  'bare transactions': seedBare,
};

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

function liveHeapMb(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed / 2 ** 20;
}
