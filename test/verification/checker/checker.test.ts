// A checker counts only if it is shown to be right, and shown to be needed: here it has to agree
// with a search through every order, and each of its parts has to be missed when it is broken.
import { describe, expect, test } from 'vitest';
import { seededRandom } from '../seeded-random.js';
import { countDisagreements, isLegal, judgedSales } from './agreement.js';
import { type NullReading, searchEveryOrder } from './brute-force.js';
import {
  type AddOperation,
  type Checker,
  checkHistory,
  createChecker,
  documentedRules,
  type FetchOperation,
  type FinalState,
  type Operation,
  type RuleName,
  seeded,
  strictRules,
} from './checker.js';
import { MUTANTS } from './mutants.js';
import { type RecordedSale, randomSale } from './random-history.js';

const HISTORIES = Number(process.env.CHECKER_HISTORIES ?? 20_000);
const SEED = Number(process.env.CHECKER_SEED ?? 1);
/** Two million take minutes. */
const HANGING_AFTER_MS = 60 * 60 * 1000;
/** Enough for each mutant to be caught often. */
const HISTORIES_FOR_MUTANTS = 20_000;

type Times = readonly [invokedAt: number, returnedAt: number];

function fetch(
  id: string,
  [invokedAt, returnedAt]: Times,
  result: FetchOperation['result'],
): FetchOperation {
  return { kind: 'fetch', id, invokedAt, returnedAt, result };
}

function unknown(id: string, invokedAt: number): FetchOperation {
  return fetch(id, [invokedAt, Infinity], undefined);
}

function add(items: string, [invokedAt, returnedAt]: Times): AddOperation {
  return { kind: 'add', items: items.split(' '), invokedAt, returnedAt };
}

interface Sale extends RecordedSale {
  readonly name: string;
  /** In the order in which they are reported. */
  readonly broken: readonly RuleName[];
}

function sale(
  name: string,
  broken: string,
  history: readonly Operation[],
  bank: string,
  assignments: Readonly<Record<string, string>>,
): Sale {
  const finalState: FinalState = {
    bank: bank.split(' ').filter(Boolean),
    assignments: new Map(Object.entries(assignments)),
  };
  return { name, broken: broken.split(' ').filter(Boolean) as RuleName[], history, finalState };
}

const X = seeded(['x']);
const XY = seeded(['x', 'y']);

