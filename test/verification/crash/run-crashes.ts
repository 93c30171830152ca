// Processes claim while they are killed and started again, over a wire that fails; afterwards the
// checker judges what they wrote down against what the tables hold.
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { startDynamoDbLocal } from '../../../examples/quickstart/dynamodb-local.js';
import { clientFor } from '../../support/client.js';
import { packPackage } from '../../support/packed-package.js';
import { seededRandom } from '../seeded-random.js';
import { type CrashFigures, figuresOf, type SaleFigures, sumOf } from './figures.js';
import { Journal } from './journal.js';
import { liveAndDie } from './mortal-process.js';
import { deleteSale, openSale, readSale, type SaleTables } from './sale-tables.js';
import { startFaultyWire, type WireCounts } from './wire-faults.js';
import { planWorkload, type Workload } from './workload.js';

export interface CrashOptions {
  /** How many times a process is killed, all processes together. */
  readonly kills: number;
  /** How many calls are planned; those under way at a kill, or failed, are made again on top. */
  readonly calls: number;
  /** How many calls each process makes at once. */
  readonly callers: number;
  /** From 0 to 1: the share of the calls that are the first of their ID. */
  readonly newcomerShare: number;
  /** From 0 to 1: the share of the requests that the wire damages. */
  readonly wireFaultShare: number;
  /** Settles the workload, the kinds of wire faults and when to kill; timing stays the machine's. */
  readonly seed: number;
  /** The package, or the control that has to fail. */
  readonly algorithm: Algorithm;
}

export type Algorithm = 'library' | 'original';

/** What several runs can share. */
export interface Stage {
  /** A local DynamoDB. */
  readonly endpoint: string;
  /** A project in which the package is installed. */
  readonly project: string;
}

const PROCESSES = 6;
const PROGRAMS: Readonly<Record<Algorithm, string>> = {
  library: 'claim-worker.mjs',
  original: 'original-worker.mjs',
};

/** Without a stage: on one of its own. */
export function runCrashes(options: CrashOptions, stage?: Stage): Promise<CrashFigures> {
  if (stage === undefined) return onOwnStage((own) => runCrashes(options, own));
  return runOn(stage, options);
}

/** Packs the package and starts DynamoDB Local, for as long as the work takes. */
export async function onOwnStage<Result>(work: (stage: Stage) => Promise<Result>): Promise<Result> {
  const packed = await packPackage();
  try {
    const dynamoDb = await startDynamoDbLocal();
    try {
      return await work({ endpoint: dynamoDb.endpoint, project: packed.project });
    } finally {
      await dynamoDb.stop();
    }
  } finally {
    await packed.dispose();
  }
}

async function runOn(stage: Stage, options: CrashOptions): Promise<CrashFigures> {
  const workload = planWorkload(
    options.calls,
    PROCESSES,
    options.newcomerShare,
    seededRandom(options.seed),
  );
  const client = clientFor(stage.endpoint);
  const folder = await mkdtemp(join(tmpdir(), 'storagebox-crash-'));
  const journals = workload.plans.map(
    (_, process) => new Journal(join(folder, `process-${process}.jsonl`)),
  );
  const sales: SaleTables[] = [];
  try {
    for (const items of workload.sales) sales.push(await openSale(client, items));
    const startMs = performance.now();
    const run = await crash(stage, options, workload, sales, journals);
    const elapsedMs = performance.now() - startMs;
    return {
      ...sumOf(await judge(client, workload, sales, journals)),
      kills: run.kills,
      wireRequests: run.wire.requests,
      groups: run.wire.groups,
      wireFaults: run.wire.faults,
      tornLines: journals.reduce((sum, { tornLines }) => sum + tornLines, 0),
      unanswered: options.calls - journals.reduce((sum, { answered }) => sum + answered.size, 0),
      errors: countErrors(journals),
      elapsedMs,
    };
  } finally {
    for (const journal of journals) journal.close();
    await rm(folder, { recursive: true });
    for (const sale of sales) await deleteSale(client, sale);
    client.destroy();
  }
}

/** Returns when all calls are made and every request has died. */
async function crash(
  { endpoint, project }: Stage,
  { kills, callers, wireFaultShare, seed, algorithm }: CrashOptions,
  { plans }: Workload,
  sales: readonly SaleTables[],
  journals: readonly Journal[],
): Promise<{ kills: number; wire: WireCounts }> {
  const program = await install(algorithm, project);
  const originNs = String(process.hrtime.bigint());
  // A generator for each: what one draws must not hang on how fast another is.
  const wire = await startFaultyWire(endpoint, wireFaultShare, seededRandom(seed + 1));
  const theEnd = new AbortController();
  const lives = journals.map((journal, process) =>
    liveAndDie({
      program,
      endpoint: wire.endpoint,
      sales,
      plan: plans[process] ?? [],
      journal,
      callers,
      kills: Math.floor((kills + process) / journals.length),
      random: seededRandom(seed + 2 + process),
      originNs,
      signal: theEnd.signal,
    }),
  );
  try {
    const deaths = await Promise.all(lives);
    return { kills: deaths.reduce((sum, count) => sum + count, 0), wire: wire.counts };
  } finally {
    theEnd.abort();
    await Promise.allSettled(lives);
    await wire.drain();
  }
}

/** Into the project, where "storagebox" is the packed package. */
async function install(algorithm: Algorithm, project: string): Promise<string> {
  for (const file of ['worker-loop.mjs', 'original.mjs', PROGRAMS[algorithm]]) {
    await copyFile(fileURLToPath(new URL(file, import.meta.url)), join(project, file));
  }
  return join(project, PROGRAMS[algorithm]);
}

function judge(
  client: DynamoDBClient,
  workload: Workload,
  sales: readonly SaleTables[],
  journals: readonly Journal[],
): Promise<SaleFigures[]> {
  return Promise.all(
    sales.map(async (tables, sale) =>
      figuresOf({
        items: workload.sales[sale] ?? [],
        operations: journals.flatMap((journal) => journal.operationsOfSale(sale)),
        ...(await readSale(client, tables)),
      }),
    ),
  );
}

function countErrors(journals: readonly Journal[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { errors } of journals) {
    for (const [error, count] of errors) sums[error] = (sums[error] ?? 0) + count;
  }
  return sums;
}
