// npm run verify                                  everything, at the size of a build
// npm run verify:long -- --minutes 20             the same, with random schedules for that long
// npm run verify -- --seed 42                     prints one random schedule event by event
// npm run verify -- --seed 42 --together          the same, of the scenarios for crowds
// npm run verify -- --seed 42 --wishes            the same, with chosen items, holds, groups and own writes
// npm run verify -- --scenario NAME --path 0,1,2  prints one systematic schedule event by event
import { parseArgs } from 'node:util';
import { crashAndAudit } from './crash-figures.js';
import { type Figure, printFigures } from './figures.js';
import { checkTheChecker, noticePlantedFaults } from './harness-checks.js';
import { runLongTests } from './long-runs.js';
import { runSales } from './sales/run-sales.js';
import { replayPath, replaySeed } from './simulation/explore.js';
import { SYSTEMATIC_SCENARIOS } from './simulation/systematic-scenarios.js';
import {
  exploreCrowds,
  exploreRandomly,
  exploreSystematically,
  exploreWishes,
  MIN_RANDOM_RUNS,
} from './simulations.js';
import { crashStores } from './stores/store-figures.js';

/** In a build, for those that have more. */
const RUNS_OF_A_SCENARIO = 1_500;
const RUNS_OF_CROWDS = { build: 2_000, full: 10_000 };
const SHORT_CRASH_RUN = { kills: 20, calls: 2_000 };
const LONG_CRASH_RUN = { kills: 250, calls: 25_000 };

// Otherwise the SDK warns in each of the many processes that support for this Node.js will end.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';

const { values } = parseArgs({
  options: {
    long: { type: 'boolean', default: false },
    minutes: { type: 'string', default: '20' },
    seed: { type: 'string' },
    scenario: { type: 'string' },
    path: { type: 'string', default: '' },
    together: { type: 'boolean', default: false },
    wishes: { type: 'boolean', default: false },
  },
});

if (values.seed !== undefined) {
  const plain = values.together ? 'together' : 'mixed';
  const scenarios = values.wishes ? 'wishes' : plain;
  tellRun(await replaySeed(Number(values.seed), console.log, scenarios));
} else if (values.scenario !== undefined) {
  const scenario = SYSTEMATIC_SCENARIOS.find(({ name }) => name === values.scenario);
  if (scenario === undefined)
    throw new Error(
      `Unknown scenario "${values.scenario}". See systematic-scenarios.ts for the names.`,
    );
  tellRun(await replayPath(scenario, values.path.split(',').map(Number), console.log));
} else {
  await verify(values.long ? Number(values.minutes) : null);
}

function tellRun(wrongs: readonly string[]): void {
  console.log(wrongs.length === 0 ? 'This run keeps all promises.' : wrongs.join('\n'));
  process.exitCode = wrongs.length === 0 ? 0 : 1;
}

/** @param minutes how long random schedules run; `null` for the size of a build */
async function verify(minutes: number | null): Promise<void> {
  const startMs = performance.now();
  const isLong = minutes !== null;
  const size = isLong ? 'full' : 'build';
  const seed = isLong ? Date.now() % 1_000_000_000 : 1;
  const figures: Figure[] = [];
  const section = async (title: string, work: () => Figure[] | Promise<Figure[]>) => {
    process.stdout.write(`${title} `);
    const sectionStartMs = performance.now();
    figures.push(...(await work()));
    process.stdout.write(` ${secondsSince(sectionStartMs)} s\n`);
  };

  const maxRuns = isLong ? undefined : RUNS_OF_A_SCENARIO;
  await section('Every schedule of small scenarios', () => exploreSystematically(maxRuns));
  await section('Random schedules', () => {
    const endMs = performance.now() + (minutes ?? 0) * 60_000;
    return exploreRandomly(seed, (runs) => runs >= MIN_RANDOM_RUNS && performance.now() >= endMs);
  });
  await section('Random schedules, with wishes', () => exploreWishes(seed, RUNS_OF_CROWDS[size]));
  await section('Random schedules, in a crowd', () =>
    exploreCrowds(seed, RUNS_OF_CROWDS[size], maxRuns),
  );
  await section('The checker against a search through every order', () =>
    checkTheChecker(isLong ? 500_000 : 20_000),
  );
  await section('Faults planted in the library', noticePlantedFaults);
  await section('Crashes', () => crashAndAudit(isLong ? LONG_CRASH_RUN : SHORT_CRASH_RUN, seed));
  await section('Crashes on PostgreSQL and SQLite', () => crashStores(size, seed));
  await section('Sales with holds, choices, groups and orders', () => runSales({ size, seed }));
  await section('Long runs of many callers at once', () => runLongTests(size));

  printFigures(`Verified in ${secondsSince(startMs)} s`, figures);
  process.exitCode = figures.every(({ isRight }) => isRight) ? 0 : 1;
}

function secondsSince(startMs: number): number {
  return Math.round((performance.now() - startMs) / 1_000);
}
