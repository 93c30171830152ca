// Tries every order in which a small history can have come about (after Wing and Gong).
//
// The state: each item is not in the bank yet, in the bank, with one ID, or retired. It begins with
// nothing in the bank and must end as the final state. Each step is atomic and lies within its call,
// ends included; the steps of a call whose outcome is unknown may come at any later time, or never.
//
//   add             one step for each item: it lands in the bank
//   fetch, item     one step: the ID has this item, or has none and takes this one out of the bank
//   fetch, unknown  one step: the ID has an item, or has none and takes any one out of the bank
//   fetch, null     no step: it looks only, and its look at the bank, page by page, is no snapshot
//   release, item   one step: this item goes from the ID to the bank, or is retired
//   release, unknown  the same with whichever item the ID has, unless the caller gave up before the
//                   ID was given that one
//   release, null   one step: the ID has no item
//   unheard claim   one step, at any later time or never: the ID has no item and takes this one
//
// A first hand-out has to take its item out of the bank. Where the rows of a transaction become
// visible one by one, a release that returns an item is two steps, in either order: the item is in
// the bank, and the ID has none. In between, the item is nowhere, or the ID still shows it to those
// who merely read. A claim needs no second step: whoever sees it in part tells nobody.
import type {
  AddOperation,
  FetchOperation,
  FinalState,
  OperationWithRelease,
  ReleaseOperation,
  UnheardClaim,
} from './checker.js';

/** A null, and what it has to see. */
export interface Observer {
  readonly call: FetchOperation;
  /** Whether it has to see all items absent at one instant, not each at one of its own. */
  readonly isSnapshot: boolean;
  /** Whether the ID has to be without an item after that, not when the call begins. */
  readonly isIdReadLast: boolean;
}

export interface OrderSearch {
  /** Whether some order of the steps leads to the final state and shows the observers their nulls. */
  hasOrder(observers: readonly Observer[]): boolean;
}

export interface Visibility {
  /** Whether a release that returns an item is two steps. */
  readonly isRowByRow: boolean;
}

interface Event {
  readonly operation: OperationWithRelease;
  readonly kind: 'begins' | 'gives up' | 'ends';
  readonly time: number;
}

interface Model {
  readonly history: readonly OperationWithRelease[];
  readonly events: readonly Event[];
  /** For each position in `events`: the calls that have begun and not ended. */
  readonly underWay: readonly (readonly OperationWithRelease[])[];
  readonly items: readonly string[];
  readonly ids: readonly string[];
  readonly finalPlaces: number;
  readonly isRowByRow: boolean;
}

// Where the items are is one number, a digit for each item: one of these, or with the ID of number
// (digit - WITH_FIRST_ID).
const BITS_OF_PLACE = 4;
const NOT_IN_BANK_YET = 0;
const IN_BANK = 1;
const RETIRED = 2;
/** On its way back, seen by nobody. */
const NOWHERE = 3;
const WITH_FIRST_ID = 4;
const MAX_IDS = 2 ** BITS_OF_PLACE - WITH_FIRST_ID;
const MAX_ITEMS = 6;
const MAX_OPERATIONS = 30;
const BITS_OF_SIGHT = 30;

function placeOf(itemNumber: number, places: number): number {
  return (places >> (itemNumber * BITS_OF_PLACE)) & (2 ** BITS_OF_PLACE - 1);
}

function moved(itemNumber: number, place: number, places: number): number {
  const change = placeOf(itemNumber, places) ^ place;
  return places ^ (change << (itemNumber * BITS_OF_PLACE));
}

/** `undefined` if the final state is none that the steps can lead to. */
export function orderSearch(
  history: readonly OperationWithRelease[],
  finalState: FinalState,
  { isRowByRow }: Visibility = { isRowByRow: false },
): OrderSearch | undefined {
  const model = modelOf(history, finalState, isRowByRow);
  return model && { hasOrder: (observers) => hasOrder(model, observers) };
}

