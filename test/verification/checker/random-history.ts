// Small random histories, about half of them legal: a sale is played, then now and again something
// in its record is changed. Times are small whole numbers, so that many calls begin or end at once.

import type { Random } from '../seeded-random.js';
import type { AddOperation, FetchOperation, FinalState, Operation } from './checker.js';
import { seeded } from './checker.js';

export interface RecordedSale {
  readonly history: readonly Operation[];
  readonly finalState: FinalState;
}

const IDS = ['ann', 'bob', 'cem'];
const ITEMS = ['x', 'y', 'z'];
const LAST_BEGINNING = 8;
const LONGEST_CALL = 4;
const END = LAST_BEGINNING + 2 * LONGEST_CALL;

type Mutable<Type> = { -readonly [Key in keyof Type]: Type[Key] };

interface Draft {
  readonly adds: Mutable<AddOperation>[];
  readonly fetches: Mutable<FetchOperation>[];
  readonly bank: Set<string>;
  readonly assignments: Map<string, string>;
}

export function randomSale(random: Random): RecordedSale {
  const draft = play(random);
  const changes = pick(random, [0, 0, 1, 1, 2]);
  for (let change = 0; change < changes; change++) pick(random, CHANGES)(draft, random);
  const { adds, fetches, bank, assignments } = draft;
  return { history: [...adds, ...fetches], finalState: { bank, assignments } };
}

function play(random: Random): Draft {
  const ids = IDS.slice(0, wholeNumber(random, 1, IDS.length));
  const items = ITEMS.slice(0, wholeNumber(random, 1, ITEMS.length));
  const draft: Draft = { adds: [], fetches: [], bank: new Set(), assignments: new Map() };
  const steps: { readonly time: number; readonly take: () => void }[] = [];

  const isSeeded = items.map(() => random() < 0.6);
  const seeds = items.filter((_, itemNumber) => isSeeded[itemNumber]);
  if (seeds.length > 0) draft.adds.push(seeded(seeds));
  for (const item of seeds) draft.bank.add(item);

  const late = items.filter((_, itemNumber) => !isSeeded[itemNumber]);
  const areTogether = random() < 0.5;
  for (const batch of areTogether ? [late] : late.map((item) => [item])) {
    if (batch.length === 0) continue;
    const { invokedAt, returnedAt } = randomTimes(random);
    const isFailed = random() < 0.3;
    draft.adds.push({
      kind: 'add',
      items: batch,
      invokedAt,
      returnedAt: isFailed ? Infinity : returnedAt,
    });
    for (const item of batch) {
      const isLost = isFailed && random() < 0.4;
      if (isLost) continue;
      const time = between(random, invokedAt, isFailed ? END : returnedAt);
      steps.push({ time, take: () => draft.bank.add(item) });
    }
  }

  const fetchCount = wholeNumber(random, 1, 6 - draft.adds.length);
  for (let count = 0; count < fetchCount; count++) {
    const { invokedAt, returnedAt } = randomTimes(random);
    const isUnknown = random() < 0.2;
    const fetch: Mutable<FetchOperation> = {
      kind: 'fetch',
      id: pick(random, ids),
      invokedAt,
      returnedAt: isUnknown ? Infinity : returnedAt,
      result: undefined,
    };
    draft.fetches.push(fetch);
    const isLost = isUnknown && random() < 0.4;
    if (isLost) continue;
    const takesNothing = random() < 0.15;
    const take = () => {
      const result = takesNothing
        ? (draft.assignments.get(fetch.id) ?? null)
        : claim(draft, fetch.id, random);
      if (!isUnknown) fetch.result = result;
    };
    steps.push({ time: between(random, invokedAt, isUnknown ? END : returnedAt), take });
  }

  steps.sort((one, other) => one.time - other.time);
  for (const { take } of steps) take();
  return draft;
}

function claim({ bank, assignments }: Draft, id: string, random: Random): string | null {
  const owned = assignments.get(id);
  if (owned !== undefined) return owned;
  if (bank.size === 0) return null;
  const item = pick(random, [...bank]);
  bank.delete(item);
  assignments.set(id, item);
  return item;
}

type Change = (draft: Draft, random: Random) => void;

const CHANGES: readonly Change[] = [
  changeResult,
  changeTimesOfFetch,
  changeTimesOfFetch,
  changeTimesOfAdd,
  changeTimesOfAdd,
  forgetFetch,
  moveItem,
  giveToAnother,
  forgetAdd,
];

function changeResult({ fetches }: Draft, random: Random): void {
  const fetch = pick(random, fetches);
  fetch.result = pick(random, [...ITEMS, null, null, undefined]);
  const isUnknown = fetch.result === undefined;
  if (isUnknown) fetch.returnedAt = Infinity;
  else if (fetch.returnedAt === Infinity) Object.assign(fetch, randomTimes(random));
}

function changeTimesOfFetch({ fetches }: Draft, random: Random): void {
  const fetch = pick(random, fetches);
  const isUnknown = fetch.result === undefined;
  Object.assign(fetch, randomTimes(random), isUnknown && { returnedAt: Infinity });
}

function changeTimesOfAdd({ adds }: Draft, random: Random): void {
  if (adds.length === 0) return;
  const add = pick(random, adds);
  const { invokedAt, returnedAt } = randomTimes(random);
  const isFailed = random() < 0.2;
  Object.assign(add, { invokedAt, returnedAt: isFailed ? Infinity : returnedAt });
}

function forgetFetch({ fetches }: Draft, random: Random): void {
  if (fetches.length > 1) fetches.splice(wholeNumber(random, 0, fetches.length - 1), 1);
}

/** In the final state only: to the bank as well, or out of it. */
function moveItem({ bank }: Draft, random: Random): void {
  const item = pick(random, ITEMS);
  if (!bank.delete(item)) bank.add(item);
}

/** An ID's item, and all its results, become one that another ID may have. */
function giveToAnother({ fetches, bank, assignments }: Draft, random: Random): void {
  const { id } = pick(random, fetches);
  const item = pick(random, ITEMS);
  const replaced = assignments.get(id);
  if (replaced !== undefined && random() < 0.5) bank.add(replaced);
  if (random() < 0.5) bank.delete(item);
  assignments.set(id, item);
  for (const fetch of fetches)
    if (fetch.id === id && typeof fetch.result === 'string') fetch.result = item;
}

/** So that its items come from nowhere. */
function forgetAdd({ adds }: Draft, random: Random): void {
  if (adds.length > 0) adds.splice(wholeNumber(random, 0, adds.length - 1), 1);
}

function randomTimes(random: Random): { invokedAt: number; returnedAt: number } {
  const invokedAt = wholeNumber(random, 0, LAST_BEGINNING);
  return { invokedAt, returnedAt: invokedAt + wholeNumber(random, 0, LONGEST_CALL) };
}

/** Both ends included. */
function wholeNumber(random: Random, least: number, most: number): number {
  return least + Math.floor(random() * (most - least + 1));
}

function between(random: Random, from: number, to: number): number {
  return from + random() * (to - from);
}

function pick<Value>(random: Random, values: readonly Value[]): Value {
  const value = values[wholeNumber(random, 0, values.length - 1)];
  if (value === undefined && values.length === 0) throw new RangeError('Expected a value');
  return value as Value;
}
