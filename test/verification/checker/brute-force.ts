// Tries every order in which a small history can have come about (after Wing and Gong), to validate
// the checker. It is built on the steps alone and knows none of the rules.
//
// The state: each item is not in the bank yet, in the bank, or with one ID. It begins with nothing
// in the bank and must end as the final state. Each step is atomic and lies within its call, ends
// included; the steps of a call whose outcome is unknown may come at any later time, or never.
//
//   add            one step for each item: it lands in the bank
//   fetch, item    one step: the ID has this item, or has none and takes this one out of the bank
//   fetch, unknown one step: the ID has an item, or has none and takes any one out of the bank
//   fetch, null    no step: it looks only, and its look at the bank, page by page, is no snapshot
//
// When all but the nulls have an order, each null is judged on its own: it is legal if there is an
// order in which
//
//   - each item, one by one, is absent from the bank at some instant of the call, and the ID has no
//     item when the call begins; and, unless an add is under way during the call,
//   - all items are absent from the bank at one instant of the call, and the ID has no item when
//     the call begins.
//
// That is what R6 says. The natural reading of a claim asks for more, and so do these options:
//
//   isIdReadLast   the ID has no item at an instant that comes after those absences, not merely
//                  when the call begins. Without it, of two calls at once for one ID, one may
//                  return the last item and the other null
//   isOneOrder     one order serves all nulls. Without it, a null may need an item claimed early
//                  while another null, of that item's ID, needs it claimed late
//
// The strict rules say what R6 says with `isIdReadLast`, and then `isOneOrder` changes nothing.

import type { FetchOperation, FinalState, Operation } from './checker.js';

export interface NullReading {
  readonly isIdReadLast?: boolean;
  readonly isOneOrder?: boolean;
}

export interface Verdict {
  /** Whether all but the nulls have an order. */
  readonly isConsistent: boolean;
  /** If it is consistent: those for which there is no order. All of them, if together they fail. */
  readonly illegalNulls: readonly FetchOperation[];
}

export function searchEveryOrder(
  history: readonly Operation[],
  finalState: FinalState,
  { isIdReadLast = false, isOneOrder = false }: NullReading = {},
): Verdict {
  const model = modelOf(history, finalState);
  const isConsistent = model !== undefined && hasOrder(model, []);
  if (!isConsistent) return { isConsistent, illegalNulls: [] };

  const observerOf = (call: FetchOperation, isSnapshot: boolean): Observer => ({
    call,
    idNumber: model.ids.indexOf(call.id),
    isSnapshot,
    isIdReadLast,
  });
  const nulls = history.filter((operation) => operation.kind === 'fetch').filter(isNull);
  const calm = nulls.filter((call) => !isAddUnderWay(history, call));
  if (isOneOrder) {
    const observers = nulls.map((call) => observerOf(call, calm.includes(call)));
    return { isConsistent, illegalNulls: hasOrder(model, observers) ? [] : nulls };
  }
  const isIllegal = (call: FetchOperation) =>
    !hasOrder(model, [observerOf(call, false)]) ||
    (calm.includes(call) && !hasOrder(model, [observerOf(call, true)]));
  return { isConsistent, illegalNulls: nulls.filter(isIllegal) };
}

function isNull(operation: FetchOperation): boolean {
  return operation.result === null;
}

function isAddUnderWay(history: readonly Operation[], call: FetchOperation): boolean {
  return history.some(
    ({ kind, invokedAt, returnedAt }) =>
      kind === 'add' && invokedAt <= call.returnedAt && call.invokedAt <= returnedAt,
  );
}

/** A null, and what it has to see. */
interface Observer {
  readonly call: FetchOperation;
  readonly idNumber: number;
  /** Whether it has to see all items absent at one instant. */
  readonly isSnapshot: boolean;
  readonly isIdReadLast: boolean;
}

interface Event {
  readonly operation: Operation;
  readonly isBeginning: boolean;
  readonly time: number;
}

interface Model {
  readonly history: readonly Operation[];
  readonly events: readonly Event[];
  /** For each position in `events`: the calls that have begun and not ended. */
  readonly underWay: readonly (readonly Operation[])[];
  readonly items: readonly string[];
  readonly ids: readonly string[];
  readonly finalPlaces: number;
}