const SALES: readonly Sale[] = [
  sale('nothing happened', '', [], '', {}),
  sale('R0: the item was added', '', [X], 'x', {}),
  sale('R0: an item in the bank from nowhere', 'R0', [X], 'x y', {}),
  sale('R0: an item handed out from nowhere', 'R0', [fetch('ann', [0, 1], 'x')], '', { ann: 'x' }),
  sale('R0: an item told of from nowhere', 'R0 R1', [fetch('ann', [0, 1], 'x')], '', {}),

  sale(
    'R1: the same item every time',
    '',
    [X, fetch('ann', [0, 1], 'x'), fetch('ann', [2, 3], 'x'), unknown('ann', 4)],
    '',
    { ann: 'x' },
  ),
  sale(
    'R1: another item the second time',
    'R1',
    [XY, fetch('ann', [0, 1], 'x'), fetch('ann', [2, 3], 'y')],
    'y',
    { ann: 'x' },
  ),
  sale('R1: given, but not kept', 'R1', [X, fetch('ann', [0, 1], 'x')], 'x', {}),

  sale(
    'R2: one item for each',
    '',
    [XY, fetch('ann', [0, 1], 'x'), fetch('bob', [0, 1], 'y')],
    '',
    { ann: 'x', bob: 'y' },
  ),
  sale(
    'R2: one item for both',
    'R2',
    [X, fetch('ann', [0, 1], 'x'), fetch('bob', [0, 1], 'x')],
    '',
    { ann: 'x', bob: 'x' },
  ),

  sale('R3: a call that failed left the item alone', '', [X, unknown('ann', 0)], 'x', {}),
  sale('R3: a call that failed took the item', '', [X, unknown('ann', 0)], '', { ann: 'x' }),
  sale('R3: a call that failed lost the item', 'R3', [X, unknown('ann', 0)], '', {}),
  sale('R3: handed out and still there', 'R3', [X, fetch('ann', [0, 1], 'x')], 'x', { ann: 'x' }),
  sale('R3: a failed add that never landed', '', [add('x y', [0, Infinity])], 'y', {}),
  sale('R3: a finished add that never landed', 'R3', [add('x y', [0, 1])], 'y', {}),

  sale(
    'R4: handed out at the instant that its add began',
    '',
    [add('x', [2, 4]), fetch('ann', [0, 2], 'x')],
    '',
    { ann: 'x' },
  ),
  sale(
    'R4: handed out before its add began',
    'R4',
    [add('x', [2, 4]), fetch('ann', [0, 1], 'x')],
    '',
    { ann: 'x' },
  ),

  sale(
    'R5: claimed by the call that failed',
    '',
    [X, fetch('ann', [0, 1], null), unknown('bob', 0)],
    '',
    { bob: 'x' },
  ),
  sale('R5: assigned to an ID that never asked', 'R5', [X], '', { ann: 'x' }),
  sale(
    'R5: assigned to an ID that was told null and no more',
    'R5',
    [add('x', [1, 2]), fetch('ann', [0, 1], null)],
    '',
    { ann: 'x' },
  ),

  sale('R6: null from an empty bank', '', [fetch('ann', [0, 1], null)], '', {}),
  sale('R6: null while an item stays', 'R6', [X, fetch('ann', [0, 1], null)], 'x', {}),
  sale(
    'R6: null at the instant that the last item may go',
    '',
    [X, fetch('ann', [0, 2], null), fetch('bob', [2, 3], 'x')],
    '',
    { bob: 'x' },
  ),
  sale(
    'R6: null before the last item can have gone',
    'R6',
    [X, fetch('ann', [0, 1], null), fetch('bob', [2, 3], 'x')],
    '',
    { bob: 'x' },
  ),
  sale(
    'R6: null while a call that fails may have taken the last item',
    '',
    [X, unknown('bob', 0), fetch('ann', [1, 2], null), fetch('bob', [8, 9], 'x')],
    '',
    { bob: 'x' },
  ),
  sale(
    'R6: null before the first of the two calls that may have taken the last item',
    'R6',
    [X, fetch('ann', [1, 2], null), unknown('bob', 3), fetch('bob', [8, 9], 'x')],
    '',
    { bob: 'x' },
  ),
  sale(
    'R6: null at the instant that the add ends',
    '',
    [add('x', [0, 2]), fetch('ann', [2, 3], null)],
    'x',
    {},
  ),
  sale(
    'R6: null after the add has ended',
    'R6',
    [add('x', [0, 2]), fetch('ann', [3, 4], null)],
    'x',
    {},
  ),
  sale(
    'R6: null after an add that failed and may land later',
    '',
    [add('x', [0, Infinity]), fetch('ann', [3, 4], null)],
    'x',
    {},
  ),
  sale(
    'R6: null though the bank is never empty, for each item is away once during the call',
    '',
    [X, add('y', [1, 2]), fetch('ann', [1, 6], null), fetch('bob', [5, 6], 'x')],
    'y',
    { bob: 'x' },
  ),
  sale(
    'R6: null while the older of two items stays',
    'R6',
    [X, add('y', [1, 2]), fetch('ann', [4, 6], null), fetch('bob', [5, 6], 'y')],
    'x',
    { bob: 'y' },
  ),
  sale(
    'R6: null while one of two items that came together stays',
    'R6',
    [XY, fetch('bob', [0, 1], 'x'), fetch('ann', [2, 3], null)],
    'y',
    { bob: 'x' },
  ),
  sale(
    'R6: null at the instant that the ID is given its item',
    '',
    [X, fetch('ann', [0, 2], 'x'), fetch('ann', [2, 3], null)],
    '',
    { ann: 'x' },
  ),
  sale(
    'R6: null after the ID was given its item',
    'R6',
    [X, fetch('ann', [0, 2], 'x'), fetch('ann', [3, 4], null)],
    '',
    { ann: 'x' },
  ),
  sale(
    'R6: null after the first of two calls at once was given the item of the ID',
    'R6',
    [X, fetch('ann', [0, 2], 'x'), fetch('ann', [1, 9], 'x'), fetch('ann', [3, 4], null)],
    '',
    { ann: 'x' },
  ),
  sale(
    'R6: null after the ID was given its item, which may still have been on its way',
    'R6',
    [add('x', [0, 9]), fetch('ann', [0, 2], 'x'), fetch('ann', [3, 4], null)],
    '',
    { ann: 'x' },
  ),
];