function modelOf(
  history: readonly OperationWithRelease[],
  finalState: FinalState,
  isRowByRow: boolean,
): Model | undefined {
  const adds = history.filter((operation) => operation.kind === 'add');
  const ofIds = history.filter((operation) => operation.kind !== 'add');
  const bank = [...finalState.bank];
  const items = unique([
    ...adds.flatMap((add) => add.items),
    ...ofIds.flatMap(itemsToldOf),
    ...bank,
    ...finalState.assignments.values(),
  ]);
  const ids = unique([...ofIds.map(({ id }) => id), ...finalState.assignments.keys()]);
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
  const underWay: OperationWithRelease[][] = [[]];
  for (const { operation, kind } of events) {
    const before = underWay.at(-1) ?? [];
    if (kind === 'begins') underWay.push([...before, operation]);
    else if (kind === 'ends') underWay.push(before.filter((other) => other !== operation));
    else underWay.push(before);
  }
  return { history, events, underWay, items, ids, finalPlaces, isRowByRow };
}

function itemsToldOf(operation: Exclude<OperationWithRelease, AddOperation>): string[] {
  const item = operation.kind === 'unheard claim' ? operation.item : operation.result;
  return item == null ? [] : [item];
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}

function eventsOf(history: readonly OperationWithRelease[]): Event[] {
  const order = ['begins', 'gives up', 'ends'];
  return history
    .flatMap((operation): Event[] => {
      const { invokedAt, returnedAt } = operation;
      const gaveUpAt = operation.kind === 'release' ? operation.gaveUpAt : undefined;
      return [
        { operation, kind: 'begins', time: invokedAt },
        ...(gaveUpAt === undefined
          ? []
          : [{ operation, kind: 'gives up', time: gaveUpAt } as const]),
        ...(returnedAt === Infinity
          ? []
          : [{ operation, kind: 'ends', time: returnedAt } as const]),
      ];
    })
    .sort((one, other) => {
      if (one.time !== other.time) return one.time < other.time ? -1 : 1;
      return order.indexOf(one.kind) - order.indexOf(other.kind);
    });
}

