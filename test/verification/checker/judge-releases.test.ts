// What a history with releases may look like, and what it may not.
import { describe, expect, test } from 'vitest';
import {
  type AddOperation,
  type FetchOperation,
  type OperationWithRelease,
  type ReleaseOperation,
  seeded,
  type UnheardClaim,
} from './checker.js';
import { judgeReleases } from './judge-releases.js';

type Times = readonly [invokedAt: number, returnedAt: number];

const X = seeded(['x']);
const XY = seeded(['x', 'y']);
const annHasX = fetch('ann', [-Infinity, -Infinity], 'x');

function fetch(
  id: string,
  [invokedAt, returnedAt]: Times,
  result: FetchOperation['result'],
  isFirstHandOut = false,
): FetchOperation {
  return { kind: 'fetch', id, invokedAt, returnedAt, result, isFirstHandOut };
}

function first(id: string, times: Times, item: string): FetchOperation {
  return fetch(id, times, item, true);
}

function release(
  id: string,
  [invokedAt, returnedAt]: Times,
  result: ReleaseOperation['result'],
  fate: ReleaseOperation['fate'] = 'return',
): ReleaseOperation {
  return { kind: 'release', id, fate, invokedAt, returnedAt, result };
}

function retire(id: string, times: Times, item: string): ReleaseOperation {
  return release(id, times, item, 'retire');
}

function givenUp(id: string, [invokedAt, gaveUpAt]: Times): ReleaseOperation {
  return { ...release(id, [invokedAt, Infinity], undefined), gaveUpAt };
}

function add(item: string, [invokedAt, returnedAt]: Times): AddOperation {
  return { kind: 'add', items: [item], invokedAt, returnedAt };
}

function unheard(id: string, item: string, invokedAt: number): UnheardClaim {
  return { kind: 'unheard claim', id, item, invokedAt, returnedAt: Infinity };
}

interface Case {
  readonly name: string;
  readonly history: readonly OperationWithRelease[];
  readonly bank: string;
  readonly assignments?: Readonly<Record<string, string>>;
  readonly broken?: 'order' | 'null';
  /** Only where the rows of a transaction become visible one by one. */
  readonly isLegalRowByRow?: true;
}