describe('hand-written histories', () => {
  test.for(SALES.map((written) => [written.name, written] as const))('%s', ([, written]) => {
    const { history, finalState, broken } = written;
    const violations = checkHistory(history, finalState);
    expect(violations.map(({ rule }) => rule)).toEqual(broken);
    const { isConsistent, illegalNulls } = searchEveryOrder(history, finalState);
    expect(isConsistent && illegalNulls.length === 0).toBe(broken.length === 0);
  });

  test('covers each rule both ways', () => {
    for (const rule of Object.keys(documentedRules)) {
      const sales = SALES.filter(({ name }) => name.startsWith(`${rule}:`));
      expect(sales.some(({ broken }) => broken.length === 0)).toBe(true);
      expect(sales.some(({ broken }) => broken.join() === rule)).toBe(true);
    }
  });
});

test('tells a human what broke', () => {
  const lost = add('x', [3, 4]);
  const soldOut = fetch('ann', [5, 6], null);
  const { finalState } = sale('', '', [], 'y', {});
  expect(checkHistory([seeded(['y']), lost, soldOut], finalState)).toEqual([
    {
      rule: 'R3',
      message: 'P3: item "x", added (3 to 4), is neither in the bank nor assigned',
      operation: lost,
    },
    {
      rule: 'R6',
      message: 'P4: ID "ann" got null (5 to 6), "y" was in the bank from the start to the end',
      operation: soldOut,
    },
  ]);
});

test.each([
  ['a call that returns before it begins', [fetch('ann', [2, 1], null)]],
  ['a time that is not a number', [fetch('ann', [0, Number.NaN], null)]],
  ['a call that never begins', [unknown('ann', Infinity)]],
  ['a result without a return', [fetch('ann', [0, Infinity], null)]],
  ['a return without a result', [fetch('ann', [0, 1], undefined)]],
  ['an item that is added twice', [X, add('x', [0, 1])]],
])('refuses %s', (_name, history) => {
  const { finalState } = sale('', '', [], '', {});
  expect(() => checkHistory(history, finalState)).toThrow(RangeError);
});

interface Agreement {
  readonly disagreements: readonly RecordedSale[];
  readonly shareLegal: number;
}

/** On whether all but the nulls have an order and, if they have, on each null by itself. */
function compare(check: Checker, reading: NullReading): Agreement {
  const random = seededRandom(SEED);
  const disagreements: RecordedSale[] = [];
  let legal = 0;
  for (let count = 0; count < HISTORIES; count++) {
    const recorded = randomSale(random);
    const violations = check(recorded.history, recorded.finalState);
    const { isConsistent, illegalNulls } = searchEveryOrder(
      recorded.history,
      recorded.finalState,
      reading,
    );
    const isFoundConsistent = violations.every(({ rule }) => rule === 'R6');
    const accused = new Set(violations.map(({ operation }) => operation));
    const isSameOnNulls = reading.isOneOrder
      ? accused.size > 0 === illegalNulls.length > 0
      : accused.size === illegalNulls.length && illegalNulls.every((call) => accused.has(call));
    const isAgreed = isFoundConsistent === isConsistent && (!isConsistent || isSameOnNulls);
    if (!isAgreed) disagreements.push(recorded);
    if (violations.length === 0) legal++;
  }
  return { disagreements, shareLegal: legal / HISTORIES };
}

describe(`agreement with the search on ${HISTORIES} random histories`, () => {
  test.for([
    ['the documented rules', documentedRules, {}],
    ['the strict rules', strictRules, { isIdReadLast: true }],
    ['the strict rules, one order', strictRules, { isIdReadLast: true, isOneOrder: true }],
  ] as const)('%s', { timeout: HANGING_AFTER_MS }, async ([, rules, reading], { annotate }) => {
    const { disagreements, shareLegal } = compare(createChecker(rules), reading);
    await annotate(`legal: ${(shareLegal * 100).toFixed(1)} %`);
    expect(disagreements.slice(0, 3)).toEqual([]);
    // Were all legal, or all illegal, a checker that always says the same would agree.
    expect(shareLegal).toBeGreaterThan(0.2);
    expect(shareLegal).toBeLessThan(0.8);
  });
});

