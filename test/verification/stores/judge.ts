// Judges what the processes of a crash run wrote down against what the tables hold in the end.
import {
  type AddOperation,
  checkHistory,
  createChecker,
  type FetchOperation,
  type FinalState,
  type Operation,
  seeded,
  strictRules,
} from '../checker/checker.js';
import type { JournaledCall } from '../crash/journal.js';
import { type Change, judgeTurnover } from './judge-turnover.js';
import type { Answer, Asked, PlannedSale } from './workload.js';

export type Call = JournaledCall<Asked, Answer>;

/** Read after every request has died. */
export interface SaleEnd {
  /** Free items. */
  readonly bank: readonly string[];
  readonly retired: readonly string[];
  readonly assignments: ReadonlyMap<string, string>;
  /** What became of each assignment, in order; of a turnover. */
  readonly changes: readonly Change[];
}

export interface Verdict {
  readonly answers: number;
  readonly items: number;
  readonly assigned: number;
  readonly nulls: number;
  readonly unknown: number;
  /** Items that are nowhere: neither free, nor assigned, nor retired. */
  readonly lost: number;
  /** Items that two IDs have or were told to have, or that an ID has and the bank, too. */
  readonly twice: number;
  /** IDs that were told one item and later another one, or none, without a release. */
  readonly changed: number;
  /** "Sold out" while an item stayed in the bank, or to an ID that had one. */
  readonly wrongNull: number;
  /** All that is wrong by the rules, each with its name before a colon. */
  readonly wrongs: readonly string[];
}

const checkStrictly = createChecker(strictRules);

/** @param clock turns the times of the calls into milliseconds since 1970 */
export function judgeSale(
  sale: PlannedSale,
  calls: readonly Call[],
  end: SaleEnd,
  clock: (atNs: number) => number,
): Verdict {
  const added = addsOf(calls);
  const items = [...sale.items, ...added.flatMap((add) => add.items)];
  const answered = calls.filter(({ answer }) => answer !== undefined);
  const places = placesOf(end);
  const audit = {
    answers: answered.length,
    items: items.length,
    assigned: end.assignments.size,
    unknown: calls.length - answered.length,
    lost: items.filter((item) => (places.get(item) ?? 0) === 0).length,
  };
  if (sale.isTurnover) {
    const wrongs = judgeTurnover(sale.items, calls, end, clock);
    const broken = (...rules: string[]) =>
      wrongs.filter((wrong) => rules.includes(wrong.split(':')[0] ?? '')).length;
    return {
      ...audit,
      nulls: answered.filter(({ answer }) => answer?.told?.status === 'exhausted').length,
      twice: [...places.values()].filter((count) => count > 1).length + broken('twice'),
      changed: broken('told', 'row'),
      wrongNull: broken('null'),
      wrongs,
    };
  }
  const operations = operationsOf(calls);
  const history: Operation[] = [seeded(sale.items), ...added, ...operations];
  const finalState: FinalState = end;
  const violations = [
    ...checkHistory(history, finalState),
    ...checkStrictly(history, finalState).filter(({ rule }) => rule === 'R6'),
  ];
  return {
    ...audit,
    nulls: operations.filter(({ result }) => result === null).length,
    twice: countItemsWithTwoHolders(operations, end),
    changed: violations.filter(({ rule }) => rule === 'R1').length,
    wrongNull: new Set(
      violations.filter(({ rule }) => rule === 'R6').map(({ operation }) => operation),
    ).size,
    wrongs: [
      ...violations.map(({ rule, message }) => `${rule}: ${message}`),
      ...judgeOthers(sale.items, added, calls, end),
    ],
  };
}

function placesOf({ bank, retired, assignments }: SaleEnd): Map<string, number> {
  const places = new Map<string, number>();
  for (const item of [...bank, ...retired, ...assignments.values()]) {
    places.set(item, (places.get(item) ?? 0) + 1);
  }
  return places;
}

/** An add that was sent again is one, from the first attempt to the answer of the last. */
function addsOf(calls: readonly Call[]): AddOperation[] {
  const adds = new Map<string, AddOperation>();
  for (const { asked, invokedAt, returnedAt } of calls) {
    if (asked.operation !== 'add') continue;
    const key = asked.items.join();
    const before = adds.get(key);
    adds.set(key, {
      kind: 'add',
      items: asked.items,
      invokedAt: Math.min(invokedAt, before?.invokedAt ?? Infinity),
      returnedAt: lastReturn(returnedAt, before?.returnedAt),
    });
  }
  return [...adds.values()];
}

/** The items are there for certain from the first answer on. */
function lastReturn(returnedAt: number, before: number | undefined): number {
  return Math.min(returnedAt, before ?? Infinity);
}

