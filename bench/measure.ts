// Runs a scenario with its contestants in turn, and computes figures from what the nodes report.
import { randomUUID } from 'node:crypto';
import {
  type AttributeValue,
  BatchWriteItemCommand,
  type BatchWriteItemCommandInput,
  type BatchWriteItemCommandOutput,
  DeleteTableCommand,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import { createTables, deduplicationTable, itemBankTable } from 'storagebox';
import { type ContestantName, isReadSkipped } from './contestants.js';
import { addRound, inTurn } from './in-turn.js';
import type { Nodes, Rush } from './nodes.js';
import type { Rounds } from './results.js';
import type { BulkScenario, ClaimScenario, SeedingScenario } from './scenarios.js';
import type { LongCallReport, SeedingTask, TableNames, Usage } from './task.js';

export interface Setting {
  readonly client: DynamoDBClient;
  readonly endpoint: string;
  readonly requestDelayMs: number;
  /** The URL of the `src` of the copy of the library whose claims go one by one. */
  readonly oneByOneSource: string;
}

/** Of one contestant in one round. All per answer, or, to the last item, per item given out. */
export interface ClaimFigures {
  readonly perSecond: number;
  /** Of all calls. The others did not begin in time. */
  readonly answeredShare: number;
  readonly requests: number;
  readonly transactions: number;
  readonly readUnits: number;
  readonly writeUnits: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuMs: number;
  readonly errors: number;
}

/** Of one contestant in one round, per item. */
export interface LongCallFigures {
  readonly perSecond: number;
  readonly transactions: number;
  readonly writeUnits: number;
  readonly cpuMs: number;
  readonly heapGrowthMb: number;
}

const OWN_SOURCE = new URL('../src/', import.meta.url).href;

export async function measureClaims(
  setting: Setting,
  nodes: Nodes,
  scenario: ClaimScenario,
  onRun: () => void,
): Promise<Rounds<ContestantName, ClaimFigures>> {
  return inTurn(scenario.contestants, scenario.rounds, async (contestant) => {
    const figures = await withTables(setting, async (tables) => {
      const knownItems = await prepare(setting, tables, scenario);
      const tasks = Array.from({ length: scenario.nodes }, (_, node) => ({
        kind: 'claim' as const,
        contestant,
        librarySource: librarySource(setting, contestant),
        endpoint: setting.endpoint,
        requestDelayMs: setting.requestDelayMs,
        ...tables,
        deduplicationIds: idsOf(scenario).filter(
          (_, index) => scenario.isAskedTwice || index % scenario.nodes === node,
        ),
        isRepeat: scenario.stock === 'all have theirs',
        knownItems: knownItems.filter((_, index) => index % scenario.nodes === node),
        callers: shareOf(scenario.callers, scenario.nodes, node),
        maxMs: scenario.maxMs,
      }));
      return claimFigures(await nodes.claim(tasks), scenario);
    });
    onRun();
    return figures;
  });
}

const SEEDERS = ['storagebox', 'storagebox, with a ledger', 'bare transactions'] as const;
const LEDGER_SHARE = 0.2;
const SEEDING_CONCURRENCY = 4;

export async function measureSeeding(
  setting: Setting,
  nodes: Nodes,
  { items, rounds }: SeedingScenario,
  onRun: () => void,
): Promise<Rounds<SeedingTask['contestant'], LongCallFigures>> {
  return inTurn(SEEDERS, rounds, async (contestant) => {
    // Two rows an item take longer.
    const count = contestant === 'storagebox, with a ledger' ? items * LEDGER_SHARE : items;
    const figures = await withTables(setting, async ({ itemBankTableName }) => {
      const report = await nodes.callOnce({
        kind: 'seed',
        contestant,
        endpoint: setting.endpoint,
        requestDelayMs: setting.requestDelayMs,
        itemBankTableName,
        items: count,
        concurrency: SEEDING_CONCURRENCY,
      });
      return longCallFigures(report, count);
    });
    onRun();
    return figures;
  });
}

/** A rerun passes the same IDs again, right after, as another process would. */
export type BulkContestant = BulkKind | (typeof RERUNS)[number];
type BulkKind = (typeof BULK_KINDS)[number];

const BULK_KINDS = ['one by one', 'storagebox', 'storagebox, skipFirstRead'] as const;
/** In this order, neither of the two always finds the warmer server. */
const RERUNS = ['rerun', 'rerun, skipFirstRead', 'rerun, skipFirstRead', 'rerun'] as const;
/** What the library had for a default before claims could travel together. */
const ONE_BY_ONE_CONCURRENCY = 16;
/** It is so much slower that fewer IDs are enough for its rate. */
const ONE_BY_ONE_SHARE = 1 / 4;

export async function measureBulk(
  setting: Setting,
  nodes: Nodes,
  { ids: allIds, rounds }: BulkScenario,
  onRun: () => void,
): Promise<Rounds<BulkContestant, LongCallFigures>> {
  const reruns: Rounds<BulkContestant, LongCallFigures> = {};
  const firstRuns = await inTurn(BULK_KINDS, rounds, (kind) => {
    const isOneByOne = kind === 'one by one';
    const ids = isOneByOne ? allIds * ONE_BY_ONE_SHARE : allIds;
    return withTables(setting, async (tables) => {
      await fill(setting.client, tables.itemBankTableName, itemRows(ids));
      const run = async (skipFirstRead: boolean) => {
        const report = await nodes.callOnce({
          kind: 'bulk',
          librarySource: librarySource(setting, kind),
          endpoint: setting.endpoint,
          requestDelayMs: setting.requestDelayMs,
          ...tables,
          ids,
          skipFirstRead,
          concurrency: isOneByOne ? ONE_BY_ONE_CONCURRENCY : null,
        });
        onRun();
        return longCallFigures(report, ids);
      };
      const figures = await run(isReadSkipped(kind));
      for (const rerun of isOneByOne ? [] : RERUNS) {
        addRound(reruns, rerun, await run(isReadSkipped(rerun)));
      }
      return figures;
    });
  });
  return { ...firstRuns, ...reruns };
}

function longCallFigures(report: LongCallReport, items: number): LongCallFigures {
  return {
    perSecond: items / (report.elapsedMs / 1_000),
    transactions: report.transactions / items,
    writeUnits: report.writeUnits / items,
    cpuMs: report.cpuMs / items,
    heapGrowthMb: report.heapGrowthMb,
  };
}

function librarySource({ oneByOneSource }: Setting, contestant: string): string {
  return contestant.startsWith('one by one') ? oneByOneSource : OWN_SOURCE;
}

async function withTables<Value>(
  { client }: Setting,
  use: (tables: TableNames) => Promise<Value>,
): Promise<Value> {
  const run = randomUUID();
  const tables = { itemBankTableName: `items-${run}`, deduplicationTableName: `owners-${run}` };
  await createTables(
    [itemBankTable(tables.itemBankTableName), deduplicationTable(tables.deduplicationTableName)],
    { client },
  );
  try {
    return await use(tables);
  } finally {
    for (const TableName of Object.values(tables)) {
      await client.send(new DeleteTableCommand({ TableName }));
    }
  }
}

/** Fills the tables and returns the items of the bank. */
async function prepare(
  { client }: Setting,
  tables: TableNames,
  scenario: ClaimScenario,
): Promise<string[]> {
  const rows = itemRows(scenario.items);
  await fill(client, tables.itemBankTableName, rows);
  if (scenario.stock === 'all have theirs') {
    await fill(
      client,
      tables.deduplicationTableName,
      idsOf(scenario).map((id) => ({
        deduplication_id: { S: id },
        item_string: { S: `GIVEN-${id}` },
      })),
    );
  }
  return rows.map(({ item }) => item.S);
}

function itemRows(items: number) {
  return Array.from({ length: items }, (_, index) => ({ item: { S: `VOUCHER-${index}` } }));
}

const MAX_ROWS_PER_BATCH = 25;

const BATCHES_AT_ONCE = 4;

/** Nobody claims yet, so plain batches, the fastest way, are safe. */
async function fill(
  client: DynamoDBClient,
  tableName: string,
  rows: readonly Record<string, AttributeValue>[],
): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: BATCHES_AT_ONCE }, async () => {
      while (next < rows.length) {
        const batch = rows.slice(next, next + MAX_ROWS_PER_BATCH);
        next += batch.length;
        await write(client, tableName, batch);
      }
    }),
  );
}

