// Judges a history of calls, and what the tables held when all was over, against the promises:
//
//   P1 an ID always gets the same one item        P2 an item goes to at most one ID
//   P3 no item is lost                            P4 `null` only if nothing was left for the ID
//
// P5 and P6 need no rules: a failure that reads as sold out breaks P4, one that reads as taken, or
// a retry that gets another item, breaks P1.
//
// A history keeps the rules if and only if some order of atomic steps explains it: `brute-force.ts`
// says what a step is, tries every order, and has to come to the same verdict.
//
// Only some instants are certain. For an item y that went to ID d:
//
//   add(y)  invoked ├────┤ returned
//                        └─ y is certainly in the bank ─┐
//   fetch(d)                                    invoked ├───────┤ returned
//                                                       └ L(d)  └ R(d)
//                                            y is claimed between these two
//
// A call that fails may take effect at any later time: then `returned` is at infinity.
// Two calls of which one ends at the instant that the other begins are concurrent.

export interface FetchOperation {
  readonly kind: 'fetch';
  readonly id: string;
  readonly invokedAt: number;
  /** `Infinity` if the outcome is unknown. */
  readonly returnedAt: number;
  /** `null`: nothing left. `undefined`: unknown, for the call threw or its process was killed. */
  readonly result: string | null | undefined;
  /** Whether the call was told that the item is new to its ID. */
  readonly isFirstHandOut?: boolean;
}

export interface AddOperation {
  readonly kind: 'add';
  /**
   * Each lands on its own. An item is in one add only, once: an add that was tried again is one
   * add, from the beginning of the first attempt to the return of the last.
   */
  readonly items: readonly string[];
  readonly invokedAt: number;
  /** `Infinity` if the add failed: any of its items may land, at any later time, or never. */
  readonly returnedAt: number;
}

/** Times come from one monotonic clock, in any unit. */
export type Operation = FetchOperation | AddOperation;

export interface ReleaseOperation {
  readonly kind: 'release';
  readonly id: string;
  readonly fate: 'return' | 'retire';
  readonly invokedAt: number;
  /** `Infinity` if the outcome is unknown. */
  readonly returnedAt: number;
  /** `null`: the ID had none. `undefined`: unknown, for the call threw or its process was killed. */
  readonly result: string | null | undefined;
  /** When its caller gave it up. It ends no assignment that is made after that. */
  readonly gaveUpAt?: number;
}

/** A request of a claim that is on its way still, whatever became of the call that sent it. */
export interface UnheardClaim {
  readonly kind: 'unheard claim';
  readonly id: string;
  readonly item: string;
  readonly invokedAt: number;
  readonly returnedAt: number;
}

/** With a release among them, the rules below do not hold: see `judge-releases.ts`. */
export type OperationWithRelease = Operation | ReleaseOperation | UnheardClaim;

/** Read consistently, after every request has died. */
export interface FinalState {
  readonly bank: Iterable<string>;
  /** From ID to item. */
  readonly assignments: ReadonlyMap<string, string>;
}

export type RuleName = 'R0' | 'R1' | 'R2' | 'R3' | 'R4' | 'R5' | 'R6';

export interface Violation {
  readonly rule: RuleName;
  /** For people: which promise is broken, for which ID or item, and when. */
  readonly message: string;
  readonly operation?: Operation;
}

/** Items that were in the bank before the first call. */
export function seeded(items: Iterable<string>): AddOperation {
  return { kind: 'add', items: [...items], invokedAt: -Infinity, returnedAt: -Infinity };
}

export interface ItemEvidence {
  readonly item: string;
  /** `undefined` if the item was seen but never added. */
  readonly add: AddOperation | undefined;
  readonly isInBank: boolean;
  /** The ID that it is assigned to; the first one, should there be several. */
  readonly owner: string | undefined;
}

export interface OwnerEvidence {
  readonly item: string;
  /** L: the first invocation of a call that returned the item or whose outcome is unknown. */
  readonly claimedNotBefore: number;
  /** R: the first return of a call that returned the item. */
  readonly claimedNotAfter: number;
}