/** What the checker judges: claims of one ID, those of a group each by itself, and payments that found an item. */
function operationsOf(calls: readonly Call[]): FetchOperation[] {
  return calls.flatMap(({ asked, invokedAt, returnedAt, answer }): FetchOperation[] => {
    const fetch = (id: string, result: string | null | undefined, status?: string) =>
      ({
        kind: 'fetch',
        id,
        invokedAt,
        returnedAt,
        result,
        isFirstHandOut: status === 'claimed',
      }) as const;
    switch (asked.operation) {
      case 'claim':
      case 'choose':
        // "Taken" is no "sold out".
        if (answer?.told?.status === 'taken') return [];
        return [fetch(asked.id, answer?.told?.item, answer?.told?.status)];
      case 'group':
        if (answer === undefined) return asked.ids.map((id) => fetch(id, undefined));
        return (answer.members ?? []).map(({ id, item, status }) => fetch(id, item, status));
      case 'confirm':
        return typeof answer?.item === 'string' ? [fetch(asked.id, answer.item)] : [];
      default:
        return [];
    }
  });
}

/** What the checker has no rules for, because it is said of one call. */
function judgeOthers(
  seededItems: readonly string[],
  added: readonly AddOperation[],
  calls: readonly Call[],
  end: SaleEnd,
): string[] {
  const wrongs: string[] = [];
  const addedBy = new Map(seededItems.map((item) => [item, -Infinity]));
  for (const { items, returnedAt } of added)
    for (const item of items) addedBy.set(item, returnedAt);
  const owners = new Map([...end.assignments].map(([id, item]) => [item, id]));
  const askedSince = new Map<string, number>();
  for (const { asked, invokedAt } of calls) {
    if (
      asked.operation !== 'claim' &&
      asked.operation !== 'choose' &&
      asked.operation !== 'group'
    ) {
      continue;
    }
    for (const id of asked.operation === 'group' ? asked.ids : [asked.id]) {
      askedSince.set(id, Math.min(invokedAt, askedSince.get(id) ?? Infinity));
    }
  }
  const hasFrom = new Map<string, number>();
  for (const { asked, returnedAt, answer } of calls) {
    if (asked.operation !== 'claim' || answer?.told?.item == null) continue;
    hasFrom.set(asked.id, Math.min(returnedAt, hasFrom.get(asked.id) ?? Infinity));
  }
  const firstHandOuts = new Set<string>();
  for (const { asked, invokedAt, returnedAt, answer } of calls) {
    if (answer === undefined) continue;
    for (const { id, status } of toldIn(asked, answer)) {
      if (status !== 'claimed') continue;
      if (firstHandOuts.has(id))
        wrongs.push(`told: ID "${id}" was told twice that its item is new`);
      firstHandOuts.add(id);
    }
    if (asked.operation === 'choose' && answer.told?.status === 'claimed') {
      if (answer.told.item !== asked.item) wrongs.push(`wish: ID "${asked.id}" got another item`);
    }
    if (asked.operation === 'choose' && answer.told?.status === 'taken') {
      const owner = owners.get(asked.item);
      const freeUntil = owner === undefined ? Infinity : (askedSince.get(owner) ?? Infinity);
      const freeFrom = addedBy.get(asked.item) ?? Infinity;
      if (freeFrom < invokedAt && returnedAt < freeUntil) {
        wrongs.push(`taken: "${asked.item}" was free all the time`);
      }
    }
    if (asked.operation === 'confirm' && answer.item === null) {
      const isOwner = (hasFrom.get(asked.id) ?? Infinity) < invokedAt;
      const isItem = asked.item === undefined || end.assignments.get(asked.id) === asked.item;
      if (isOwner && isItem) wrongs.push(`confirm: ID "${asked.id}" was denied its item`);
    }
  }
  return wrongs;
}

function toldIn(asked: Asked, answer: Answer): { readonly id: string; readonly status: string }[] {
  if (answer.members !== undefined) return [...answer.members];
  if (answer.told === undefined || !('id' in asked)) return [];
  return [{ id: asked.id, status: answer.told.status }];
}

/** Counted without the checker, so that the two can be held against each other. */
function countItemsWithTwoHolders(
  operations: readonly FetchOperation[],
  { bank, assignments }: SaleEnd,
): number {
  const holders = new Map<string, Set<string>>();
  const hold = (item: string, holder: string) => {
    holders.set(item, (holders.get(item) ?? new Set()).add(holder));
  };
  for (const item of bank) hold(item, 'the bank');
  for (const [id, item] of assignments) hold(item, `ID ${id}`);
  for (const { id, result } of operations) {
    if (typeof result === 'string') hold(result, `ID ${id}`);
  }
  return [...holders.values()].filter(({ size }) => size > 1).length;
}
