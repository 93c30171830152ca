// Scenarios small enough that every path through them can be gone.
import {
  add,
  type Call,
  claim,
  confirm,
  type FaultKind,
  group,
  release,
  retire,
  type Scenario,
  sweep,
  type Wishes,
} from './scenario.js';

const BASE: Scenario = {
  name: '',
  seeded: ['item-1'],
  ledger: 'none',
  isJudgedByReportsAlone: false,
  processes: 1,
  fetchLimit: 2,
  skipFirstRead: true,
  deduplicators: 1,
  assigned: {},
  callers: [],
  callersAtOnce: 0,
  poisonedIds: [],
  adders: [],
  maxFaults: 0,
  maxCrashes: 0,
  faultKinds: [],
  isVisibleRowByRow: false,
};

/** One ID has the only item. */
const HELD: Scenario = { ...BASE, seeded: [], assigned: { a: 'item-1' } };

/** Chosen items, holds, groups and own writes, in two processes. */
const WISHES: Scenario = {
  ...BASE,
  processes: 2,
  wishes: { heldUntilMs: {}, ordered: [], maxHoldMs: undefined, hasHoldIndex: false, aheadMs: [] },
};

/** One ID holds the only item, and its hold ends at once. */
const ENDED: Scenario = {
  ...WISHES,
  seeded: [],
  assigned: { a: 'item-1' },
  wishes: { ...(WISHES.wishes as Wishes), heldUntilMs: { a: 1 } },
};

/** What can become of a write whose sender hears nothing. */
const UNHEARD: readonly FaultKind[] = ['dropped', 'response lost', 'late', 'delivered twice'];
/** What DynamoDB answers when it does not do what it was asked. */
const REFUSALS: readonly FaultKind[] = ['conflict', 'throttled', 'reason without item'];

const oneCallEach = (...callers: readonly [process: number, id: string][]) =>
  callers.map(([process, id]) => ({ process, calls: [claim(id)] }));

const callers = (...callsOfEach: readonly [process: number, ...calls: Call[]][]) =>
  callsOfEach.map(([process, ...calls]) => ({ process, calls }));

