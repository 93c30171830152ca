// Many runs, one after the other, until one goes wrong or the bound is reached.
import { type Choices, EveryPath, randomChoices, replay } from './choices.js';
import { judge } from './judge.js';
import { type RandomScenarios, randomScenario } from './random-scenario.js';
import type { Scenario } from './scenario.js';
import { World } from './world.js';

/** How often something goes wrong that can, at a step of a random run. */
const FAULT_SHARE = 0.4;

export interface Bounds {
  readonly maxRuns: number;
  readonly maxMs: number;
  readonly maxFindings: number;
}

/** What replays a run. */
export type Origin =
  | { readonly seed: number }
  | { readonly scenario: string; readonly path: readonly number[] };

export interface Finding {
  readonly origin: Origin;
  readonly wrongs: readonly string[];
}

export interface Exploration {
  runs: number;
  faults: number;
  crashes: number;
  steps: number;
  /** Whether every path was gone; random explorations never end by themselves. */
  isComplete: boolean;
  readonly findings: Finding[];
}

/** Runs the seeds from the first one on. */
export async function exploreAtRandom(
  firstSeed: number,
  bounds: Bounds,
  scenarios?: RandomScenarios,
): Promise<Exploration> {
  const exploration = emptyExploration();
  const isWithin = boundary(bounds, exploration);
  for (let seed = firstSeed; isWithin(); seed++) {
    const wrongs = await runOnce(...randomRun(seed, scenarios), exploration);
    if (wrongs.length > 0) exploration.findings.push({ origin: { seed }, wrongs });
  }
  return exploration;
}

export async function exploreEveryPath(scenario: Scenario, bounds: Bounds): Promise<Exploration> {
  const exploration = emptyExploration();
  const isWithin = boundary(bounds, exploration);
  const paths = new EveryPath();
  while (!exploration.isComplete && isWithin()) {
    paths.begin();
    const wrongs = await runOnce(scenario, paths, exploration);
    const origin = { scenario: scenario.name, path: [...paths.path] };
    if (wrongs.length > 0) exploration.findings.push({ origin, wrongs });
    exploration.isComplete = !paths.advance();
  }
  return exploration;
}

/** Runs a seed once more and tells each event of it. */
export async function replaySeed(
  seed: number,
  trace: (event: string) => void,
  scenarios?: RandomScenarios,
): Promise<readonly string[]> {
  const [scenario, choices] = randomRun(seed, scenarios);
  return judge(await new World(scenario, choices, trace).run());
}

/** Goes a path once more and tells each event of it. */
export async function replayPath(
  scenario: Scenario,
  path: readonly number[],
  trace: (event: string) => void,
): Promise<readonly string[]> {
  return judge(await new World(scenario, replay(path), trace).run());
}

function randomRun(seed: number, scenarios?: RandomScenarios): [Scenario, Choices] {
  return [randomScenario(seed, scenarios), randomChoices(seed, FAULT_SHARE)];
}

async function runOnce(
  scenario: Scenario,
  choices: Choices,
  exploration: Exploration,
): Promise<readonly string[]> {
  const run = await new World(scenario, choices).run();
  exploration.runs++;
  exploration.faults += run.faults;
  exploration.crashes += run.crashes;
  exploration.steps += run.steps;
  return judge(run);
}

export function emptyExploration(): Exploration {
  return { runs: 0, faults: 0, crashes: 0, steps: 0, isComplete: false, findings: [] };
}

function boundary({ maxRuns, maxMs, maxFindings }: Bounds, exploration: Exploration) {
  const startMs = performance.now();
  return () =>
    exploration.runs < maxRuns &&
    exploration.findings.length < maxFindings &&
    performance.now() - startMs < maxMs;
}