async function write(
  client: DynamoDBClient,
  tableName: string,
  rows: readonly Record<string, AttributeValue>[],
): Promise<void> {
  let RequestItems: NonNullable<BatchWriteItemCommandInput['RequestItems']> = {
    [tableName]: rows.map((Item) => ({ PutRequest: { Item } })),
  };
  while (Object.keys(RequestItems).length > 0) {
    const output: BatchWriteItemCommandOutput = await client.send(
      new BatchWriteItemCommand({ RequestItems }),
    );
    RequestItems = output.UnprocessedItems ?? {};
  }
}

function idsOf({ askers }: ClaimScenario): string[] {
  return Array.from({ length: askers }, (_, index) => `user-${index}`);
}

function shareOf(callers: number, nodes: number, node: number): number {
  return Math.floor(callers / nodes) + (node < callers % nodes ? 1 : 0);
}

function claimFigures({ reports, elapsedMs }: Rush, scenario: ClaimScenario): ClaimFigures {
  const sum = (key: keyof Usage | 'claimed' | 'inVain' | 'errors' | 'cpuMs') =>
    reports.reduce((total, report) => total + report[key], 0);
  const answers = sum('claimed') + sum('inVain');
  // Calls that get no item on the way to the last one are part of the cost of the items.
  const isPerItem = scenario.stock === 'to the last item';
  const unit = Math.max(1, isPerItem ? sum('claimed') : answers);
  const latenciesMs = reports.flatMap((report) => report.latenciesMs).sort((a, b) => a - b);
  const percentile = (share: number) =>
    latenciesMs[Math.min(latenciesMs.length - 1, Math.floor(latenciesMs.length * share))] ?? 0;
  return {
    perSecond: answers / (elapsedMs / 1_000),
    answeredShare: answers / (scenario.askers * (scenario.isAskedTwice ? scenario.nodes : 1)),
    requests: sum('requests') / unit,
    transactions: sum('transactions') / unit,
    readUnits: sum('readUnits') / unit,
    writeUnits: sum('writeUnits') / unit,
    p50Ms: percentile(0.5),
    p99Ms: percentile(0.99),
    cpuMs: sum('cpuMs') / unit,
    errors: sum('errors') / unit,
  };
}