describe('what R6 leaves open', () => {
  const twoAtOnce = sale('', '', [X, fetch('ann', [0, 5], 'x'), fetch('ann', [1, 6], null)], '', {
    ann: 'x',
  });
  const tooLateForTheBank = sale(
    '',
    '',
    [
      add('x', [0, 9]),
      seeded(['y']),
      fetch('ann', [0, 3], 'x'),
      fetch('ann', [2, 9], null),
      fetch('bob', [5, 9], 'y'),
    ],
    '',
    { ann: 'x', bob: 'y' },
  );
  const twoNullsThatExcludeEachOther = sale(
    '',
    '',
    [X, fetch('ann', [0, 9], 'x'), fetch('bob', [1, 2], null), fetch('ann', [4, 5], null)],
    '',
    { ann: 'x' },
  );

  test.each([
    ['of two calls at once for one ID, one gets the last item and the other null', twoAtOnce],
    ['the bank is empty only after the ID was given its item', tooLateForTheBank],
  ])('%s: refused by the strict rules', (_name, { history, finalState }) => {
    expect(checkHistory(history, finalState)).toEqual([]);
    const violations = createChecker(strictRules)(history, finalState);
    expect(violations.map(({ rule }) => rule)).toEqual(['R6']);
    const { illegalNulls } = searchEveryOrder(history, finalState, { isIdReadLast: true });
    expect(illegalNulls).toEqual(violations.map(({ operation }) => operation));
  });

  test('two nulls, each of which has an order, but not the same one', () => {
    const { history, finalState } = twoNullsThatExcludeEachOther;
    expect(checkHistory(history, finalState)).toEqual([]);
    expect(createChecker(strictRules)(history, finalState)).toHaveLength(1);
    const { illegalNulls } = searchEveryOrder(history, finalState, { isOneOrder: true });
    expect(illegalNulls).toHaveLength(2);
  });
});

describe('mutants', () => {
  const judged = judgedSales(HISTORIES_FOR_MUTANTS, SEED);

  test.for(MUTANTS)('%s: caught', async ([, rules], { annotate }) => {
    const check = createChecker(rules);
    const byAgreement = countDisagreements(rules, judged);
    const byHand = SALES.filter(
      (written) => isLegal(check, written) !== (written.broken.length === 0),
    ).length;
    await annotate(`caught by ${byAgreement} random and ${byHand} hand-written histories`);
    expect(byAgreement).toBeGreaterThan(0);
    expect(byHand).toBeGreaterThan(0);
  });
});

describe('a sale of 20,000 calls', () => {
  const ITEM_COUNT = 8_000;
  const CALL_COUNT = 20_000;
  const ID_COUNT = 12_000;
  const BATCH_SIZE = 100;

  /** Half of the items are seeded, the rest comes in meanwhile. Calls overlap their neighbours. */
  function playLargeSale() {
    const random = seededRandom(SEED);
    const items = Array.from({ length: ITEM_COUNT }, (_, itemNumber) => `item-${itemNumber}`);
    const waiting = items.splice(ITEM_COUNT / 2);
    const history: Operation[] = [seeded(items)];
    const assignments = new Map<string, string>();
    const bank = items;
    for (let now = 0; now < CALL_COUNT; now++) {
      if (now % BATCH_SIZE === 0 && waiting.length > 0) {
        const batch = waiting.splice(0, BATCH_SIZE);
        history.push({ kind: 'add', items: batch, invokedAt: now - 3, returnedAt: now - 0.5 });
        bank.push(...batch);
      }
      const id = `id-${Math.floor(random() * ID_COUNT)}`;
      const item = assignments.get(id) ?? bank.pop() ?? null;
      if (item !== null) assignments.set(id, item);
      const times: Times = [now - 2 * random(), now + 2 * random()];
      const isUnknown = random() < 0.05;
      history.push(isUnknown ? unknown(id, times[0]) : fetch(id, times, item));
    }
    return { history, finalState: { bank, assignments } };
  }

  function isNull(operation: Operation): boolean {
    return operation.kind === 'fetch' && operation.result === null;
  }

  test('is legal, by both sets of rules', () => {
    const { history, finalState } = playLargeSale();
    expect(history.filter(isNull).length).toBeGreaterThan(1_000);
    expect(checkHistory(history, finalState)).toEqual([]);
    expect(createChecker(strictRules)(history, finalState)).toEqual([]);
  });

  test('one item lost, one handed out twice, one null too early: three violations', () => {
    const { history, finalState } = playLargeSale();
    const [lost, twice] = ['lost', 'twice'].map((item) => add(item, [20_010, 20_011]));
    const early = fetch('early', [10, 20], null);
    if (lost === undefined || twice === undefined) throw new Error('Expected two adds');
    history.push(lost, twice, early);
    for (const id of ['late-1', 'late-2']) {
      history.push(fetch(id, [20_012, 20_013], 'twice'));
      finalState.assignments.set(id, 'twice');
    }
    const violations = checkHistory(history, finalState);
    expect(violations.map(({ rule }) => rule)).toEqual(['R2', 'R3', 'R6']);
    expect(violations.map(({ operation }) => operation)).toEqual([undefined, lost, early]);
  });
});