// Where the items are is one number, a digit for each item: not in the bank yet, in the bank, or
// with the ID of number (digit - WITH_FIRST_ID). What has happened so far is a few such numbers,
// small enough to be one key of the search, below 2 ** 53.
const BITS_OF_PLACE = 3;
const NOT_IN_BANK_YET = 0;
const IN_BANK = 1;
const WITH_FIRST_ID = 2;
const MAX_IDS = 2 ** BITS_OF_PLACE - WITH_FIRST_ID;
const MAX_ITEMS = 5;
const BITS_OF_PLACES = MAX_ITEMS * BITS_OF_PLACE;
const MAX_OPERATIONS = 8;
const BITS_OF_SIGHT = 24;

function placeOf(itemNumber: number, places: number): number {
  return (places >> (itemNumber * BITS_OF_PLACE)) & (2 ** BITS_OF_PLACE - 1);
}

function moved(itemNumber: number, place: number, places: number): number {
  const change = placeOf(itemNumber, places) ^ place;
  return places ^ (change << (itemNumber * BITS_OF_PLACE));
}

/** `undefined` if the final state is none that the steps can lead to. */
function modelOf(history: readonly Operation[], finalState: FinalState): Model | undefined {
  const fetches = history.filter((operation) => operation.kind === 'fetch');
  const adds = history.filter((operation) => operation.kind === 'add');
  const bank = [...finalState.bank];
  const items = unique([
    ...adds.flatMap((add) => add.items),
    ...fetches.flatMap(({ result }) => result ?? []),
    ...bank,
    ...finalState.assignments.values(),
  ]);
  const ids = unique([...fetches.map(({ id }) => id), ...finalState.assignments.keys()]);
  const isSmall =
    items.length <= MAX_ITEMS && ids.length <= MAX_IDS && history.length <= MAX_OPERATIONS;
  if (!isSmall) throw new RangeError('Expected a small history: the search is exponential');

  let finalPlaces = 0;
  const finds = [
    ...bank.map((item) => [item, IN_BANK] as const),
    ...[...finalState.assignments].map(
      ([id, item]) => [item, WITH_FIRST_ID + ids.indexOf(id)] as const,
    ),
  ];
  for (const [item, place] of finds) {
    const itemNumber = items.indexOf(item);
    if (placeOf(itemNumber, finalPlaces) !== NOT_IN_BANK_YET) return undefined;
    finalPlaces = moved(itemNumber, place, finalPlaces);
  }

  const events = eventsOf(history);
  const underWay: Operation[][] = [[]];
  for (const { operation, isBeginning } of events) {
    const before = underWay.at(-1) ?? [];
    underWay.push(
      isBeginning ? [...before, operation] : before.filter((other) => other !== operation),
    );
  }
  return { history, events, underWay, items, ids, finalPlaces };
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}

function eventsOf(history: readonly Operation[]): Event[] {
  return history
    .flatMap((operation) => {
      const { invokedAt, returnedAt } = operation;
      const begins: Event = { operation, isBeginning: true, time: invokedAt };
      const ends: Event = { operation, isBeginning: false, time: returnedAt };
      return returnedAt === Infinity ? [begins] : [begins, ends];
    })
    .sort((one, other) => {
      if (one.time !== other.time) return one.time < other.time ? -1 : 1;
      return Number(other.isBeginning) - Number(one.isBeginning);
    });
}

