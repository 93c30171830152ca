// The judge of sales in which IDs give back and take again, on a history that is right and on such as break one rule.
import { expect, test } from 'vitest';
import type { JournaledCall } from '../crash/journal.js';
import { type Change, type Holding, judgeTurnover } from './judge-turnover.js';
import type { Answer, Asked, Told } from './workload.js';

type Call = JournaledCall<Asked, Answer>;
type Times = readonly [fromMs: number, untilMs: number];
type Wish = Asked extends infer Each ? (Each extends Asked ? Omit<Each, 'sale'> : never) : never;

/** What happened, or a part of it. */
interface History {
  readonly changes?: readonly Change[];
  readonly calls?: readonly Call[];
}

const ITEMS = ['a', 'b', 'c'];
const HOUR_MS = 3_600_000;

function asked(wish: Wish, [invokedAt, returnedAt]: Times, answer?: Answer): Call {
  return { asked: { sale: 0, ...wish } as Asked, invokedAt, returnedAt, answer };
}

function claim(id: string, times: Times, told?: Told, holdForMs?: number): Call {
  const wish = { operation: 'claim', id, ...(holdForMs !== undefined && { holdForMs }) } as const;
  return asked(wish, times, told && { told });
}

function choose(id: string, item: string, times: Times, told: Told): Call {
  return asked({ operation: 'choose', id, item }, times, { told });
}

function group(ids: readonly string[], times: Times, members: Answer['members'] = []): Call {
  return asked({ operation: 'group', ids }, times, { members });
}

function confirm(id: string, times: Times, item: string | null, paidFor?: string): Call {
  const wish = {
    operation: 'confirm',
    id,
    ...(paidFor !== undefined && { item: paidFor }),
  } as const;
  return asked(wish, times, { item });
}

function release(id: string, times: Times, item: string | null): Call {
  return asked({ operation: 'release', id }, times, { item });
}

function retire(id: string, times: Times, item: string): Call {
  return asked({ operation: 'retire', id }, times, { item });
}

const sweep = (times: Times) => asked({ operation: 'sweep' }, times, {});

function has(item: string, heldUntilMs: number | null = null): Holding {
  return { item, heldUntilMs };
}

function told(
  status: 'claimed' | 'existing',
  item: string,
  heldUntilMs: number | null = null,
): Told {
  return { status, ...has(item, heldUntilMs) };
}

const EXHAUSTED: Told = { status: 'exhausted', item: null, heldUntilMs: null };
const TAKEN: Told = { ...EXHAUSTED, status: 'taken' };

function change(atMs: number, id: string, before: Holding | null, after: Holding | null): Change {
  return { atMs, id, before, after };
}

const around = (atMs: number): Times => [atMs - 20, atMs + 20];

/** The ID takes the item, for good or until then. */
function took(atMs: number, id: string, item: string, heldUntilMs: number | null = null): History {
  const holdForMs = heldUntilMs === null ? undefined : heldUntilMs - atMs;
  return {
    changes: [change(atMs, id, null, has(item, heldUntilMs))],
    calls: [claim(id, around(atMs), told('claimed', item, heldUntilMs), holdForMs)],
  };
}

function confirmed(atMs: number, id: string, item: string, heldUntilMs: number): History {
  return {
    changes: [change(atMs, id, has(item, heldUntilMs), has(item))],
    calls: [confirm(id, around(atMs), item)],
  };
}

function released(atMs: number, id: string, item: string): History {
  return {
    changes: [change(atMs, id, has(item), null)],
    calls: [release(id, around(atMs), item)],
  };
}

function retired(atMs: number, id: string, item: string): History {
  return {
    changes: [change(atMs, id, has(item), null)],
    calls: [retire(id, around(atMs), item)],
  };
}

interface End {
  readonly assignments: ReadonlyMap<string, string>;
  readonly bank: readonly string[];
}

