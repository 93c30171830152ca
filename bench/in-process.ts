// The cost of the library itself, without a server and without the SDK.
import {
  type DynamoDBClient,
  GetItemCommand,
  ScanCommand,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import {
  DeduplicationDynamoDbRepository,
  Deduplicator,
  ItemBankDynamoDbRepository,
} from 'storagebox';
import { DeduplicationMemoryRepository, ItemBankMemoryRepository } from 'storagebox/memory';
import { medianOf, spreadOf } from './statistics.js';

/** With more callers they would share requests, and send fewer commands than the bare loop. */
const CALLERS = 8;
const PAGE_SIZE = 30;
const WARM_UP_CLAIMS = 50_000;

export interface InProcessFigures {
  readonly perSecond: number;
  readonly cpuMicroseconds: number;
}

/** The in-memory pair, from a bank of that size to the last item; small banks one after the other. */
export async function measureMemoryPair(items: number, atLeast: number): Promise<InProcessFigures> {
  await drainMemoryPair(WARM_UP_CLAIMS);
  globalThis.gc?.();
  const banks = Math.max(1, Math.ceil(atLeast / items));
  const runs: InProcessFigures[] = [];
  for (let bank = 0; bank < banks; bank++) runs.push(await drainMemoryPair(items));
  return {
    perSecond: medianOf(runs, 'perSecond'),
    cpuMicroseconds: medianOf(runs, 'cpuMicroseconds'),
  };
}

async function drainMemoryPair(items: number): Promise<InProcessFigures> {
  const itemRepo = new ItemBankMemoryRepository();
  await itemRepo.batchAddItems(voucherCodes(items));
  const deduplicator = new Deduplicator({
    itemRepo,
    deduplicationRepo: new DeduplicationMemoryRepository(),
  });
  return timed(items, (id) => deduplicator.fetchItemForDeduplicationId(id));
}

/**
 * The CPU of a claim on DynamoDB with a client that answers at once, minus the CPU of creating the
 * same commands and awaiting the same answers.
 */
export async function measureOwnCpu(claims: number): Promise<number> {
  const ownMicroseconds: number[] = [];
  for (let round = 0; round < 6; round++) {
    const withLibrary = await timed(claims, claimThroughLibrary());
    const bare = await timed(claims, bareCommands(answeringClient()));
    // The first round warms up.
    if (round > 0) ownMicroseconds.push(withLibrary.cpuMicroseconds - bare.cpuMicroseconds);
  }
  return spreadOf(ownMicroseconds).median;
}

function claimThroughLibrary(): (id: string) => Promise<unknown> {
  const client = answeringClient() as unknown as DynamoDBClient;
  const deduplicator = new Deduplicator({
    itemRepo: new ItemBankDynamoDbRepository({ tableName: 'items', client }),
    deduplicationRepo: new DeduplicationDynamoDbRepository({ tableName: 'owners', client }),
  });
  return (id) => deduplicator.fetchItemForDeduplicationId(id);
}

interface AnsweringClient {
  readonly config: { readonly region: () => Promise<string> };
  send(command: object): Promise<object>;
}

/** No SDK behind it: every transaction succeeds, every page is full. */
function answeringClient(): AnsweringClient {
  let items = 0;
  const page = () =>
    Array.from({ length: PAGE_SIZE }, () => ({ item: { S: `VOUCHER-${items++}` } }));
  return {
    config: { region: async () => 'eu-west-1' },
    send: async (command) => {
      if (!(command instanceof ScanCommand)) return {};
      const rows = page();
      return { Items: rows, LastEvaluatedKey: rows.at(-1) };
    },
  };
}

function bareCommands(client: AnsweringClient): (id: string) => Promise<unknown> {
  let claims = 0;
  return async (id) => {
    if (claims++ % PAGE_SIZE === 0) await client.send(new ScanCommand({ TableName: 'items' }));
    await client.send(
      new GetItemCommand({ TableName: 'owners', Key: { deduplication_id: { S: id } } }),
    );
    await client.send(new TransactWriteItemsCommand({ TransactItems: [] }));
  };
}

async function timed(
  claims: number,
  claim: (id: string) => Promise<unknown>,
): Promise<InProcessFigures> {
  let next = 0;
  const cpuBefore = process.cpuUsage();
  const startMs = performance.now();
  await Promise.all(
    Array.from({ length: CALLERS }, async () => {
      while (next < claims) await claim(`user-${next++}`);
    }),
  );
  const elapsedMs = performance.now() - startMs;
  const cpu = process.cpuUsage(cpuBefore);
  return {
    perSecond: claims / (elapsedMs / 1_000),
    cpuMicroseconds: (cpu.user + cpu.system) / claims,
  };
}

function* voucherCodes(items: number): Generator<string, void> {
  for (let index = 0; index < items; index++) yield `VOUCHER-${index}`;
}
