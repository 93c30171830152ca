import { generator } from './choices.js';
import {
  ALL_FAULTS,
  type Call,
  claim,
  confirm,
  group,
  release,
  retire,
  type Scenario,
  sweep,
} from './scenario.js';

/** `together`: for crowds. `wishes`: chosen items, holds, groups and own writes. */
export type RandomScenarios = 'mixed' | 'together' | 'wishes';

/** A scenario as a function of its seed: few items and IDs, so that calls get into each other's way. */
export function randomScenario(seed: number, scenarios: RandomScenarios = 'mixed'): Scenario {
  if (scenarios === 'together') return together(seed);
  if (scenarios === 'wishes') return wishes(seed);
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

/**
 * One process whose calls all begin at once, so that their claims can share a transaction, and perhaps
 * another one that is in their way. With releases fewer, for the search through every order.
 */
function together(seed: number): Scenario {
  const { upTo, next, scenario } = shared(seed);
  const hasReleases = next() < 0.33;
  const isAssigned = hasReleases && next() < 0.6;
  const callersAtOnce = 3 + upTo(hasReleases ? 1 : 3);
  const callersElsewhere = upTo(hasReleases ? 1 : 2);
  const ids = ['a', 'b', 'c', 'd', 'e', 'f'].slice(0, callersAtOnce);
  const anyId = () => ids[upTo(ids.length - 1)] as string;
  const isRepeat = () => next() < 0.25;
  const callers = Array.from({ length: callersAtOnce + callersElsewhere }, (_, caller) => {
    const isElsewhere = caller >= callersAtOnce;
    const id = isElsewhere || isRepeat() ? anyId() : (ids[caller] as string);
    const comesBack = !hasReleases && isRepeat();
    return {
      process: isElsewhere ? 1 : 0,
      calls: comesBack ? [claim(id), claim(anyId())] : [claim(id)],
    };
  });
  for (let releases = hasReleases ? 1 + upTo(1) : 0; releases > 0; releases--) {
    const call = next() < 0.8 ? release(anyId()) : retire(anyId());
    callers[upTo(callers.length - 1)]?.calls.push(call);
  }
  return {
    ...scenario,
    name: `together ${seed}`,
    seeded: ['item-1', 'item-2', 'item-3', 'item-4'].slice(0, upTo(hasReleases ? 3 : 4)),
    assigned: isAssigned ? { a: 'item-5' } : {},
    processes: callersElsewhere === 0 ? 1 : 2,
    fetchLimit: 3 + upTo(3),
    deduplicators: 1 + upTo(1),
    callers,
    callersAtOnce,
    // None that has an item: that one would get it.
    poisonedIds: next() < 0.125 ? ids.slice(-1 - upTo(1)).slice(0, 1) : [],
    adders: [],
    maxFaults: 2 + upTo(hasReleases ? 2 : 4),
    maxCrashes: upTo(hasReleases ? 1 : 2),
  };
}

/** Few IDs and items, holds that end soon, and clocks that differ. */
function wishes(seed: number): Scenario {
  const { upTo, next, scenario } = shared(seed);
  const processes = 1 + upTo(1);
  const ids = ['a', 'b', 'c'].slice(0, 1 + upTo(2));
  const items = ['item-1', 'item-2', 'item-3'].slice(0, 1 + upTo(2));
  const isAssigned = next() < 0.6;
  const isHeld = isAssigned && next() < 0.75;
  const any = <Value>(values: readonly Value[]) => values[upTo(values.length - 1)] as Value;
  const anyItem = () => any([...items, 'item-4']);
  const holdForMs = () => any([8, 40, 200]);
  const order = () => any(['new', 'any'] as const);
  const anyClaim = () =>
    claim(any(ids), {
      ...(next() < 0.4 && { item: anyItem() }),
      ...(next() < 0.5 && { holdForMs: holdForMs() }),
      ...(next() < 0.3 && { order: order() }),
    });
  const anyCall = (): Call => {
    const kind = next();
    if (kind < 0.4) return anyClaim();
    if (kind < 0.6) {
      const wish = {
        ...(next() < 0.5 && { item: anyItem() }),
        ...(next() < 0.2 && { order: order() }),
      };
      return confirm(any(ids), wish);
    }
    if (kind < 0.75) return sweep;
    if (kind < 0.85) return release(any(ids));
    return group(ids.slice(upTo(1)).concat('d'), {
      ...(next() < 0.4 && { holdForMs: holdForMs() }),
      ...(next() < 0.3 && { order: order() }),
    });
  };
  // Of three calls for one ID in a process, the last two can share a claim.
  const isCrush = next() < 0.15;
  const crush = [0, 1, 2].map(() => {
    const { id: _, ...wish } = anyClaim() as { readonly id: string };
    return { process: 0, calls: [claim('a', { ...wish, item: anyItem() })] };
  });
  const callers = Array.from({ length: 2 + upTo(1) }, () => ({
    process: upTo(processes - 1),
    calls: Array.from({ length: 1 + upTo(1) }, anyCall),
  }));
  return {
    ...scenario,
    name: `wishes ${seed}`,
    seeded: items.slice(upTo(1)),
    assigned: isAssigned ? { a: 'item-4' } : {},
    processes,
    callers: isCrush ? crush : callers,
    adders: [],
    maxFaults: upTo(4),
    maxCrashes: upTo(1),
    wishes: {
      heldUntilMs: isHeld ? { a: any([4, 40, 200]) } : {},
      ordered: next() < 0.3 ? [any(ids)] : [],
      maxHoldMs: next() < 0.4 ? any([20, 100]) : undefined,
      hasHoldIndex: next() < 0.3,
      aheadMs: [0, any([0, 0, 20, 100])],
    },
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