/** Whether some order of the steps leads to the final state and shows the observers their nulls. */
function hasOrder(model: Model, observers: readonly Observer[]): boolean {
  const { history, events, underWay, items, ids, finalPlaces } = model;
  const allItems = 2 ** items.length - 1;
  const bitsOfObserver = items.length + 1;
  if (observers.length * bitsOfObserver > BITS_OF_SIGHT)
    throw new RangeError('Expected fewer nulls: the search is exponential');
  const tried = new Set<number>();

  /** `done`: a bit for each fetch that took its step. `seen`: what each observer has seen. */
  function isReachable(
    position: number,
    places: number,
    done: number,
    seenBefore: number,
  ): boolean {
    const seen = look(position, places, seenBefore);
    if (position === events.length && places === finalPlaces) return true;
    const progress = position * 2 ** MAX_OPERATIONS + done;
    const key = (progress * 2 ** BITS_OF_PLACES + places) * 2 ** BITS_OF_SIGHT + seen;
    if (tried.has(key)) return false;
    tried.add(key);

    const event = events[position];
    if (event !== undefined && canHappen(event, places, done, seen)) {
      if (isReachable(position + 1, places, done, seen)) return true;
    }
    for (const operation of underWay[position] ?? []) {
      if (operation.kind === 'add') {
        for (const item of operation.items) {
          const itemNumber = items.indexOf(item);
          if (placeOf(itemNumber, places) !== NOT_IN_BANK_YET) continue;
          if (isReachable(position, moved(itemNumber, IN_BANK, places), done, seen)) return true;
        }
        continue;
      }
      const bit = 1 << history.indexOf(operation);
      const isDone = (done & bit) !== 0;
      if (operation.result === null || isDone) continue;
      for (const after of placesAfter(operation, places))
        if (isReachable(position, after, done | bit, seen)) return true;
    }
    return false;
  }

  function placesAfter({ id, result }: FetchOperation, places: number): number[] {
    const owned = itemNumberOf(ids.indexOf(id), places);
    const isAllowed = (itemNumber: number) => result === undefined || items[itemNumber] === result;
    if (owned !== -1) return isAllowed(owned) ? [places] : [];
    const withId = WITH_FIRST_ID + ids.indexOf(id);
    const after: number[] = [];
    for (let itemNumber = 0; itemNumber < items.length; itemNumber++) {
      const isInBank = placeOf(itemNumber, places) === IN_BANK;
      if (isInBank && isAllowed(itemNumber)) after.push(moved(itemNumber, withId, places));
    }
    return after;
  }

  /** The number of the ID's item, or -1. */
  function itemNumberOf(idNumber: number, places: number): number {
    for (let itemNumber = 0; itemNumber < items.length; itemNumber++)
      if (placeOf(itemNumber, places) === WITH_FIRST_ID + idNumber) return itemNumber;
    return -1;
  }

  function canHappen(
    { operation, isBeginning }: Event,
    places: number,
    done: number,
    seen: number,
  ): boolean {
    if (operation.kind === 'add') {
      const hasLanded = (item: string) => placeOf(items.indexOf(item), places) !== NOT_IN_BANK_YET;
      return isBeginning || operation.items.every(hasLanded);
    }
    if (operation.result !== null)
      return isBeginning || (done & (1 << history.indexOf(operation))) !== 0;
    const observerNumber = observers.findIndex(({ call }) => call === operation);
    const observer = observers[observerNumber];
    if (observer === undefined) return true;
    if (isBeginning) return observer.isIdReadLast || itemNumberOf(observer.idNumber, places) === -1;
    const isSatisfied = 1 << (observerNumber * bitsOfObserver + items.length);
    return (seen & isSatisfied) !== 0;
  }

  /** Every observer under way looks at every state: a bit for each absence, one for "satisfied". */
  function look(position: number, places: number, seenBefore: number): number {
    let seen = seenBefore;
    for (const [observerNumber, observer] of observers.entries()) {
      if (!underWay[position]?.includes(observer.call)) continue;
      const shift = observerNumber * bitsOfObserver;
      const absent = absentItems(places);
      if (!observer.isSnapshot || absent === allItems) seen |= absent << shift;
      const hasSeenAllAbsent = ((seen >> shift) & allItems) === allItems;
      const hasNoItem = itemNumberOf(observer.idNumber, places) === -1;
      const isSatisfied = observer.isIdReadLast
        ? hasSeenAllAbsent && hasNoItem && (!observer.isSnapshot || absent === allItems)
        : hasSeenAllAbsent;
      if (isSatisfied) seen |= 1 << (shift + items.length);
    }
    return seen;
  }

  function absentItems(places: number): number {
    let absent = 0;
    for (let itemNumber = 0; itemNumber < items.length; itemNumber++)
      if (placeOf(itemNumber, places) !== IN_BANK) absent |= 1 << itemNumber;
    return absent;
  }

  return isReachable(0, 0, 0, 0);
}