export const SYSTEMATIC_SCENARIOS: readonly Scenario[] = [
  // The largest first, so that no core waits for it at the end.
  {
    ...BASE,
    name: 'one ID in two processes, one item, row by row',
    processes: 2,
    skipFirstRead: false,
    callers: oneCallEach([0, 'a'], [1, 'a']),
    isVisibleRowByRow: true,
  },
  {
    ...BASE,
    name: 'three IDs in one process, one item',
    callers: oneCallEach([0, 'a'], [0, 'b'], [0, 'c']),
  },
  {
    ...BASE,
    name: 'two IDs in two processes, one item, row by row',
    processes: 2,
    callers: oneCallEach([0, 'a'], [1, 'b']),
    isVisibleRowByRow: true,
  },
  {
    ...BASE,
    name: 'one ID twice and another in one process, one item',
    callers: oneCallEach([0, 'a'], [0, 'a'], [0, 'b']),
  },
  {
    ...BASE,
    name: 'two IDs in two processes, one item',
    processes: 2,
    callers: oneCallEach([0, 'a'], [1, 'b']),
  },
  {
    ...BASE,
    name: 'one ID in two processes, one item, 1 crash',
    processes: 2,
    callers: oneCallEach([0, 'a'], [1, 'a']),
    maxCrashes: 1,
  },
  {
    ...BASE,
    name: 'one caller, one item, 1 unheard write, 2 crashes',
    callers: oneCallEach([0, 'a']),
    maxFaults: 1,
    maxCrashes: 2,
    faultKinds: UNHEARD,
  },
  {
    ...BASE,
    name: 'one caller, two items, 2 faults of every kind of write',
    seeded: ['item-1', 'item-2'],
    callers: oneCallEach([0, 'a']),
    maxFaults: 2,
    faultKinds: [...UNHEARD, ...REFUSALS],
  },
  {
    ...BASE,
    name: 'a claim while an item is added, 1 unheard write',
    seeded: [],
    processes: 2,
    callers: oneCallEach([0, 'a']),
    adders: [{ process: 1, items: ['late-1'] }],
    maxFaults: 1,
    faultKinds: UNHEARD,
  },
  {
    ...BASE,
    name: 'a claim while an item is added, 1 crash',
    seeded: [],
    processes: 2,
    callers: oneCallEach([0, 'a']),
    adders: [{ process: 1, items: ['late-1'] }],
    maxCrashes: 1,
  },
  {
    ...BASE,
    name: 'two claims while an item is added',
    seeded: [],
    processes: 2,
    callers: oneCallEach([0, 'a'], [1, 'b']),
    adders: [{ process: 1, items: ['late-1'] }],
  },
  {
    ...BASE,
    name: 'stale reads and empty pages, two items read one by one',
    seeded: ['item-1', 'item-2'],
    fetchLimit: 1,
    skipFirstRead: false,
    callers: callers([0, claim('a'), claim('b'), claim('a')]),
    maxFaults: 3,
    faultKinds: ['stale read', 'empty page'],
  },
  {
    ...HELD,
    name: 'a claim and a release of one ID, row by row',
    processes: 2,
    skipFirstRead: false,
    callers: callers([0, claim('a')], [1, release('a')]),
    isVisibleRowByRow: true,
  },
  {
    ...HELD,
    name: 'a release while another ID claims, row by row',
    processes: 2,
    callers: callers([0, release('a')], [1, claim('b')]),
    isVisibleRowByRow: true,
  },
  {
    ...HELD,
    name: 'a release while another ID claims in the same process, 1 unheard write',
    callers: callers([0, release('a')], [0, claim('b')]),
    maxFaults: 1,
    faultKinds: UNHEARD,
  },
  {
    ...HELD,
    name: 'a release while two IDs claim in another process',
    processes: 2,
    callers: callers([0, release('a')], [1, claim('b')], [1, claim('c')]),
  },
  {
    ...HELD,
    name: 'two releases of one ID while another claims',
    processes: 2,
    callers: callers([0, release('a')], [1, release('a')], [1, claim('b')]),
  },
  {
    ...HELD,
    name: 'a release and a claim of one ID while another claims',
    processes: 2,
    callers: callers([0, release('a'), claim('a')], [1, claim('b')]),
  },
  {
    ...HELD,
    name: 'a release and a retirement of one ID, 1 unheard write',
    processes: 2,
    callers: callers([0, release('a')], [1, retire('a')]),
    maxFaults: 1,
    faultKinds: UNHEARD,
  },
  {
    ...HELD,
    name: 'a release while another ID claims, 1 crash',
    processes: 2,
    callers: callers([0, release('a')], [1, claim('b')]),
    maxCrashes: 1,
  },
  {
    ...HELD,
    name: 'a release and then a claim of one ID, 1 late write, 1 crash',
    callers: callers([0, release('a'), claim('a')]),
    maxFaults: 1,
    maxCrashes: 1,
    faultKinds: ['late'],
  },
  {
    ...HELD,
    name: 'a late answer to a claim, while its ID releases and claims again',
    skipFirstRead: false,
    callers: callers([0, claim('a')], [0, release('a'), claim('a')]),
    maxFaults: 1,
    faultKinds: ['answer late'],
  },
  {
    ...HELD,
    name: 'a release and then a claim of one ID, stale reads',
    skipFirstRead: false,
    callers: callers([0, release('a'), claim('a')]),
    maxFaults: 2,
    faultKinds: ['stale read'],
  },
  {
    // What is handed out before the ledger knows it could enter again, so each waits for its batch, and
    // no request arrives later than that.
    ...BASE,
    name: 'a batch beside a bank that was seeded without its ledger, then claims, then the batch again',
    ledger: 'empty',
    callers: callers([0, add('item-1', 'late-1'), claim('a'), claim('b'), add('item-1', 'late-1')]),
    maxFaults: 1,
    faultKinds: ['dropped', 'response lost', ...REFUSALS],
  },
  {
    ...BASE,
    name: 'two batches at once beside a bank that was seeded without its ledger, and claims',
    ledger: 'empty',
    processes: 2,
    callers: callers([0, add('item-1'), claim('a'), add('item-1')], [1, add('item-1')]),
  },
  {
    ...BASE,
    name: 'a batch of a known and a new item while one is claimed, with a ledger, 1 late write',
    ledger: 'filled',
    processes: 2,
    callers: callers([0, claim('a')], [1, add('item-1', 'late-1')]),
    maxFaults: 1,
    faultKinds: ['late'],
  },
  {
    ...BASE,
    name: 'two batches at once of one new item with a ledger, 1 unheard write',
    seeded: [],
    ledger: 'filled',
    processes: 2,
    callers: callers([0, add('late-1')], [1, add('late-1')]),
    maxFaults: 1,
    faultKinds: UNHEARD,
  },
  {
    ...BASE,
    name: 'a batch without a ledger, its first transaction late and its second one refused',
    isJudgedByReportsAlone: true,
    callers: callers([0, add('item-1', 'late-1'), claim('a')]),
    maxFaults: 2,
    faultKinds: ['late', 'refused'],
  },
  {
    ...ENDED,
    name: 'a sweep and a confirmation of a hold that has ended, row by row',
    callers: callers([0, sweep], [1, confirm('a')]),
    isVisibleRowByRow: true,
  },
  {
    ...ENDED,
    name: 'a sweep while a hold that has ended is extended',
    skipFirstRead: false,
    callers: callers([0, sweep], [1, claim('a', { holdForMs: 200 })]),
  },
  {
    ...ENDED,
    name: 'two sweeps and a claim of the item',
    callers: callers([0, sweep], [1, sweep], [1, claim('b', { item: 'item-1' })]),
  },
  {
    ...ENDED,
    name: 'a confirmation that is late, a sweep and a new hold of the same item, 1 crash',
    callers: callers([0, confirm('a')], [1, sweep, claim('a', { item: 'item-1', holdForMs: 200 })]),
    maxCrashes: 1,
  },
  {
    ...ENDED,
    name: 'a release that is late, and a confirmation, 1 crash',
    callers: callers([0, release('a')], [1, confirm('a')]),
    maxCrashes: 1,
  },
  {
    ...WISHES,
    name: 'a chosen item for two IDs, row by row',
    callers: callers([0, claim('a', { item: 'item-1' })], [1, claim('b', { item: 'item-1' })]),
    isVisibleRowByRow: true,
  },
  {
    ...WISHES,
    name: 'a chosen item for two IDs, 1 unheard write',
    callers: callers([0, claim('a', { item: 'item-1' })], [1, claim('b', { item: 'item-1' })]),
    maxFaults: 1,
    faultKinds: UNHEARD,
  },
  {
    ...WISHES,
    name: 'two groups of two for three items',
    seeded: ['item-1', 'item-2', 'item-3'],
    fetchLimit: 4,
    callers: callers([0, group(['a', 'b'])], [1, group(['c', 'd'])]),
  },
  {
    ...WISHES,
    name: 'a group while one of its IDs gets the only item',
    callers: callers([0, group(['a', 'b'])], [1, claim('a')]),
  },
  {
    ...WISHES,
    name: 'own writes that are refused while their ID gets an item',
    seeded: ['item-1', 'item-2'],
    wishes: { ...(WISHES.wishes as Wishes), ordered: ['a'] },
    callers: callers([0, claim('a', { order: 'new' })], [1, claim('a', { item: 'item-1' })]),
  },
  {
    ...WISHES,
    name: 'a claim with an order, 1 unheard write, 1 crash',
    callers: callers([0, claim('a', { order: 'new' })]),
    maxFaults: 1,
    maxCrashes: 1,
    faultKinds: UNHEARD,
  },
  // In the crowd whose claims travel together, the first two calls share a transaction.
  {
    ...BASE,
    name: 'two claims together, then a release of one, 1 lost response',
    seeded: ['item-1', 'item-2'],
    callersAtOnce: 2,
    callers: callers([0, claim('a')], [0, claim('b')], [0, release('a')]),
    maxFaults: 1,
    faultKinds: ['response lost'],
  },
  {
    ...BASE,
    name: 'two claims together, 1 fault of every kind of write',
    seeded: ['item-1', 'item-2'],
    callersAtOnce: 2,
    callers: oneCallEach([0, 'a'], [0, 'b']),
    maxFaults: 1,
    faultKinds: [...UNHEARD, ...REFUSALS, 'reasons told in part'],
  },
];
