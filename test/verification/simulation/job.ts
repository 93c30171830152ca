// A process of its own for a part of an exploration: the library under test is loaded once a process.
import { type Bounds, type Exploration, exploreAtRandom, exploreEveryPath } from './explore.js';
import type { RandomScenarios } from './random-scenario.js';
import { SYSTEMATIC_SCENARIOS } from './systematic-scenarios.js';

export type Job =
  | { readonly kind: 'every path'; readonly scenario: number; readonly bounds: Bounds }
  | {
      readonly kind: 'random';
      readonly firstSeed: number;
      readonly bounds: Bounds;
      /** Default: `mixed`. */
      readonly scenarios?: RandomScenarios | undefined;
    };

process.once('message', async (job: Job) => {
  const exploration = await run(job);
  process.send?.(exploration, () => process.disconnect());
});

async function run(job: Job): Promise<Exploration> {
  if (job.kind === 'random') return exploreAtRandom(job.firstSeed, job.bounds, job.scenarios);
  const scenario = SYSTEMATIC_SCENARIOS[job.scenario];
  if (scenario === undefined) throw new Error(`There is no scenario ${job.scenario}.`);
  return exploreEveryPath(scenario, job.bounds);
}