/** What the rules look at: the history and the final state, put in order. */
export interface Evidence {
  readonly adds: readonly AddOperation[];
  readonly fetches: readonly FetchOperation[];
  readonly assignments: ReadonlyMap<string, string>;
  /** Every item that was added or seen. */
  readonly items: ReadonlyMap<string, ItemEvidence>;
  /** Every ID that has an item in the end. */
  readonly owners: ReadonlyMap<string, OwnerEvidence>;
}

export type Report = (message: string, operation?: Operation) => void;
export type Rule = (evidence: Evidence, report: Report) => void;
export type Rules = Readonly<Record<RuleName, Rule>>;
export type Checker = (history: readonly Operation[], finalState: FinalState) => Violation[];

export const documentedRules: Rules = {
  R0: everyItemSeenWasAdded,
  R1: everyResultIsTheFinalAssignment,
  R2: noItemIsAssignedTwice,
  R3: everyItemIsInOnePlace,
  R4: noItemIsReturnedBeforeItsAdd,
  R5: everyAssignmentHasACallThatCouldHaveMadeIt,
  R6: noNullWhileAnItemStayed,
};

/**
 * Stricter on `null`, for pairs that claim atomically and read the ID after the bank: see
 * `noNullWhileTheIdCouldBeServed`.
 */
export const strictRules: Rules = { ...documentedRules, R6: noNullWhileTheIdCouldBeServed };

export const checkHistory: Checker = createChecker(documentedRules);

/** The rules are a parameter so that a test can break one and see that this is noticed. */
export function createChecker(rules: Rules): Checker {
  const names = Object.keys(rules) as RuleName[];
  return (history, finalState) => {
    const evidence = gatherEvidence(history, finalState);
    const violations: Violation[] = [];
    let rule: RuleName = 'R0';
    const report: Report = (message, operation) => {
      violations.push(operation === undefined ? { rule, message } : { rule, message, operation });
    };
    for (rule of names) rules[rule](evidence, report);
    return violations;
  };
}

type Mutable<Type> = { -readonly [Key in keyof Type]: Type[Key] };

function gatherEvidence(history: readonly Operation[], finalState: FinalState): Evidence {
  const { assignments } = finalState;
  const adds: AddOperation[] = [];
  const fetches: FetchOperation[] = [];
  const items = new Map<string, Mutable<ItemEvidence>>();
  const owners = new Map<string, Mutable<OwnerEvidence>>();

  function evidenceOf(item: string): Mutable<ItemEvidence> {
    let found = items.get(item);
    if (found === undefined) {
      found = { item, add: undefined, isInBank: false, owner: undefined };
      items.set(item, found);
    }
    return found;
  }

  for (const operation of history) {
    expectPossibleTimes(operation);
    if (operation.kind === 'fetch') {
      fetches.push(operation);
      continue;
    }
    adds.push(operation);
    for (const item of operation.items) {
      if (items.has(item))
        throw new RangeError(`Expected each item to be added once, got "${item}" twice`);
      items.set(item, { item, add: operation, isInBank: false, owner: undefined });
    }
  }

  for (const item of finalState.bank) evidenceOf(item).isInBank = true;
  for (const [id, item] of assignments) {
    evidenceOf(item).owner ??= id;
    owners.set(id, { item, claimedNotBefore: Infinity, claimedNotAfter: Infinity });
  }

  for (const { id, invokedAt, returnedAt, result } of fetches) {
    const owner = owners.get(id);
    const hasReturnedItem = owner !== undefined && owner.item === result;
    if (typeof result === 'string' && !hasReturnedItem) evidenceOf(result);
    if (owner === undefined) continue;
    const mayHaveClaimed = hasReturnedItem || result === undefined;
    if (mayHaveClaimed && invokedAt < owner.claimedNotBefore) owner.claimedNotBefore = invokedAt;
    if (hasReturnedItem && returnedAt < owner.claimedNotAfter) owner.claimedNotAfter = returnedAt;
  }
  return { adds, fetches, assignments, items, owners };
}