/** The rules that the history breaks. The tables end as the changes say, unless it is said otherwise. */
function broken(parts: readonly History[], otherEnd: Partial<End> = {}): string[] {
  const changes = parts.flatMap((part) => part.changes ?? []);
  const calls = parts.flatMap((part) => part.calls ?? []);
  const assignments = new Map<string, string>();
  for (const { id, after } of changes) {
    if (after === null) assignments.delete(id);
    else assignments.set(id, after.item);
  }
  const end = { changes, assignments, bank: [], ...otherEnd };
  const wrongs = judgeTurnover(ITEMS, calls, end, (atMs) => atMs);
  return [...new Set(wrongs.map((wrong) => wrong.slice(0, wrong.indexOf(':'))))].sort();
}

const calls = (...made: readonly Call[]): History => ({ calls: made });
const changes = (...made: readonly Change[]): History => ({ changes: made });

test('a right history passes: every operation, and each answer that it may have', () => {
  const history: readonly History[] = [
    took(100, 'ann', 'a', HOUR_MS),
    took(200, 'bob', 'b'),
    took(300, 'cat', 'c', 600),
    calls(
      claim('dan', [330, 370], EXHAUSTED),
      choose('dan', 'a', [330, 370], TAKEN),
      claim('bob', [330, 370], told('existing', 'b')),
      group(['dan', 'eve'], [330, 370]),
      confirm('dan', [330, 370], null),
      release('dan', [330, 370], null),
    ),
    confirmed(400, 'ann', 'a', HOUR_MS),
    calls(
      // What is noted is perhaps not committed yet.
      claim('ann', [430, 450], told('existing', 'a', HOUR_MS)),
      confirm('ann', [430, 450], null, 'b'),
    ),
    // An extension, and a claim that nobody heard of.
    changes(change(500, 'cat', has('c', 600), has('c', 700))),
    calls(claim('cat', around(500), told('existing', 'c', 700), 200)),
    changes(change(800, 'cat', has('c', 700), null)),
    calls(sweep(around(800))),
    changes(change(900, 'dan', null, has('c'))),
    calls(claim('dan', [880, Infinity])),
    released(1_000, 'bob', 'b'),
    // The release is not answered before the call begins, so nobody knows that the item was there.
    calls(claim('eve', [1_010, 1_050], EXHAUSTED)),
    changes(change(1_100, 'eve', null, has('b'))),
    calls(choose('eve', 'b', around(1_100), told('claimed', 'b'))),
    retired(1_200, 'ann', 'a'),
    calls(claim('fay', [1_250, 1_300], EXHAUSTED)),
    released(1_400, 'eve', 'b'),
    changes(change(1_500, 'fay', null, has('b'))),
    calls(
      group(['dan', 'fay'], around(1_500), [
        { id: 'dan', ...told('existing', 'c') },
        { id: 'fay', ...told('claimed', 'b') },
      ]),
    ),
  ];
  expect(broken(history)).toEqual([]);
  expect(broken(history.slice(0, 1), { bank: ['b', 'c'] })).toEqual([]);
});

const annHasA = took(100, 'ann', 'a');
const annHoldsA = took(100, 'ann', 'a', HOUR_MS);
const allTaken = [annHasA, took(120, 'bob', 'b'), took(140, 'cat', 'c')];

test.each<[string, readonly History[]]>([
  [
    'the row before a change is not the one that was there',
    [annHasA, changes(change(200, 'ann', has('b'), null)), calls(release('ann', around(200), 'b'))],
  ],
  ['the end of a hold moves without a note', [annHoldsA, confirmed(200, 'ann', 'a', 2 * HOUR_MS)]],
])('row: %s', (_, history) => {
  expect(broken(history)).toEqual(['row']);
});

test('row: another item takes the place of the one that an ID has', () => {
  const replaced = changes(change(200, 'ann', has('a'), has('b')));
  expect(broken([annHasA, replaced])).toEqual(['row', 'sender']);
});

test.each<[string, readonly History[], Partial<End>]>([
  ['two IDs have one item', [annHasA, took(200, 'bob', 'a')], {}],
  [
    'an item that was retired comes to an ID',
    [annHasA, retired(200, 'ann', 'a'), took(300, 'bob', 'a')],
    {},
  ],
  ['an item is in the bank and with an ID', [annHasA], { bank: ['a', 'b', 'c'] }],
])('twice: %s', (_, history, end) => {
  expect(broken(history, end)).toEqual(['twice']);
});

