// The library on a simulated DynamoDB: every path through small scenarios, and random runs.
import { count, type Figure } from './figures.js';
import { type Change, plant } from './planted-faults.js';
import { type Exploration, emptyExploration, type Finding } from './simulation/explore.js';
import type { Job } from './simulation/job.js';
import type { RandomScenarios } from './simulation/random-scenario.js';
import { runJob, runJobs } from './simulation/run-jobs.js';
import { SYSTEMATIC_SCENARIOS } from './simulation/systematic-scenarios.js';

const NO_BOUND = Number.MAX_SAFE_INTEGER;
const SEEDS_PER_JOB = 4_000;
/** So that each core has some. */
const WISHES_JOBS = 4;
/** Fewer would prove too little. A build tries only the first schedules of the largest scenarios. */
const MIN_SYSTEMATIC_RUNS = { build: 35_000, full: 200_000 };
export const MIN_RANDOM_RUNS = 12_000;
const MIN_RANDOM_FAULTS = 40_000;

/** @param maxRuns of each scenario; a build tries the first ones of the largest */
export async function exploreSystematically(maxRuns = NO_BOUND): Promise<Figure[]> {
  // Those for claims that share a transaction are for the crowd in which claims do.
  const scenarios = [...SYSTEMATIC_SCENARIOS.entries()].filter(
    ([, one]) => one.callersAtOnce === 0,
  );
  const jobs = scenarios.map(
    ([scenario]): Job => ({
      kind: 'every path',
      scenario,
      bounds: { maxRuns, maxMs: NO_BOUND, maxFindings: 1 },
    }),
  );
  const explorations = await runJobs(jobs, reportProgress);
  const total = sum(explorations);
  const minRuns = MIN_SYSTEMATIC_RUNS[maxRuns === NO_BOUND ? 'full' : 'build'];
  return [
    ...explorations.map((exploration, index) => ({
      what: `every schedule: ${scenarios[index]?.[1].name}`,
      value: `${count(exploration.runs)} schedules`,
      isRight: exploration.isComplete || exploration.runs >= maxRuns,
    })),
    {
      what: 'every schedule, all scenarios',
      value: figuresOf(total),
      isRight: total.findings.length === 0 && total.runs >= minRuns,
    },
  ];
}

/** @param isEnough asked before each further job of random runs */
export async function exploreRandomly(
  firstSeed: number,
  isEnough: (runs: number) => boolean,
): Promise<Figure[]> {
  const explorations: Exploration[] = [];
  let nextSeed = firstSeed;
  function* jobs(): Generator<Job> {
    while (!isEnough(nextSeed - firstSeed)) {
      yield {
        kind: 'random',
        firstSeed: nextSeed,
        bounds: { maxRuns: SEEDS_PER_JOB, maxMs: NO_BOUND, maxFindings: 1 },
      };
      nextSeed += SEEDS_PER_JOB;
    }
  }
  await runJobs(jobs(), (job, exploration) => {
    explorations.push(exploration);
    reportProgress(job, exploration);
  });
  const total = sum(explorations);
  return [
    {
      what: `random schedules, seeds ${count(firstSeed)} to ${count(nextSeed - 1)}`,
      value: figuresOf(total),
      isRight:
        total.findings.length === 0 &&
        total.runs >= MIN_RANDOM_RUNS &&
        total.faults >= MIN_RANDOM_FAULTS,
    },
  ];
}

/** Chosen items, holds, groups and own writes. */
export async function exploreWishes(firstSeed: number, runs: number): Promise<Figure[]> {
  const runsPerJob = runs / WISHES_JOBS;
  const jobs = Array.from({ length: WISHES_JOBS }, (_, number): Job => {
    const bounds = { maxRuns: runsPerJob, maxMs: NO_BOUND, maxFindings: 1 };
    const seed = firstSeed + number * runsPerJob;
    return { kind: 'random', firstSeed: seed, bounds, scenarios: 'wishes' };
  });
  const total = sum(await runJobs(jobs, reportProgress));
  return [
    {
      what: 'random schedules, with chosen items, holds, groups and own writes',
      value: figuresOf(total),
      isRight: total.findings.length === 0 && total.runs === runs,
    },
  ];
}

export interface Crowd {
  readonly what: string;
  readonly changes: readonly Change[];
  /** Default: `mixed`. */
  readonly scenarios?: RandomScenarios;
}

