import { generator } from './choices.js';
import { ALL_FAULTS, type Call, claim, release, retire, type Scenario } from './scenario.js';

/** A scenario as a function of its seed: few items and IDs, so that calls get into each other's way. */
export function randomScenario(seed: number): Scenario {
  if (seed % 4 === 0) return rush(seed);
  if (seed % 4 === 1) return crowd(seed);
  return seed % 4 === 2 ? anything(seed) : comingAndGoing(seed);
}

/** One process, one or two IDs, hardly anything in the bank, and an item that comes in meanwhile. */
function rush(seed: number): Scenario {
  const { upTo, scenario } = shared(seed);
  const ids = ['a', 'b'].slice(0, 1 + upTo(1));
  return {
    ...scenario,
    name: `rush ${seed}`,
    seeded: ['item-1'].slice(0, upTo(1)),
    processes: 1,
    callers: Array.from({ length: 2 + upTo(2) }, () => ({
      process: 0,
      calls: [claim(ids[upTo(ids.length - 1)] as string)],
    })),
    adders: [{ process: 0, items: ['late-1'] }],
  };
}

/** Two processes that see the same few items and go for them with several calls each. */
function crowd(seed: number): Scenario {
  const { upTo, scenario } = shared(seed);
  return {
    ...scenario,
    name: `crowd ${seed}`,
    seeded: ['item-1', 'item-2', 'item-3'].slice(0, 2 + upTo(1)),
    processes: 2,
    fetchLimit: 3,
    maxFaults: 1 + upTo(4),
    callers: ['a', 'b', 'c', 'd'].map((id, caller) => ({
      process: caller % 2,
      calls: [claim(id)],
    })),
    adders: [],
  };
}

function anything(seed: number): Scenario {
  const { upTo, next, scenario } = shared(seed);
  const processes = 1 + upTo(2);
  const ids = ['a', 'b', 'c', 'd'].slice(0, 1 + upTo(3));
  return {
    ...scenario,
    name: `anything ${seed}`,
    seeded: ['item-1', 'item-2', 'item-3'].slice(0, upTo(3)),
    processes,
    callers: Array.from({ length: 1 + upTo(3) }, () => ({
      process: upTo(processes - 1),
      calls: Array.from({ length: 1 + upTo(1) }, () => claim(ids[upTo(ids.length - 1)] as string)),
    })),
    adders: Array.from({ length: next() < 0.35 ? 1 : 0 }, () => ({
      process: upTo(processes - 1),
      items: ['late-1', 'late-2'].slice(0, 1 + upTo(1)),
    })),
  };
}

/** Few calls, two out of three of them no claims, for the search through every order. */
function comingAndGoing(seed: number): Scenario {
  const { upTo, next, scenario } = shared(seed);
  const processes = 1 + upTo(1);
  const ids = ['a', 'b', 'c'].slice(0, 1 + upTo(2));
  const isAssigned = next() < 0.6;
  const anyCall = (): Call => {
    const id = ids[upTo(ids.length - 1)] as string;
    const kind = next();
    if (kind < 0.5) return claim(id);
    return kind < 0.9 ? release(id) : retire(id);
  };
  return {
    ...scenario,
    name: `coming and going ${seed}`,
    seeded: ['item-1', 'item-2'].slice(0, upTo(2)),
    assigned: isAssigned ? { a: 'item-3' } : {},
    processes,
    maxFaults: 1 + upTo(4),
    maxCrashes: upTo(1),
    callers: Array.from({ length: 2 + upTo(1) }, () => ({
      process: upTo(processes - 1),
      calls: Array.from({ length: 1 + upTo(1) }, anyCall),
    })),
    adders: next() < 0.1 ? [{ process: 0, items: ['late-1'] }] : [],
  };
}

function shared(seed: number) {
  const next = generator(seed ^ 0x2545f491);
  const upTo = (maximum: number) => Math.floor(next() * (maximum + 1));
  return {
    next,
    upTo,
    scenario: {
      assigned: {},
      ledger: 'none' as const,
      isJudgedByReportsAlone: false,
      fetchLimit: 1 + upTo(2),
      skipFirstRead: next() < 0.5,
      deduplicators: 1,
      callersAtOnce: 0,
      poisonedIds: [],
      maxFaults: 3 + upTo(7),
      maxCrashes: upTo(2),
      faultKinds: ALL_FAULTS,
      isVisibleRowByRow: next() < 0.7,
    },
  };
}