test('an item need not be in the bank if it was perhaps retired, and a choice is of one item alone', () => {
  const unheard = calls(asked({ operation: 'retire', id: 'ann' }, [190, Infinity]));
  const exhausted = calls(claim('dan', [250, 300], EXHAUSTED));
  expect(broken([...allTaken, released(200, 'ann', 'a'), unheard, exhausted])).toEqual([]);
  expect(broken([annHasA, calls(choose('bob', 'a', [200, 250], TAKEN))])).toEqual([]);
});

test('an item may come back if it was perhaps not the retirement that ended its assignment', () => {
  const unheard = calls(asked({ operation: 'release', id: 'ann' }, [180, Infinity]));
  const history = [annHasA, unheard, retired(200, 'ann', 'a'), took(300, 'bob', 'a')];
  expect(broken(history)).toEqual([]);
});

const taking = changes(change(200, 'ann', null, has('a')));
const ending = changes(change(200, 'ann', has('a'), null));
const endingHold = changes(change(200, 'ann', has('a', HOUR_MS), null));
const shortening = changes(change(200, 'ann', has('a', HOUR_MS), has('a', HOUR_MS - 1)));
const confirming = changes(change(200, 'ann', has('a', HOUR_MS), has('a')));
test.each<[string, readonly History[]]>([
  ['an item comes to an ID that did not ask', [taking, calls(claim('bob', [180, Infinity]))]],
  [
    'an item comes after the answer',
    [
      ...allTaken,
      calls(claim('dan', [200, 250], EXHAUSTED)),
      released(300, 'ann', 'a'),
      changes(change(400, 'dan', null, has('a'))),
    ],
  ],
  ['an item comes before the call', [taking, calls(claim('ann', [250, Infinity]))]],
  [
    'an item comes to an ID that chose another one',
    [taking, calls(asked({ operation: 'choose', id: 'ann', item: 'b' }, [180, Infinity]))],
  ],
  [
    'an item comes to an ID that is told otherwise',
    [taking, calls(choose('ann', 'a', around(200), TAKEN))],
  ],
  ['an ID loses its item', [annHasA, ending]],
  [
    'an ID loses its item to the release of another one',
    [annHasA, ending, calls(asked({ operation: 'release', id: 'bob' }, [180, Infinity]))],
  ],
  [
    'an ID loses its item to a confirmation',
    [annHasA, ending, calls(confirm('ann', around(200), 'a'))],
  ],
  [
    'a hold is taken back after the sweep',
    [
      took(100, 'ann', 'a', 150),
      changes(change(300, 'ann', has('a', 150), null)),
      calls(sweep([200, 250])),
    ],
  ],
  ['a sweep takes back what an ID has for good', [annHasA, ending, calls(sweep(around(200)))]],
  ['a sweep takes back a hold that goes on', [annHoldsA, endingHold, calls(sweep(around(200)))]],
  ['a hold gets shorter', [annHoldsA, shortening, calls(claim('ann', [180, Infinity]))]],
  ['a claim confirms', [annHoldsA, confirming, calls(claim('ann', [180, Infinity]))]],
  [
    'another item than was paid for is confirmed',
    [
      annHoldsA,
      confirming,
      calls(asked({ operation: 'confirm', id: 'ann', item: 'b' }, [180, Infinity])),
    ],
  ],
])('sender: %s', (_, history) => {
  expect(broken(history)).toEqual(['sender']);
});

test('sender: a release is told of another item than the ID had', () => {
  const history = [annHasA, ending, calls(release('ann', around(200), 'b'))];
  expect(broken(history)).toEqual(['sender', 'told']);
});