/** The simulated processes are too small for these. In a copy of the library every call meets one. */
export const CROWDS: readonly Crowd[] = [
  {
    what: 'with each call in a rush',
    changes: [
      {
        file: 'dynamodb/deduplication-table.ts',
        code: 'const MAX_READS_BY_THEMSELVES = 16;',
        replacement: 'const MAX_READS_BY_THEMSELVES = 0;',
      },
    ],
  },
  {
    what: 'with two claims of a process at once, and the others in a queue',
    changes: [
      {
        file: 'hand-out/claimer.ts',
        code: 'const MAX_CLAIMS_UNDER_WAY = 1_000;',
        replacement: 'const MAX_CLAIMS_UNDER_WAY = 2;',
      },
    ],
  },
  {
    what: 'with claims that travel together',
    changes: [
      {
        file: 'dynamodb/claim/grouped-claims.ts',
        code: 'const MAX_TRANSACTIONS_UNDER_WAY = 8;',
        replacement: 'const MAX_TRANSACTIONS_UNDER_WAY = 1;',
      },
      {
        file: 'dynamodb/claim/attempt-window.ts',
        code: 'const FIRST_SHARE = 1 / 32;',
        replacement: 'const FIRST_SHARE = 1;',
      },
      {
        file: 'store-kit/group-window.ts',
        code: 'constructor(firstSize = 1)',
        replacement: 'constructor(firstSize = 4)',
      },
    ],
    scenarios: 'together',
  },
];

/**
 * @param runs of each crowd
 * @param maxRuns as in `exploreSystematically`
 */
export async function exploreCrowds(
  firstSeed: number,
  runs: number,
  maxRuns = NO_BOUND,
): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const { what, changes, scenarios } of CROWDS) {
    const library = await plant(changes);
    try {
      const bounds = { maxRuns: runs, maxMs: NO_BOUND, maxFindings: 1 };
      const job: Job = { kind: 'random', firstSeed, bounds, scenarios };
      if (scenarios === 'together')
        figures.push(...(await exploreTogether(library.source, maxRuns)));
      const exploration = await runJob(job, library.source);
      for (const { origin, wrongs } of exploration.findings) {
        console.log(`\n${[JSON.stringify(origin), ...wrongs].join('\n')}`);
      }
      figures.push({
        what: `random schedules, ${what}`,
        value: figuresOf(exploration),
        isRight: exploration.findings.length === 0 && exploration.runs === runs,
      });
    } finally {
      await library.dispose();
    }
  }
  return figures;
}

/** Every path through the scenarios whose first calls share a transaction. */
async function exploreTogether(source: string, maxRuns: number): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const [scenario, { name, callersAtOnce }] of SYSTEMATIC_SCENARIOS.entries()) {
    if (callersAtOnce === 0) continue;
    const bounds = { maxRuns, maxMs: NO_BOUND, maxFindings: 1 };
    const job: Job = { kind: 'every path', scenario, bounds };
    const exploration = await runJob(job, source);
    reportProgress(job, exploration);
    figures.push({
      what: `every schedule, in one transaction: ${name}`,
      value: figuresOf(exploration),
      isRight:
        exploration.findings.length === 0 &&
        (exploration.isComplete || exploration.runs >= maxRuns),
    });
  }
  return figures;
}

function reportProgress(job: Job, { findings }: Exploration): void {
  process.stdout.write('.');
  for (const finding of findings) console.log(`\n${describeFinding(finding, job)}`);
}

/** What went wrong, and the command that replays it. */
function describeFinding({ origin, wrongs }: Finding, job: Job): string {
  const isOfWishes = job.kind === 'random' && job.scenarios === 'wishes';
  const options =
    'seed' in origin
      ? `--seed ${origin.seed}${isOfWishes ? ' --wishes' : ''}`
      : `--scenario '${origin.scenario}' --path ${origin.path.join(',')}`;
  return [...wrongs, `Replay: npm run verify -- ${options}`].join('\n');
}

function figuresOf({ runs, faults, crashes, findings }: Exploration): string {
  return (
    `${count(runs)} schedules, ${count(faults)} faults, ${count(crashes)} crashes, ` +
    `${findings.length} violations`
  );
}

function sum(explorations: readonly Exploration[]): Exploration {
  const total = emptyExploration();
  for (const { runs, faults, crashes, steps, findings } of explorations) {
    total.runs += runs;
    total.faults += faults;
    total.crashes += crashes;
    total.steps += steps;
    total.findings.push(...findings);
  }
  return total;
}
