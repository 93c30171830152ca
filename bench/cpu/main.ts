// npm run bench:cpu [-- --callers N --requests N --rounds N]
//
// CPU time of a request in the process that sends it, with the real SDK, over TLS, against a server in
// another process that answers at once. `process.cpuUsage` counts this process alone, but other work slows
// the core down: run it on a quiet machine. The simulation of docs/scaling.md assumes what this measures.
import { fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import {
  DynamoDBClient,
  TransactGetItemsCommand,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import {
  DEFAULT_CLIENT_CONFIG,
  DeduplicationDynamoDbRepository,
  Deduplicator,
  ItemBankDynamoDbRepository,
} from 'storagebox';
import { messageOf } from '../../examples/quickstart/child-message.js';
import { MAX_GROUP_SIZE } from '../../src/dynamodb/claim/grouped-claims.js';
import { type Spread, spreadOf } from '../statistics.js';
import type { RequestCounts } from './server.js';
import { CLIENT_TLS } from './tls.js';

/** So many calls at once that they share their first reads and their transactions. */
const RUSH_CALLERS = 256;
/** With so few, each call goes by itself. */
const CALM_CALLERS = 8;
/** Nothing times out here, even when other work keeps all cores busy. */
const MAX_WAIT_MS = 120_000;
const ROWS_PER_PAGE = 30;
const MANY_IDS = 100;
const RESULTS = new URL('../results/', import.meta.url);

const { values: options } = parseArgs({
  options: {
    /** Requests under way at once. */
    callers: { type: 'string', default: '64' },
    /** Of each kind in each round. */
    requests: { type: 'string', default: '3000' },
    /** The first one warms up and is not counted. */
    rounds: { type: 'string', default: '6' },
  },
});
const callers = Number(options.callers);
const requests = Number(options.requests);
const rounds = Number(options.rounds);

process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
const server = fork(fileURLToPath(new URL('server.ts', import.meta.url)), {
  execArgv: ['--import', 'tsx'],
});
const port = await messageOf(server);
const { httpsAgent } = DEFAULT_CLIENT_CONFIG.requestHandler;
const client = new DynamoDBClient({
  endpoint: `https://127.0.0.1:${port}`,
  region: 'eu-west-1',
  credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  maxAttempts: 1,
  requestHandler: {
    connectionTimeout: MAX_WAIT_MS,
    requestTimeout: MAX_WAIT_MS,
    socketTimeout: MAX_WAIT_MS,
    httpsAgent: { ...httpsAgent, ...CLIENT_TLS },
  },
});
let ids = 0;
const newId = () => `user-${String(ids++).padStart(10, '0')}`;

/** What the calls of one round took and sent. */
interface Round {
  readonly cpuMicroseconds: number;
  readonly counts: RequestCounts;
}

const kinds = {
  getItem: () => {
    const { deduplicationRepo } = newPair();
    return round(requests, callers, () => deduplicationRepo.getValueForDeduplicationId(newId()));
  },
  scan: () => {
    const { itemRepo } = newPair();
    // As long as nobody asks for the 31st item, a listing reads one page.
    return round(requests, callers, () =>
      itemRepo.listItems({ pageSize: ROWS_PER_PAGE })[Symbol.asyncIterator]().next(),
    );
  },
  transactGetOne: () => round(requests, callers, () => client.send(lookAt(1))),
  transactGetMany: () => round(requests / 10, callers, () => client.send(lookAt(MANY_IDS))),
  transactWriteOne: () => round(requests, callers, () => client.send(claimTogether(1))),
  transactWriteMany: () =>
    round(requests / 10, callers, () => client.send(claimTogether(MAX_GROUP_SIZE))),
  claimWithoutFirstRead: () => claims(callers, true),
  claim: () => claims(CALM_CALLERS, false),
  claimInRush: () => claims(RUSH_CALLERS, false),
} satisfies Record<string, () => Promise<Round>>;

const spreads = await measureAll();
server.disconnect();
client.destroy();
print(spreads);
await mkdir(RESULTS, { recursive: true });
const machine = { node: process.version, cpu: cpus()[0]?.model, callers };
await writeFile(
  new URL('cpu.json', RESULTS),
  `${JSON.stringify({ ...machine, microseconds: spreads }, null, 2)}\n`,
);

function newPair() {
  return {
    itemRepo: new ItemBankDynamoDbRepository({ tableName: 'voucher_codes', client }),
    deduplicationRepo: new DeduplicationDynamoDbRepository({
      tableName: 'storage_box_deduplication_table',
      client,
    }),
  };
}

/** The request that reads the rows of many IDs, as in a rush. */
function lookAt(idCount: number): TransactGetItemsCommand {
  return new TransactGetItemsCommand({
    TransactItems: Array.from({ length: idCount }, () => ({
      Get: {
        TableName: 'storage_box_deduplication_table',
        Key: { deduplication_id: { S: newId() } },
      },
    })),
  });
}

/** A transaction of so many claims, as the package sends it. */
function claimTogether(claimCount: number): TransactWriteItemsCommand {
  return new TransactWriteItemsCommand({
    ClientRequestToken: randomUUID(),
    TransactItems: Array.from({ length: claimCount }, newId).flatMap((id) => [
      {
        Put: {
          TableName: 'storage_box_deduplication_table',
          Item: {
            deduplication_id: { S: id },
            item_string: { S: `VOUCHER-${id}` },
            assigned_at: { S: new Date().toISOString() },
            item_bank_table: { S: 'voucher_codes' },
          },
          ConditionExpression: 'attribute_not_exists(#id)',
          ExpressionAttributeNames: { '#id': 'deduplication_id' },
          ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
        },
      },
      {
        Delete: {
          TableName: 'voucher_codes',
          Key: { item: { S: `VOUCHER-${id}` } },
          ConditionExpression: 'attribute_exists(#item)',
          ExpressionAttributeNames: { '#item': 'item' },
        },
      },
    ]),
  });
}

function claims(callersAtOnce: number, skipFirstRead: boolean): Promise<Round> {
  const deduplicator = new Deduplicator({ ...newPair(), skipFirstRead });
  return round(requests, callersAtOnce, () => deduplicator.claim(newId()));
}

async function round(calls: number, atOnce: number, call: () => Promise<unknown>): Promise<Round> {
  await requestCounts();
  let next = 0;
  const cpuBefore = process.cpuUsage();
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      while (next++ < calls) await call();
    }),
  );
  const { user, system } = process.cpuUsage(cpuBefore);
  return { cpuMicroseconds: user + system, counts: await requestCounts() };
}