/** What an ID had is seen for certain no more when its second change after that is noted. */
const annHasBNow = [annHasA, released(200, 'ann', 'a'), took(300, 'ann', 'b')];
test.each<[string, readonly History[]]>([
  [
    'of an item that it never had',
    [annHasA, calls(claim('ann', [250, 300], told('existing', 'b')))],
  ],
  [
    'of an item that it has no more',
    [...annHasBNow, calls(claim('ann', [350, 400], told('existing', 'a')))],
  ],
  [
    'of an end of its hold that there never was',
    [annHoldsA, calls(claim('ann', [250, 300], told('existing', 'a', HOUR_MS + 1)))],
  ],
  ['"claimed" of what it had', [annHasA, calls(claim('ann', [250, 300], told('claimed', 'a')))]],
  [
    '"claimed" of what an earlier call got',
    [taking, calls(claim('ann', [180, Infinity]), claim('ann', [250, 300], told('claimed', 'a')))],
  ],
  [
    '"claimed" twice of one assignment',
    [annHasA, calls(claim('ann', [90, 130], told('claimed', 'a')))],
  ],
  ['of a confirmation that was none', [annHoldsA, calls(confirm('ann', [250, 300], 'a'))]],
  [
    'that there is nothing to confirm, of what it holds',
    [annHoldsA, confirmed(200, 'ann', 'a', HOUR_MS), calls(confirm('ann', [250, 300], null))],
  ],
  ['of a release that was none', [annHasA, calls(release('ann', [250, 300], 'a'))]],
  [
    'twice of one release',
    [annHasA, released(200, 'ann', 'a'), calls(release('ann', [190, 230], 'a'))],
  ],
  [
    'that there is nothing to release, of what it has',
    [annHoldsA, confirmed(200, 'ann', 'a', HOUR_MS), calls(release('ann', [250, 300], null))],
  ],
  [
    'in a group of an item that it never had',
    [annHasA, calls(group(['ann', 'bob'], [250, 300], [{ id: 'bob', ...told('existing', 'b') }]))],
  ],
])('told: an ID is told %s', (_, history) => {
  expect(broken(history)).toEqual(['told']);
});

test.each<[string, readonly History[]]>([
  ['a hold is for good', [taking, calls(claim('ann', around(200), told('claimed', 'a'), 100))]],
  [
    'what is claimed for good is a hold',
    [
      changes(change(200, 'ann', null, has('a', HOUR_MS))),
      calls(claim('ann', around(200), told('claimed', 'a', HOUR_MS))),
    ],
  ],
  ['"taken" is told without a choice', [...allTaken, calls(claim('dan', [200, 250], TAKEN))]],
  ['a choice is told "exhausted"', [...allTaken, calls(choose('dan', 'a', [200, 250], EXHAUSTED))]],
])('wish: %s', (_, history) => {
  expect(broken(history)).toEqual(['wish']);
});

test('wish: an ID gets another item than it chose', () => {
  const chosen = calls(choose('ann', 'b', around(200), told('claimed', 'a')));
  expect(broken([taking, chosen])).toEqual(['sender', 'wish']);
});

const annConfirmedA = [annHoldsA, confirmed(150, 'ann', 'a', HOUR_MS)];
test.each<[string, string, readonly History[]]>([
  ['null', 'an item was in the bank', [annHasA, calls(claim('bob', [200, 250], EXHAUSTED))]],
  [
    'null',
    'an item was still in the bank',
    [calls(claim('dan', [20, 50], EXHAUSTED)), ...allTaken],
  ],
  [
    'null',
    'an item was back in the bank',
    [...allTaken, released(200, 'ann', 'a'), calls(claim('dan', [250, 300], EXHAUSTED))],
  ],
  [
    'null',
    'the ID had an item',
    [...annConfirmedA, ...allTaken.slice(1), calls(claim('ann', [200, 250], EXHAUSTED))],
  ],
  ['taken', 'the item was in the bank', [annHasA, calls(choose('bob', 'b', [200, 250], TAKEN))]],
  ['taken', 'the ID had an item', [...annConfirmedA, calls(choose('ann', 'a', [200, 250], TAKEN))]],
])('%s: %s', (rule, _, history) => {
  expect(broken(history)).toEqual([rule]);
});

test.each<[string, Partial<End>]>([
  ['an ID has nothing', { assignments: new Map() }],
  ['an ID has another item', { assignments: new Map([['ann', 'b']]) }],
  [
    'an ID has an item that it never got',
    {
      assignments: new Map([
        ['ann', 'a'],
        ['bob', 'b'],
      ]),
    },
  ],
])('end: in the end %s', (_, end) => {
  expect(broken([annHasA], end)).toEqual(['end']);
});
