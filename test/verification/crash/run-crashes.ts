// Processes claim while they are killed and started again, over a wire that fails; afterwards the
// checker judges what they wrote down against what the tables hold.
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { clientFor } from '../../support/client.js';
import type { FetchOperation } from '../checker/checker.js';
import { seededRandom } from '../seeded-random.js';
import { type CrashFigures, figuresOf, type SaleFigures, sumOf } from './figures.js';
import type { Journal } from './journal.js';
import {
  countErrors,
  type Harm,
  install,
  onJournals,
  onOwnStage,
  runProcesses,
  type Stage,
} from './run-processes.js';
import { deleteSale, openSale, readSale, type SaleTables } from './sale-tables.js';
import { type PlannedCall, planWorkload, type Workload } from './workload.js';

export interface CrashOptions extends Harm {
  /** How many calls are planned; those under way at a kill, or failed, are made again on top. */
  readonly calls: number;
  /** How many calls each process makes at once. */
  readonly callers: number;
  /** From 0 to 1: the share of the calls that are the first of their ID. */
  readonly newcomerShare: number;
  /** The package, the control that has to fail, or programs of one's own: the processes take turns. */
  readonly algorithm: Algorithm | readonly string[];
}

export type Algorithm = 'library' | 'original';

const PROCESSES = 6;
const PROGRAMS: Readonly<Record<Algorithm, readonly [string, ...string[]]>> = {
  library: ['claim-worker.mjs', 'worker-loop.mjs'],
  original: ['original-worker.mjs', 'original.mjs', 'worker-loop.mjs'],
};

type CrashJournal = Journal<PlannedCall, string | null>;

/** Without a stage: on one of its own. */
export function runCrashes(options: CrashOptions, stage?: Stage): Promise<CrashFigures> {
  if (stage === undefined) return onOwnStage((own) => runCrashes(options, own));
  return onJournals(PROCESSES, (journals: readonly CrashJournal[]) =>
    runOn(stage, options, journals),
  );
}

/** The program of an algorithm, in the project. */
export function installAlgorithm(algorithm: Algorithm, project: string): Promise<string> {
  const [program, ...imported] = PROGRAMS[algorithm];
  const here = (file: string) => new URL(file, import.meta.url);
  return install([here(program), ...imported.map(here)], project);
}

async function runOn(
  stage: Stage,
  options: CrashOptions,
  journals: readonly CrashJournal[],
): Promise<CrashFigures> {
  const { calls, callers, newcomerShare, seed, algorithm } = options;
  const workload = planWorkload(calls, PROCESSES, newcomerShare, seededRandom(seed));
  const programs =
    typeof algorithm === 'string' ? [await installAlgorithm(algorithm, stage.project)] : algorithm;
  const client = clientFor(stage.endpoint);
  const sales: SaleTables[] = [];
  try {
    for (const items of workload.sales) sales.push(await openSale(client, items));
    const processes = journals.map((journal, process) => ({
      program: programs[process % programs.length] as string,
      task: { sales },
      plan: workload.plans[process] ?? [],
      journal,
      callers,
    }));
    const startMs = performance.now();
    const run = await runProcesses(stage.endpoint, processes, options);
    const elapsedMs = performance.now() - startMs;
    return {
      ...sumOf(await judge(client, workload, sales, journals)),
      kills: run.kills,
      wireRequests: run.wire.requests,
      groups: run.wire.groups,
      wireFaults: run.wire.faults,
      tornLines: journals.reduce((sum, { tornLines }) => sum + tornLines, 0),
      unanswered: calls - journals.reduce((sum, { answered }) => sum + answered.size, 0),
      errors: countErrors(journals),
      elapsedMs,
    };
  } finally {
    for (const sale of sales) await deleteSale(client, sale);
    client.destroy();
  }
}

function judge(
  client: DynamoDBClient,
  workload: Workload,
  sales: readonly SaleTables[],
  journals: readonly CrashJournal[],
): Promise<SaleFigures[]> {
  const calls = journals.flatMap((journal) => journal.calls());
  return Promise.all(
    sales.map(async (tables, sale) =>
      figuresOf({
        items: workload.sales[sale] ?? [],
        operations: calls
          .filter(({ asked }) => asked.sale === sale)
          .map(
            ({ asked: { id }, invokedAt, returnedAt, answer: result }): FetchOperation => ({
              kind: 'fetch',
              id,
              invokedAt,
              returnedAt,
              result,
            }),
          ),
        ...(await readSale(client, tables)),
      }),
    ),
  );
}