const CASES: readonly Case[] = [
  {
    name: 'a released item is in the bank',
    history: [X, annHasX, release('ann', [0, 1], 'x')],
    bank: 'x',
  },
  {
    name: 'a released item is nowhere',
    history: [X, annHasX, release('ann', [0, 1], 'x')],
    bank: '',
    broken: 'order',
  },
  {
    name: 'a released item is still with its ID',
    history: [X, annHasX, release('ann', [0, 1], 'x')],
    bank: '',
    assignments: { ann: 'x' },
    broken: 'order',
  },
  {
    name: 'a retired item is nowhere',
    history: [X, annHasX, retire('ann', [0, 1], 'x')],
    bank: '',
  },
  {
    name: 'a retired item is in the bank',
    history: [X, annHasX, retire('ann', [0, 1], 'x')],
    bank: 'x',
    broken: 'order',
  },
  {
    name: 'a released item goes to another ID',
    history: [X, annHasX, release('ann', [0, 1], 'x'), first('bob', [2, 3], 'x')],
    bank: '',
    assignments: { bob: 'x' },
  },
  {
    name: 'an item goes to another ID before its release has begun',
    history: [X, annHasX, first('bob', [0, 1], 'x'), release('ann', [2, 3], 'x')],
    bank: '',
    assignments: { bob: 'x' },
    broken: 'order',
  },
  {
    name: 'a release has the item of the ID, another one has none',
    history: [X, annHasX, release('ann', [0, 3], 'x'), release('ann', [1, 2], null)],
    bank: 'x',
  },
  {
    name: 'two releases have the same item',
    history: [X, annHasX, release('ann', [0, 3], 'x'), release('ann', [1, 2], 'x')],
    bank: 'x',
    broken: 'order',
  },
  {
    name: 'a release is told that an ID with an item has none',
    history: [X, annHasX, release('ann', [0, 1], null)],
    bank: '',
    assignments: { ann: 'x' },
    broken: 'order',
  },
  {
    name: 'a call is told an item whose release has ended',
    history: [X, annHasX, release('ann', [0, 1], 'x'), fetch('ann', [2, 3], 'x')],
    bank: 'x',
    broken: 'order',
  },
  {
    name: 'a call is told an item while its release is under way',
    history: [X, annHasX, release('ann', [0, 3], 'x'), fetch('ann', [1, 2], 'x')],
    bank: 'x',
  },
  {
    name: 'an ID gets its released item again, as a first hand-out',
    history: [X, annHasX, release('ann', [0, 1], 'x'), first('ann', [2, 3], 'x')],
    bank: '',
    assignments: { ann: 'x' },
  },
  {
    name: 'a second call is told a first hand-out of the same assignment',
    history: [
      X,
      annHasX,
      release('ann', [0, 1], 'x'),
      first('ann', [2, 3], 'x'),
      first('ann', [4, 5], 'x'),
    ],
    bank: '',
    assignments: { ann: 'x' },
    broken: 'order',
  },
  {
    name: 'null while the only item is with its ID',
    history: [X, annHasX, fetch('bob', [0, 1], null), release('ann', [2, 3], 'x')],
    bank: 'x',
  },
  {
    name: 'null after the only item has come back',
    history: [X, annHasX, release('ann', [0, 1], 'x'), fetch('bob', [2, 3], null)],
    bank: 'x',
    broken: 'null',
  },
  {
    name: 'null to an ID while its own item is on its way back',
    history: [X, annHasX, release('ann', [0, 3], 'x'), fetch('ann', [1, 2], null)],
    bank: 'x',
  },
  {
    name: 'null to it twice, one after the other',
    history: [
      X,
      annHasX,
      release('ann', [0, 5], 'x'),
      fetch('ann', [1, 2], null),
      fetch('ann', [3, 4], null),
    ],
    bank: 'x',
    broken: 'null',
    isLegalRowByRow: true,
  },
  {
    name: 'null to an ID whose item left it during the call',
    history: [X, annHasX, release('ann', [1, 2], 'x'), fetch('ann', [0, 3], null)],
    bank: 'x',
  },
  {
    name: 'null to an ID that has an item',
    history: [X, annHasX, fetch('ann', [0, 1], null), release('ann', [2, 3], 'x')],
    bank: 'x',
    broken: 'null',
  },
  {
    name: 'an ID shows its item although another one has got it, as its release is under way',
    history: [
      X,
      annHasX,
      release('ann', [0, 9], 'x'),
      first('bob', [1, 2], 'x'),
      fetch('ann', [3, 4], 'x'),
    ],
    bank: '',
    assignments: { bob: 'x' },
    broken: 'order',
    isLegalRowByRow: true,
  },
  {
    name: 'a release that was given up takes effect later',
    history: [X, annHasX, givenUp('ann', [0, 1]), fetch('ann', [2, 3], 'x')],
    bank: 'x',
  },
  {
    name: 'a release that was given up ends a later assignment',
    history: [
      X,
      annHasX,
      givenUp('ann', [0, 1]),
      release('ann', [2, 3], 'x'),
      first('ann', [4, 5], 'x'),
    ],
    bank: 'x',
    broken: 'order',
  },
  {
    name: 'a release that was given up before the ID had an item ends its assignment',
    history: [X, givenUp('ann', [0, 1]), first('ann', [4, 5], 'x')],
    bank: 'x',
    broken: 'order',
  },
  {
    name: 'a claim lands after a release that has ended, for its request was still on its way',
    history: [XY, annHasX, unheard('ann', 'y', 0), release('ann', [1, 2], 'x')],
    bank: 'x',
    assignments: { ann: 'y' },
  },
  {
    name: 'an ID has an item that nobody asked for',
    history: [XY, annHasX, release('ann', [1, 2], 'x')],
    bank: 'x',
    assignments: { ann: 'y' },
    broken: 'order',
  },
  {
    name: 'an item is released that is added only later',
    history: [add('x', [4, 5]), first('ann', [0, 1], 'x'), release('ann', [2, 3], 'x')],
    bank: 'x',
    broken: 'order',
  },
];

describe.each([false, true])('rows become visible one by one: %s', (isRowByRow) => {
  test.each(CASES.map((written) => [written.name, written] as const))('%s', (_name, written) => {
    const { history, bank, assignments = {}, broken, isLegalRowByRow } = written;
    const finalState = {
      bank: bank.split(' ').filter(Boolean),
      assignments: new Map(Object.entries(assignments)),
    };
    const wrongs = judgeReleases(history, finalState, { isRowByRow });
    const isLegal = broken === undefined || (isRowByRow && isLegalRowByRow === true);
    expect(wrongs.map((wrong) => wrong.split(':')[0])).toEqual(isLegal ? [] : [broken]);
  });
});

test('tells a human what broke', () => {
  const history = [X, annHasX, release('ann', [0, 1], 'x'), fetch('bob', [2, 3], null)];
  const finalState = { bank: ['x'], assignments: new Map() };
  expect(judgeReleases(history, finalState, { isRowByRow: false })).toEqual([
    'null: P4: no order explains fetch bob (2 to 3): null, among ' +
      'fetch ann (-Infinity to -Infinity): x; return ann (0 to 1): x; fetch bob (2 to 3): null',
  ]);
});