/** What is refused here would otherwise look legal, whatever the tables hold. */
function expectPossibleTimes(operation: Operation): void {
  const { kind, invokedAt, returnedAt } = operation;
  const isInOrder = invokedAt < Infinity && invokedAt <= returnedAt;
  if (!isInOrder)
    throw new RangeError(`Expected a call to return after it began, got ${timesOf(operation)}`);
  const isOutcomeMissing = kind === 'fetch' && operation.result === undefined;
  const isReturnMissing = returnedAt === Infinity;
  if (kind === 'fetch' && isOutcomeMissing !== isReturnMissing)
    throw new RangeError(
      `Expected \`result\` to be undefined if and only if \`returnedAt\` is Infinity, ` +
        `got ${operation.result} ${timesOf(operation)}`,
    );
}

function everyItemSeenWasAdded({ items }: Evidence, report: Report): void {
  for (const { item, add, isInBank, owner } of items.values()) {
    if (add !== undefined) continue;
    const inTheEnd = isInBank ? 'in the bank' : 'out of it';
    const withWhom = owner === undefined ? '' : `, assigned to ID "${owner}"`;
    report(`P3: item "${item}" was seen, in the end ${inTheEnd}${withWhom}, but never added`);
  }
}

function everyResultIsTheFinalAssignment({ fetches, assignments }: Evidence, report: Report): void {
  for (const fetch of fetches) {
    if (typeof fetch.result !== 'string') continue;
    const item = assignments.get(fetch.id);
    if (item === fetch.result) continue;
    const inTheEnd = item === undefined ? 'has no item' : `has "${item}"`;
    report(
      `P1: ID "${fetch.id}" was given "${fetch.result}" ${timesOf(fetch)}, ` +
        `in the end it ${inTheEnd}`,
      fetch,
    );
  }
}

function noItemIsAssignedTwice({ assignments, items }: Evidence, report: Report): void {
  for (const [id, item] of assignments) {
    const owner = items.get(item)?.owner;
    if (owner !== id) report(`P2: item "${item}" is assigned to ID "${owner}" and to ID "${id}"`);
  }
}

function everyItemIsInOnePlace({ items }: Evidence, report: Report): void {
  for (const { item, add, isInBank, owner } of items.values()) {
    const isAssigned = owner !== undefined;
    if (isInBank && isAssigned)
      report(`P2: item "${item}" is assigned to ID "${owner}" and still in the bank`);
    const isAcknowledged = add !== undefined && add.returnedAt < Infinity;
    if (isAcknowledged && !isInBank && !isAssigned)
      report(`P3: item "${item}", added ${timesOf(add)}, is neither in the bank nor assigned`, add);
  }
}

function noItemIsReturnedBeforeItsAdd({ fetches, items }: Evidence, report: Report): void {
  for (const fetch of fetches) {
    if (typeof fetch.result !== 'string') continue;
    const add = items.get(fetch.result)?.add;
    if (add !== undefined && fetch.returnedAt < add.invokedAt)
      report(
        `P3: ID "${fetch.id}" was given "${fetch.result}" ${timesOf(fetch)}, ` +
          `before that was added ${timesOf(add)}`,
        fetch,
      );
  }
}

function everyAssignmentHasACallThatCouldHaveMadeIt({ owners }: Evidence, report: Report): void {
  for (const [id, { item, claimedNotBefore }] of owners)
    if (claimedNotBefore === Infinity)
      report(`P3: item "${item}" is assigned to ID "${id}", but no call can have done that`);
}

/**
 * The stronger form, an instant of the call that lies in no certain stay, needs no code of its own.
 * It holds while no add is under way, and then each stay that meets the call began before it: if
 * none covers the call, all have ended at the call's last instant.
 */
function noNullWhileAnItemStayed(evidence: Evidence, report: Report): void {
  judgeNulls(evidence, report, { isIdReadLast: false });
}

/**
 * R6 lets two calls at once for one ID return its item and `null`: the ID had no item when they
 * began, and the item left the bank. A pair that claims atomically and reads the ID after the bank
 * never does that: it finds an ID's own item in one of the two places. So here the own item never
 * leaves, and the others have to leave while the ID may still be without one. That makes the rules
 * exact for all nulls together: nulls that are legal one by one have one order in common.
 */