function hasOrder(model: Model, observers: readonly Observer[]): boolean {
  const { history, events, underWay, items, ids, finalPlaces, isRowByRow } = model;
  const allItems = 2 ** items.length - 1;
  const bitsOfObserver = items.length + 1;
  const releases = history.filter((operation) => operation.kind === 'release');
  const shifts = shiftsOf(model, observers, bitsOfObserver);
  const tried = new Set<string>();

  /**
   * `done`: a bit for each call that took its step, or cannot take it any more. `seen`: what each
   * observer under way has seen. `halfDone`: the releases that have taken one step of two.
   */
  function isReachable(
    position: number,
    places: number,
    done: number,
    seenBefore: number,
    halfDone: readonly Half[],
  ): boolean {
    const seen = look(position, places, seenBefore, halfDone);
    if (position === events.length && halfDone.length === 0 && lasting(places) === finalPlaces)
      return true;
    const key = `${position},${places},${done},${seen},${halfDone.map(nameOf)}`;
    if (tried.has(key)) return false;
    tried.add(key);

    const event = events[position];
    if (event !== undefined && canHappen(event, places, done, seen, halfDone)) {
      const isMoot = event.kind === 'gives up' && !canStillRelease(event, places, done, halfDone);
      const doneAfter = isMoot ? done | bitOf(event.operation) : done;
      const seenAfter = event.kind === 'ends' ? forgotten(event.operation, seen) : seen;
      if (isReachable(position + 1, places, doneAfter, seenAfter, halfDone)) return true;
    }
    for (const operation of underWay[position] ?? []) {
      const isDone = (done & bitOf(operation)) !== 0;
      if (isDone) continue;
      const go = (placesAfter: number, doneAfter: number, halfDoneAfter: readonly Half[]) =>
        isReachable(position, placesAfter, doneAfter, seen, halfDoneAfter);
      if (operation.kind === 'add') {
        for (const item of operation.items) {
          const itemNumber = items.indexOf(item);
          if (placeOf(itemNumber, places) !== NOT_IN_BANK_YET) continue;
          if (go(moved(itemNumber, IN_BANK, places), done, halfDone)) return true;
        }
      } else if (operation.kind === 'release') {
        for (const after of statesAfterRelease(operation, position, places, done, halfDone))
          if (go(...after)) return true;
      } else {
        for (const placesAfter of placesAfterClaim(operation, places, halfDone))
          if (go(placesAfter, done | bitOf(operation), halfDone)) return true;
      }
    }
    return false;
  }

  function bitOf(operation: OperationWithRelease): number {
    return 1 << history.indexOf(operation);
  }

  /** What is retired is in the final state nowhere, as what never entered. */
  function lasting(places: number): number {
    let remaining = places;
    for (let itemNumber = 0; itemNumber < items.length; itemNumber++)
      if (placeOf(itemNumber, places) === RETIRED)
        remaining = moved(itemNumber, NOT_IN_BANK_YET, remaining);
    return remaining;
  }

  function placesAfterClaim(
    operation: FetchOperation | UnheardClaim,
    places: number,
    halfDone: readonly Half[],
  ): number[] {
    const isUnheard = operation.kind === 'unheard claim';
    const result = isUnheard ? operation.item : operation.result;
    if (result === null) return [];
    const idNumber = ids.indexOf(operation.id);
    const isAllowed = (itemNumber: number) => result === undefined || items[itemNumber] === result;
    const shown = itemShownBy(idNumber, places, halfDone);
    if (shown !== -1) {
      const isRepeatTold = !isUnheard && operation.isFirstHandOut !== true;
      return isRepeatTold && isAllowed(shown) ? [places] : [];
    }
    const after: number[] = [];
    for (let itemNumber = 0; itemNumber < items.length; itemNumber++) {
      const isInBank = placeOf(itemNumber, places) === IN_BANK;
      if (isInBank && isAllowed(itemNumber))
        after.push(moved(itemNumber, WITH_FIRST_ID + idNumber, places));
    }
    return after;
  }

  function statesAfterRelease(
    operation: ReleaseOperation,
    position: number,
    places: number,
    done: number,
    halfDone: readonly Half[],
  ): [places: number, done: number, halfDone: readonly Half[]][] {
    const { id, result, fate } = operation;
    const isDone = done | bitOf(operation);
    const begun = halfDone.find(({ release }) => release === operation);
    if (begun !== undefined) {
      const { isShown, itemNumber } = begun;
      const placesAfter = isShown ? places : moved(itemNumber, IN_BANK, places);
      return [[placesAfter, isDone, halfDone.filter((other) => other !== begun)]];
    }
    const idNumber = ids.indexOf(id);
    const shown = itemShownBy(idNumber, places, halfDone);
    if (result === null) return shown === -1 ? [[places, isDone, halfDone]] : [];
    const owned = itemOf(idNumber, places);
    const isOther = result !== undefined && items[owned] !== result;
    if (owned === -1 || isOther) return [];
    const moot = done | bitsOfGivenUp(operation, position, halfDone);
    if (fate === 'retire') return [[moved(owned, RETIRED, places), moot | isDone, halfDone]];
    const returned = moved(owned, IN_BANK, places);
    if (!isRowByRow) return [[returned, moot | isDone, halfDone]];
    const half = { release: operation, itemNumber: owned };
    return [
      [moved(owned, NOWHERE, places), moot, [...halfDone, { ...half, isShown: false }]],
      [returned, moot, [...halfDone, { ...half, isShown: true }]],
    ];
  }

  /** Releases of the same ID whose callers gave up: the assignment that they were after has ended. */
  function bitsOfGivenUp(
    release: ReleaseOperation,
    position: number,
    halfDone: readonly Half[],
  ): number {
    let bits = 0;
    for (const other of releases) {
      const isAfterTheSame = other !== release && other.id === release.id;
      const hasGivenUp = events
        .slice(0, position)
        .some(({ operation, kind }) => operation === other && kind === 'gives up');
      if (isAfterTheSame && hasGivenUp && !isHalfDone(other, halfDone)) bits |= bitOf(other);
    }
    return bits;
  }

  function canStillRelease(
    { operation }: Event,
    places: number,
    done: number,
    halfDone: readonly Half[],
  ): boolean {
    const isBegun = isHalfDone(operation, halfDone);
    const isDone = (done & bitOf(operation)) !== 0;
    const { id } = operation as ReleaseOperation;
    return isBegun || isDone || itemOf(ids.indexOf(id), places) !== -1;
  }

  /** The number of the item that the ID has, or -1. */
  function itemOf(idNumber: number, places: number): number {
    for (let itemNumber = 0; itemNumber < items.length; itemNumber++)
      if (placeOf(itemNumber, places) === WITH_FIRST_ID + idNumber) return itemNumber;
    return -1;
  }

  /** The same, and as long as a release is half done, the item that is on its way back. */
  function itemShownBy(idNumber: number, places: number, halfDone: readonly Half[]): number {
    const shown = halfDone.find(
      ({ release, isShown }) => isShown && ids.indexOf(release.id) === idNumber,
    );
    return shown?.itemNumber ?? itemOf(idNumber, places);
  }

  function nameOf({ release, itemNumber, isShown }: Half): string {
    return `${history.indexOf(release)} ${itemNumber} ${isShown}`;
  }

  function canHappen(
    { operation, kind }: Event,
    places: number,
    done: number,
    seen: number,
    halfDone: readonly Half[],
  ): boolean {
    if (operation.kind === 'add') {
      const hasLanded = (item: string) => placeOf(items.indexOf(item), places) !== NOT_IN_BANK_YET;
      return kind === 'begins' || operation.items.every(hasLanded);
    }
    const isNull = operation.kind === 'fetch' && operation.result === null;
    if (!isNull) return kind !== 'ends' || (done & bitOf(operation)) !== 0;
    const observerNumber = observers.findIndex(({ call }) => call === operation);
    const observer = observers[observerNumber];
    if (observer === undefined) return true;
    if (kind === 'begins') {
      const isWithoutItem = itemShownBy(ids.indexOf(operation.id), places, halfDone) === -1;
      return observer.isIdReadLast || isWithoutItem;
    }
    const isSatisfied = 1 << ((shifts[observerNumber] as number) + items.length);
    return (seen & isSatisfied) !== 0;
  }

  /** Every observer under way looks at every state: a bit for each absence, one for "satisfied". */
  function look(
    position: number,
    places: number,
    seenBefore: number,
    halfDone: readonly Half[],
  ): number {
    let seen = seenBefore;
    for (const [observerNumber, observer] of observers.entries()) {
      if (!underWay[position]?.includes(observer.call)) continue;
      const shift = shifts[observerNumber] as number;
      const absent = absentItems(places);
      if (!observer.isSnapshot || absent === allItems) seen |= absent << shift;
      const hasSeenAllAbsent = ((seen >> shift) & allItems) === allItems;
      const hasNoItem = itemShownBy(ids.indexOf(observer.call.id), places, halfDone) === -1;
      const isSatisfied = observer.isIdReadLast
        ? hasSeenAllAbsent && hasNoItem && (!observer.isSnapshot || absent === allItems)
        : hasSeenAllAbsent;
      if (isSatisfied) seen |= 1 << (shift + items.length);
    }
    return seen;
  }

  /** What an observer saw matters no more when its call has ended. */
  function forgotten(operation: OperationWithRelease, seen: number): number {
    const observerNumber = observers.findIndex(({ call }) => call === operation);
    if (observerNumber === -1) return seen;
    return seen & ~((2 ** bitsOfObserver - 1) << (shifts[observerNumber] as number));
  }

  function absentItems(places: number): number {
    let absent = 0;
    for (let itemNumber = 0; itemNumber < items.length; itemNumber++)
      if (placeOf(itemNumber, places) !== IN_BANK) absent |= 1 << itemNumber;
    return absent;
  }

  return isReachable(0, 0, 0, 0, []);
}

/** A release that has taken one step of two. */
interface Half {
  readonly release: ReleaseOperation;
  readonly itemNumber: number;
  /** Whether the item is back already and the ID still shows it; else the item is nowhere. */
  readonly isShown: boolean;
}

function isHalfDone(operation: OperationWithRelease, halfDone: readonly Half[]): boolean {
  return halfDone.some(({ release }) => release === operation);
}

/** Where the bits of each observer begin: two whose calls are never under way at once can share. */
function shiftsOf(
  { underWay }: Model,
  observers: readonly Observer[],
  bitsOfObserver: number,
): number[] {
  const shifts: number[] = [];
  for (const [observerNumber, { call }] of observers.entries()) {
    const isTaken = (shift: number) =>
      observers.some(
        (other, otherNumber) =>
          otherNumber < observerNumber &&
          shifts[otherNumber] === shift &&
          underWay.some((calls) => calls.includes(call) && calls.includes(other.call)),
      );
    let shift = 0;
    while (isTaken(shift)) shift += bitsOfObserver;
    if (shift + bitsOfObserver > BITS_OF_SIGHT)
      throw new RangeError('Expected fewer nulls at once: the search is exponential');
    shifts.push(shift);
  }
  return shifts;
}
