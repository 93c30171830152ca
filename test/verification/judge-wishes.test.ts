// The judge of sales with holds, chosen items and groups, on histories that are right and on such as break one rule.
import { expect, test } from 'vitest';
import {
  type AskedCall,
  type Committed,
  judgeWishes,
  type Tables,
} from './simulation/judge-wishes.js';
import { type Call, claim, confirm, group, sweep } from './simulation/scenario.js';
import { DEDUPLICATION, ITEM_BANK, type Row } from './simulation/simulated-dynamodb.js';

const AT_MS = 1_000;

function row(id: string, item: string, heldUntilMs?: number): Row {
  return {
    deduplication_id: { S: id },
    item_string: { S: item },
    assigned_at: { S: new Date(0).toISOString() },
    ...(heldUntilMs !== undefined && { held_until: { S: new Date(heldUntilMs).toISOString() } }),
  };
}

function tables(items: readonly string[], assignments: readonly Row[] = []): Tables {
  return {
    bank: new Map(items.map((item) => [item, { item: { S: item } }])),
    assignments: new Map(assignments.map((each) => [each.deduplication_id?.S as string, each])),
    orders: new Map(),
    maxHoldMs: undefined,
  };
}

function asked(call: Call, value?: unknown): AskedCall {
  const times = { invokedAt: 10, endedAt: 20, clockMs: AT_MS };
  return {
    call: call as AskedCall['call'],
    ...times,
    ...(value !== undefined && { answer: { value } }),
  };
}

function committed(call: AskedCall, decidedAt: number, changes: Committed['changes']): Committed {
  return { decidedAt, doneAt: decidedAt, changes, isCopied: false, call };
}

const assigned = (id: string, item: string, heldUntilMs?: number): Committed['changes'] => [
  { table: DEDUPLICATION, key: id, before: undefined, after: row(id, item, heldUntilMs) },
  { table: ITEM_BANK, key: item, before: { item: { S: item } }, after: undefined },
];
const swept = (before: Row): Committed['changes'] => [
  { table: DEDUPLICATION, key: before.deduplication_id?.S as string, before, after: undefined },
  {
    table: ITEM_BANK,
    key: before.item_string?.S as string,
    before: undefined,
    after: { item: before.item_string as { S: string } },
  },
];
const short = { status: 'exhausted', itemsNeeded: 2, itemsSeen: 1 };

/** The rules that the history breaks. */
function broken(before: Tables, calls: readonly AskedCall[], commits: readonly Committed[] = []) {
  const wrongs = judgeWishes(before, calls, commits);
  return [...new Set(wrongs.map((wrong) => wrong.slice(0, wrong.indexOf(':'))))];
}

test('a group is told "exhausted" while too little stays in the bank, and only then', () => {
  const call = asked(group(['a', 'b']), short);
  expect(broken(tables(['item-1']), [call])).toEqual([]);
  expect(broken(tables(['item-1', 'item-2']), [call])).toContain('exhausted');
  // One of the two leaves while the call looks.
  const other = asked(claim('c'), { status: 'claimed', item: 'item-2', heldUntil: null });
  const taking = committed(other, 15, assigned('c', 'item-2'));
  expect(broken(tables(['item-1', 'item-2']), [call, other], [taking])).toEqual([]);
});

test('a group has all its items or none', () => {
  const call = asked(group(['a', 'b']));
  const half = committed(call, 15, assigned('a', 'item-1'));
  const whole = committed(call, 15, [...assigned('a', 'item-1'), ...assigned('b', 'item-2')]);
  expect(broken(tables(['item-1', 'item-2']), [call], [whole])).toEqual([]);
  expect(broken(tables(['item-1', 'item-2']), [call], [half])).toContain('group');
});

test('a chosen item is told "taken" only if it was not in the bank', () => {
  const call = asked(claim('a', { item: 'item-1' }), { status: 'taken', item: null });
  expect(broken(tables([], [row('b', 'item-1')]), [call])).toEqual([]);
  expect(broken(tables(['item-1']), [call])).toContain('taken');
});

test.each([
  ['had ended', AT_MS, []],
  ['had not ended', AT_MS + 1, ['sweep']],
  ['was permanent', undefined, ['sweep']],
])('a sweep takes back a hold that %s', (_, heldUntilMs, rules) => {
  const held = row('a', 'item-1', heldUntilMs);
  const call = asked(sweep, { found: 1, released: 1, kept: 0, ofOtherBanks: 0 });
  expect(broken(tables([], [held]), [call], [committed(call, 15, swept(held))])).toEqual(rules);
});

test('a confirmation gives life to no row, and spares a later hold', () => {
  const call = asked(confirm('a'));
  const revived = committed(call, 15, assigned('a', 'item-1'));
  expect(broken(tables(['item-1']), [call], [revived])).toContain('sender');
  const claiming = asked(claim('a', { holdForMs: 50 }));
  const again = committed({ ...claiming, invokedAt: 30, endedAt: 40 }, 35, [
    ...assigned('a', 'item-1', AT_MS),
  ]);
  const held = row('a', 'item-1', AT_MS);
  const late = committed(call, 50, [
    { table: DEDUPLICATION, key: 'a', before: held, after: row('a', 'item-1') },
  ]);
  expect(broken(tables(['item-1']), [call], [again, late])).toContain('late');
});