function noNullWhileTheIdCouldBeServed(evidence: Evidence, report: Report): void {
  judgeNulls(evidence, report, { isIdReadLast: true });
}

function judgeNulls(
  evidence: Evidence,
  report: Report,
  { isIdReadLast }: { readonly isIdReadLast: boolean },
): void {
  const { fetches, items, owners } = evidence;
  let longestStayBefore: ((instant: number) => Stay | undefined) | undefined;
  for (const fetch of fetches) {
    if (fetch.result !== null) continue;
    const { id, invokedAt, returnedAt } = fetch;

    const owner = owners.get(id);
    const hadItemBy = owner?.claimedNotAfter ?? Infinity;
    if (hadItemBy < invokedAt) {
      report(
        `P1, P4: ID "${id}" got null ${timesOf(fetch)}, it had "${owner?.item}" by ${hadItemBy}`,
        fetch,
      );
      continue;
    }

    const ownItemAddedAt = (owner && items.get(owner.item)?.add?.returnedAt) ?? Infinity;
    const isOwnItemCertain = ownItemAddedAt < invokedAt;
    if (isIdReadLast && isOwnItemCertain) {
      report(
        `P1, P4: ID "${id}" got null ${timesOf(fetch)}, ` +
          `"${owner?.item}", which it has in the end, was in the bank or its own all the time`,
        fetch,
      );
      continue;
    }

    longestStayBefore ??= longestStays(evidence);
    const stay = longestStayBefore(invokedAt);
    const bankSeenUntil = isIdReadLast ? Math.min(returnedAt, hadItemBy) : returnedAt;
    if (stay !== undefined && bankSeenUntil < stay.until)
      report(
        `P4: ID "${id}" got null ${timesOf(fetch)}, ` +
          `"${stay.item}" was in the bank ${timesOfStay(stay)}`,
        fetch,
      );
  }
}

/** While an item is certainly in the bank, both ends left out. */
interface Stay {
  readonly item: string;
  readonly from: number;
  readonly until: number;
}

/** Tells, of the stays that began before an instant, the one that lasts longest. */
function longestStays(evidence: Evidence): (instant: number) => Stay | undefined {
  const stays: Stay[] = [];
  for (const add of evidence.adds) {
    const stay = longestStayOf(add, evidence);
    if (stay !== undefined) stays.push(stay);
  }
  stays.sort(byBeginning);
  const longest: Stay[] = [];
  let longestUntil = -Infinity;
  for (const stay of stays) {
    if (stay.until <= longestUntil) continue;
    longestUntil = stay.until;
    longest.push(stay);
  }
  return (instant) => longest[countBeginningBefore(instant, longest) - 1];
}

// Not by subtraction: minus infinity less minus infinity is not a number.
function byBeginning(one: Stay, other: Stay): number {
  if (one.from === other.from) return 0;
  return one.from < other.from ? -1 : 1;
}

function longestStayOf(add: AddOperation, { items, owners }: Evidence): Stay | undefined {
  let longest: Stay | undefined;
  for (const item of add.items) {
    const owner = items.get(item)?.owner;
    const until =
      owner === undefined ? Infinity : (owners.get(owner)?.claimedNotBefore ?? Infinity);
    if (longest === undefined || longest.until < until)
      longest = { item, from: add.returnedAt, until };
  }
  return longest;
}

function countBeginningBefore(instant: number, ascending: readonly Stay[]): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const begins = ascending[middle]?.from ?? Infinity;
    if (begins < instant) low = middle + 1;
    else high = middle;
  }
  return low;
}

function timesOf({ invokedAt, returnedAt }: Operation): string {
  if (returnedAt === -Infinity) return '(before the first call)';
  if (returnedAt === Infinity) return `(from ${invokedAt}, outcome unknown)`;
  return `(${invokedAt} to ${returnedAt})`;
}

function timesOfStay({ from, until }: Stay): string {
  const since = from === -Infinity ? 'from the start' : `from ${from}`;
  return until === Infinity ? `${since} to the end` : `${since} to ${until} at least`;
}
