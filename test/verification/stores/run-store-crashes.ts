// Processes claim on a store while they, and the store where it is one, are killed and started again; afterwards
// what they wrote down is judged against what the tables hold.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Journal } from '../crash/journal.js';
import { countErrors, install, onJournals, runMortals } from '../crash/run-processes.js';
import { type Random, seededRandom } from '../seeded-random.js';
import { startClocks } from './both-clocks.js';
import { type Call, judgeSale, type Verdict } from './judge.js';
import type { Harm, SaleTables, StoreStage } from './store-stage.js';
import { type Answer, type PlannedCall, planWorkload, type Workload } from './workload.js';

export interface StoreCrashOptions {
  /** How many calls are planned; those under way at a kill, or failed, are made again on top. */
  readonly calls: number;
  /** How many calls each process makes at once. */
  readonly callers: number;
  /** How many times a process is killed, all processes together. */
  readonly kills: number;
  /** How many times the store is. */
  readonly storeKills: number;
  readonly seed: number;
  /** What claims instead of the package. */
  readonly recipe?: string;
}

export interface StoreCrashFigures extends Omit<Verdict, 'wrongs'> {
  readonly kills: number;
  readonly harm: readonly Harm[];
  readonly calls: number;
  /** Planned calls without an answer, in spite of all attempts. */
  readonly unanswered: number;
  readonly tornLines: number;
  readonly wrongs: number;
  /** The first few, for people. */
  readonly examples: readonly string[];
  /** How often calls threw, by the error's name and message. */
  readonly errors: Readonly<Record<string, number>>;
  readonly elapsedMs: number;
}

const PROCESSES = 6;
/** A server that was killed is away for seconds. */
const PATIENCE = { maxAttempts: 2_000, retryDelayMs: 100 };
const MAX_EXAMPLES = 8;
const POLL_MS = 20;
const MAX_KILL_DELAY_MS = 200;

const FILES: Readonly<Record<StoreStage['store'], readonly string[]>> = {
  postgres: ['open-postgres.mjs', 'postgres-controls.mjs', 'connect-postgres.mjs'],
  sqlite: ['open-sqlite.mjs', 'sqlite-controls.mjs', 'connect-sqlite.mjs'],
};

type CrashJournal = Journal<PlannedCall, Answer>;

export function runStoreCrashes(
  project: string,
  stage: StoreStage,
  options: StoreCrashOptions,
): Promise<StoreCrashFigures> {
  return onJournals(PROCESSES, (journals: readonly CrashJournal[]) =>
    runOn(project, stage, options, journals),
  );
}

async function runOn(
  project: string,
  stage: StoreStage,
  options: StoreCrashOptions,
  journals: readonly CrashJournal[],
): Promise<StoreCrashFigures> {
  const { calls, callers, kills, storeKills, seed, recipe } = options;
  const repertoire = recipe === undefined ? 'everything' : 'claims';
  const workload = planWorkload(calls, PROCESSES, repertoire, seededRandom(seed));
  const here = (file: string) => new URL(file, import.meta.url);
  const files = ['../crash/worker-loop.mjs', ...FILES[stage.store]].map(here);
  const program = await install([here('store-worker.mjs'), ...files], project);
  const sales: SaleTables[] = [];
  for (const { items, isTurnover } of workload.sales) {
    sales.push(await stage.openSale(items, isTurnover));
  }
  const isControl = recipe !== undefined;
  const opener = isControl ? stage.openers.control : stage.openers.library;
  const processes = journals.map((journal, process) => ({
    program,
    task: {
      opener,
      recipe,
      sales,
      way: isControl ? stage.plainWay : stage.wayOf(process),
      patience: PATIENCE,
    },
    plan: workload.plans[process] ?? [],
    journal,
    callers,
  }));

  const clocks = startClocks();
  const theEnd = new AbortController();
  const countAnswered = () => journals.reduce((sum, { answered }) => sum + answered.size, 0);
  const crashing = crashStore(
    stage,
    storeKills,
    calls,
    countAnswered,
    seededRandom(seed + 99),
    theEnd.signal,
  );
  let killed: number;
  try {
    killed = await runMortals(processes, { kills, seed }, clocks.originNs);
  } finally {
    theEnd.abort();
    await crashing;
  }
  const { elapsedMs, toMs } = clocks.stop();
  await stage.settle();

  const verdicts = await judgeAll(stage, workload, sales, journals, toMs);
  const total = (count: (verdict: Verdict) => number) =>
    verdicts.reduce((sum, verdict) => sum + count(verdict), 0);
  const wrongs = verdicts.flatMap((verdict) => verdict.wrongs);
  const errors = countErrors(journals);
  return {
    kills: killed,
    harm: [...(await stage.harmDone()), ...(isControl ? [] : failuresOf(stage, errors))],
    calls: journals.reduce((sum, journal) => sum + journal.calls().length, 0),
    answers: total(({ answers }) => answers),
    items: total(({ items }) => items),
    assigned: total(({ assigned }) => assigned),
    nulls: total(({ nulls }) => nulls),
    unknown: total(({ unknown }) => unknown),
    lost: total(({ lost }) => lost),
    twice: total(({ twice }) => twice),
    changed: total(({ changed }) => changed),
    wrongNull: total(({ wrongNull }) => wrongNull),
    wrongs: wrongs.length,
    examples: wrongs.slice(0, MAX_EXAMPLES),
    unanswered: calls - countAnswered(),
    tornLines: journals.reduce((sum, { tornLines }) => sum + tornLines, 0),
    errors,
    elapsedMs,
  };
}

/** How often calls failed as they were to. */
function failuresOf({ failures }: StoreStage, errors: Readonly<Record<string, number>>): Harm[] {
  return Object.entries(failures).map(([what, pattern]) => {
    const times = Object.entries(errors)
      .filter(([error]) => pattern.test(error))
      .reduce((sum, [, count]) => sum + count, 0);
    return { what: `calls that met a ${what}`, times, isRight: times > 0 };
  });
}

/** Spread evenly over the run, the place in each span by chance. */
async function crashStore(
  { crash }: StoreStage,
  kills: number,
  calls: number,
  countAnswered: () => number,
  random: Random,
  signal: AbortSignal,
): Promise<void> {
  if (crash === undefined) return;
  for (let kill = 0; kill < kills; kill++) {
    const dueAt = ((kill + random()) / (kills + 1)) * calls;
    while (countAnswered() < dueAt) {
      if (signal.aborted) return;
      await sleep(POLL_MS);
    }
    await sleep(random() * MAX_KILL_DELAY_MS);
    if (signal.aborted) return;
    await crash();
  }
}

async function judgeAll(
  stage: StoreStage,
  { sales: planned }: Workload,
  sales: readonly SaleTables[],
  journals: readonly CrashJournal[],
  toMs: (atNs: number) => number,
): Promise<Verdict[]> {
  const calls = journals.flatMap((journal) => journal.calls()) as Call[];
  const bySale: Call[][] = planned.map(() => []);
  for (const call of calls) bySale[call.asked.sale]?.push(call);
  const verdicts: Verdict[] = [];
  for (const [index, sale] of planned.entries()) {
    const end = await stage.readSale(sales[index] as SaleTables, sale.isTurnover);
    verdicts.push(judgeSale(sale, bySale[index] ?? [], end, toMs));
  }
  return verdicts;
}
