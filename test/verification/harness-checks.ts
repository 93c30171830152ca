// Checks the harness itself: it must detect faults planted in the library and in the checker.
import { availableParallelism } from 'node:os';
import { countDisagreements, judgedSales } from './checker/agreement.js';
import { documentedRules } from './checker/checker.js';
import { MUTANTS } from './checker/mutants.js';
import { count, type Figure } from './figures.js';
import { PLANTED_FAULTS, type PlantedFault, plant } from './planted-faults.js';
import type { Job } from './simulation/job.js';
import { runJob } from './simulation/run-jobs.js';
import { SYSTEMATIC_SCENARIOS } from './simulation/systematic-scenarios.js';
import { CROWDS, type Crowd } from './simulations.js';

const SEED = 1;
/** Each fault shows in far fewer runs. A harness that needs more has lost its power. */
const MAX_RUNS = 100_000;
const MAX_MS = 120_000;

export async function noticePlantedFaults(): Promise<Figure[]> {
  const figures: Figure[] = [];
  const waiting = PLANTED_FAULTS.entries();
  const noticeUntilDone = async () => {
    for (const [index, fault] of waiting) {
      figures[index] = await notice(fault);
      process.stdout.write('.');
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, noticeUntilDone));
  const noticed = figures.filter(({ isRight }) => isRight).length;
  const what = 'planted faults detected';
  const value = `${noticed} of ${figures.length}`;
  return [...figures, { what, value, isRight: noticed === figures.length }];
}

export async function notice(fault: PlantedFault): Promise<Figure> {
  const crowd = CROWDS.find(({ what }) => what === fault.crowd);
  const library = await plant([...(crowd?.changes ?? []), fault]);
  try {
    const what = `planted${fault.isOriginals ? " (the original's)" : ''}: ${fault.name}`;
    for (const job of jobsAgainst(fault, crowd)) {
      const { findings, runs } = await runJob(job, library.source);
      const rules = (findings[0]?.wrongs ?? []).map((wrong) => wrong.split(':')[0] ?? '');
      const rule = rules.find((broken) => fault.noticedBy.flatMap(namesOf).includes(broken));
      if (rule !== undefined) {
        return { what, value: `${job.kind}, run ${count(runs)}: ${rule}`, isRight: true };
      }
    }
    return { what, value: 'not detected', isRight: false };
  } finally {
    await library.dispose();
  }
}

/** In a history with a release, the last rule is reported as "null", and the others as "order". */
function namesOf(rule: string): string[] {
  if (rule === 'R6') return [rule, 'null'];
  return rule.startsWith('R') ? [rule, 'order'] : [rule];
}

/** Random runs detect most faults; every path through a small scenario detects the rest. */
function jobsAgainst(fault: PlantedFault, crowd: Crowd | undefined): Job[] {
  const bounds = { maxRuns: MAX_RUNS, maxMs: MAX_MS, maxFindings: 1 };
  const scenario = SYSTEMATIC_SCENARIOS.findIndex(({ name }) => name === fault.scenario);
  if (scenario !== -1) return [{ kind: 'every path', scenario, bounds }];
  const scenarios = fault.scenarios ?? crowd?.scenarios;
  if (scenarios === 'wishes') return [{ kind: 'random', firstSeed: SEED, bounds, scenarios }];
  const rowByRow = SYSTEMATIC_SCENARIOS.findIndex(({ isVisibleRowByRow }) => isVisibleRowByRow);
  return [
    { kind: 'random', firstSeed: SEED, bounds, scenarios },
    { kind: 'every path', scenario: rowByRow, bounds },
  ];
}

/** @param histories how many are checked by both the checker and the search */
export function checkTheChecker(histories: number): Figure[] {
  const sales = judgedSales(histories, SEED);
  const disagreements = countDisagreements(documentedRules, sales);
  const caught = MUTANTS.filter(([, rules]) => countDisagreements(rules, sales) > 0).length;
  return [
    {
      what: 'checker and search through every order',
      value: `${count(histories)} histories, ${disagreements} disagreements`,
      isRight: disagreements === 0,
    },
    {
      what: 'mutants of the checker detected',
      value: `${caught} of ${MUTANTS.length}`,
      isRight: caught === MUTANTS.length,
    },
  ];
}