async function requestCounts(): Promise<RequestCounts> {
  server.send('counts');
  return (await messageOf(server)) as RequestCounts;
}

/** Microseconds of CPU of each kind of request, and of a claim with all that it sends. */
interface Figures {
  readonly getItem: number;
  readonly scan: number;
  readonly transactWriteOne: number;
  readonly transactWriteEachFurtherClaim: number;
  readonly transactGetOne: number;
  readonly transactGetEachFurtherId: number;
  readonly claimWithoutFirstRead: number;
  readonly claim: number;
  readonly claimInRush: number;
  readonly claimWithoutFirstReadRequests: number;
  readonly claimRequests: number;
  readonly claimInRushRequests: number;
}

async function measureAll(): Promise<Record<keyof Figures, Spread>> {
  const all: Figures[] = [];
  for (let done = 0; done < rounds; done++) {
    const figures = figuresOf({
      getItem: await kinds.getItem(),
      scan: await kinds.scan(),
      transactGetOne: await kinds.transactGetOne(),
      transactGetMany: await kinds.transactGetMany(),
      transactWriteOne: await kinds.transactWriteOne(),
      transactWriteMany: await kinds.transactWriteMany(),
      claimWithoutFirstRead: await kinds.claimWithoutFirstRead(),
      claim: await kinds.claim(),
      claimInRush: await kinds.claimInRush(),
    });
    if (done > 0) all.push(figures);
  }
  const keys = Object.keys(all[0] ?? {}) as (keyof Figures)[];
  return Object.fromEntries(
    keys.map((key) => [key, spreadOf(all.map((figures) => figures[key]))]),
  ) as Record<keyof Figures, Spread>;
}

function figuresOf(of: Record<keyof typeof kinds, Round>): Figures {
  const perRequest = ({ cpuMicroseconds, counts }: Round) => cpuMicroseconds / sum(counts);
  const transactGetOne = perRequest(of.transactGetOne);
  const transactWriteOne = perRequest(of.transactWriteOne);
  return {
    getItem: perRequest(of.getItem),
    scan: perRequest(of.scan),
    transactWriteOne,
    transactWriteEachFurtherClaim:
      (perRequest(of.transactWriteMany) - transactWriteOne) / (MAX_GROUP_SIZE - 1),
    transactGetOne,
    transactGetEachFurtherId: (perRequest(of.transactGetMany) - transactGetOne) / (MANY_IDS - 1),
    claimWithoutFirstRead: of.claimWithoutFirstRead.cpuMicroseconds / requests,
    claim: of.claim.cpuMicroseconds / requests,
    claimInRush: of.claimInRush.cpuMicroseconds / requests,
    claimWithoutFirstReadRequests: sum(of.claimWithoutFirstRead.counts) / requests,
    claimRequests: sum(of.claim.counts) / requests,
    claimInRushRequests: sum(of.claimInRush.counts) / requests,
  };
}

function sum(counts: RequestCounts): number {
  return Object.values(counts).reduce((total, count) => total + count, 0);
}

function print(figures: Record<keyof Figures, Spread>): void {
  console.table(
    Object.fromEntries(
      Object.entries(figures).map(([name, { median, least, most }]) => [
        name,
        { median: round2(median), least: round2(least), most: round2(most) },
      ]),
    ),
  );
}

function round2(value: number): number {
  return Math.round(value * 100) / 100;
}
