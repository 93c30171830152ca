// A small part of `npm run verify`, and that what it finds can be shown again.
import { expect, test } from 'vitest';
import { EveryPath } from './simulation/choices.js';
import { exploreAtRandom, exploreEveryPath, replayPath, replaySeed } from './simulation/explore.js';
import { SYSTEMATIC_SCENARIOS } from './simulation/systematic-scenarios.js';

/** Seeds by which the planted faults show. */
const REGRESSION_SEEDS = [
  1, 2, 9, 10, 18, 19, 21, 39, 87, 106, 139, 328, 336, 724, 1_080, 1_142, 2_240, 5_311, 14_537,
  19_348,
];
const BOUNDS = { maxRuns: 1_000, maxMs: Number.MAX_SAFE_INTEGER, maxFindings: 1 };

test('random schedules keep every promise', async () => {
  const { runs, faults, findings } = await exploreAtRandom(1_000_000, BOUNDS);
  expect(findings).toEqual([]);
  expect({ runs, hasFaults: faults > runs }).toEqual({ runs: BOUNDS.maxRuns, hasFaults: true });
});

test('so do those with chosen items, holds, groups and own writes', async () => {
  const { runs, faults, findings } = await exploreAtRandom(1_000_000, BOUNDS, 'wishes');
  expect(findings).toEqual([]);
  expect({ runs, hasFaults: faults > runs }).toEqual({ runs: BOUNDS.maxRuns, hasFaults: true });
});

test.each(REGRESSION_SEEDS)('seed %i keeps every promise', async (seed) => {
  expect(await replaySeed(seed, () => {})).toEqual([]);
});

test('a seed replays event by event', async () => {
  const tell = async () => {
    const events: string[] = [];
    await replaySeed(330, (event) => events.push(event));
    return events;
  };
  const events = await tell();
  expect(events.length).toBeGreaterThan(5);
  expect(await tell()).toEqual(events);
});

test('every path through a small scenario is gone once', async () => {
  const scenario = SYSTEMATIC_SCENARIOS.find(({ name }) => name.startsWith('one ID twice'));
  if (scenario === undefined) throw new Error('The scenario is gone.');
  const { isComplete, findings, runs } = await exploreEveryPath(scenario, {
    ...BOUNDS,
    maxRuns: 10_000,
  });
  expect({ isComplete, findings }).toEqual({ isComplete: true, findings: [] });
  expect(runs).toBeGreaterThan(500);
  expect(await replayPath(scenario, [0, 1, 0], () => {})).toEqual([]);
});

test('EveryPath goes every path of a tree of choices', () => {
  const paths = new EveryPath();
  const leaves: string[] = [];
  do {
    paths.begin();
    const first = paths.pick(1, 1);
    leaves.push(first === 0 ? `0${paths.pick(3, 0)}` : '1');
  } while (paths.advance());
  expect(leaves).toEqual(['00', '01', '02', '1']);
});
