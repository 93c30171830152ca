// Judges a sale in which IDs take, hold, pay, give back and take again. Triggers wrote down every change of an
// assignment, in order, so that no order has to be searched for. The rules:
//
//   row      a row comes with an item, goes, or has its hold changed; its item never changes
//   twice    no item comes to an ID while another one has it, and none that was retired
//   sender   a call asked for each change: a claim, a release, a confirmation, or a sweep of what had ended
//   told     what a call is told of an ID (item, end of the hold, none) was so at one moment of the call;
//            "claimed", or a release of an item, is told once of each assignment
//   wish     a call is told what it asked for: that item, a hold or none
//   null     of "exhausted": no item stayed in the bank for the whole call, as far as the releases that were
//            answered say, and the ID had none at one moment of the call
//   taken    the same of a chosen item
//   end      the table holds what the changes led to
//
// A change is noted before its commit, so a row is visible from some moment between its own note and the next
// note of its ID, until some moment between that one and the one after it.
import type { JournaledCall } from '../crash/journal.js';
import type { SaleEnd } from './judge.js';
import type { Answer, Asked, Told } from './workload.js';

export interface Holding {
  readonly item: string;
  readonly heldUntilMs: number | null;
}

/** `null`: no assignment. */
export interface Change {
  readonly atMs: number;
  readonly id: string;
  readonly before: Holding | null;
  readonly after: Holding | null;
}

type Call = JournaledCall<Asked, Answer>;

/** Its times in milliseconds since 1970. */
interface TimedCall {
  readonly asked: Asked;
  readonly answer: Answer | undefined;
  readonly fromMs: number;
  readonly untilMs: number;
}

/** One after the other, of one ID. */
interface Version {
  readonly holding: Holding | null;
  readonly change: Change | null;
  /** When it can be seen at the earliest, and at the latest. */
  readonly fromMs: number;
  readonly untilMs: number;
}

type Report = (rule: string, message: string) => void;

/** The clocks count whole milliseconds, and two of them may be read in a row. */
const TOLERANCE_MS = 3;

export function judgeTurnover(
  items: readonly string[],
  calls: readonly Call[],
  end: Pick<SaleEnd, 'assignments' | 'bank' | 'changes'>,
  clock: (atNs: number) => number,
): string[] {
  const wrongs: string[] = [];
  const report: Report = (rule, message) => wrongs.push(`${rule}: ${message}`);
  const timed = calls.map(
    ({ asked, answer, invokedAt, returnedAt }): TimedCall => ({
      asked,
      answer,
      fromMs: clock(invokedAt) - TOLERANCE_MS,
      untilMs: returnedAt === Infinity ? Infinity : clock(returnedAt) + TOLERANCE_MS,
    }),
  );
  const { changes } = end;
  judgeRows(changes, end, report);
  const senders = new Map(changes.map((change) => [change, sendersOf(change, timed)]));
  for (const [change, found] of senders) {
    if (found.length === 0) report('sender', `nobody asked for ${inWords(change)}`);
  }
  judgeRetired(senders, report);
  const past = pastOf(changes);
  const stays = staysOf(items, changes, senders);
  const told = new Set<Change>();
  for (const call of timed.toSorted((one, other) => one.untilMs - other.untilMs)) {
    if (call.answer !== undefined) judgeCall(call, call.answer, { past, stays, told }, report);
  }
  return wrongs;
}

function judgeRows(
  changes: readonly Change[],
  end: Pick<SaleEnd, 'assignments' | 'bank'>,
  report: Report,
): void {
  const holdings = new Map<string, Holding>();
  const owners = new Map<string, string>();
  for (const change of changes) {
    const { id, before, after } = change;
    const known = holdings.get(id) ?? null;
    if (known?.item !== before?.item || known?.heldUntilMs !== before?.heldUntilMs) {
      report('row', `${inWords(change)}, but it was ${JSON.stringify(known)}`);
    }
    if (before !== null) owners.delete(before.item);
    if (before !== null && after !== null && before.item !== after.item) {
      report('row', `another item takes the place: ${inWords(change)}`);
    }
    if (after === null) holdings.delete(id);
    else {
      const owner = owners.get(after.item);
      if (owner !== undefined) report('twice', `ID "${owner}" has it: ${inWords(change)}`);
      owners.set(after.item, id);
      holdings.set(id, after);
    }
  }
  for (const [id, item] of end.assignments) {
    if (holdings.get(id)?.item !== item) report('end', `ID "${id}" has "${item}" in the end`);
  }
  for (const id of holdings.keys()) {
    if (!end.assignments.has(id)) report('end', `ID "${id}" has nothing in the end`);
  }
  for (const item of end.bank) {
    if (owners.has(item)) report('twice', `"${item}" is in the bank and with an ID`);
  }
}

function judgeRetired(senders: ReadonlyMap<Change, readonly TimedCall[]>, report: Report): void {
  const retired = new Set<string>();
  for (const [change, found] of senders) {
    const { before, after } = change;
    if (after !== null && retired.has(after.item)) {
      report('twice', `it was retired: ${inWords(change)}`);
    }
    const isEnd = before !== null && after === null && found.length > 0;
    // If a release may have ended it as well, nobody knows.
    const isRetired = isEnd && found.every(({ asked }) => asked.operation === 'retire');
    if (isRetired) retired.add(before.item);
  }
}

/** The calls that may have made the change. */
function sendersOf({ atMs, id, before, after }: Change, calls: readonly TimedCall[]): TimedCall[] {
  return calls.filter(({ asked, answer, fromMs, untilMs }) => {
    if (atMs < fromMs || atMs > untilMs) return false;
    switch (asked.operation) {
      case 'sweep': {
        const hasEnded = before?.heldUntilMs != null && before.heldUntilMs <= atMs + TOLERANCE_MS;
        return after === null && hasEnded;
      }
      case 'release':
      case 'retire': {
        const isTold = answer === undefined || answer.item === before?.item;
        return asked.id === id && after === null && isTold;
      }
      case 'confirm': {
        const isConfirmation = before !== null && after?.heldUntilMs === null;
        const isTold = answer === undefined || answer.item === before?.item;
        const isItem = asked.item === undefined || asked.item === before?.item;
        return asked.id === id && isConfirmation && isTold && isItem;
      }
      case 'claim':
      case 'choose':
      case 'group': {
        const isAsked = asked.operation === 'group' ? asked.ids.includes(id) : asked.id === id;
        const isPossible = before === null ? after !== null : isExtension(before, after);
        const isItem = asked.operation !== 'choose' || after?.item === asked.item;
        return isAsked && isPossible && isItem && isToldOf(id, after, asked, answer);
      }
      default:
        return false;
    }
  });
}

function isExtension(before: Holding, after: Holding | null): boolean {
  if (after === null || before.heldUntilMs === null || after.heldUntilMs === null) return false;
  return after.heldUntilMs > before.heldUntilMs;
}

function isToldOf(
  id: string,
  after: Holding | null,
  asked: Asked,
  answer: Answer | undefined,
): boolean {
  if (answer === undefined) return true;
  return toldIn(asked, answer).some((told) => told.id === id && told.item === after?.item);
}

function toldIn(asked: Asked, answer: Answer): ({ readonly id: string } & Told)[] {
  if (answer.members !== undefined) return [...answer.members];
  if (answer.told === undefined || !('id' in asked)) return [];
  return [{ id: asked.id, ...answer.told }];
}

interface Past {
  versionsOf(id: string): readonly Version[];
}

function pastOf(changes: readonly Change[]): Past {
  const byId = new Map<string, Change[]>();
  for (const change of changes) {
    const ofId = byId.get(change.id) ?? [];
    byId.set(change.id, ofId);
    ofId.push(change);
  }
  const versions = new Map<string, Version[]>();
  for (const [id, ofId] of byId) {
    const atMs = (index: number) => ofId[index]?.atMs ?? Infinity;
    const ofStart: Version = {
      holding: null,
      change: null,
      fromMs: -Infinity,
      untilMs: atMs(1),
    };
    const later = ofId.map(
      (change, index): Version => ({
        holding: change.after,
        change,
        fromMs: change.atMs,
        untilMs: atMs(index + 2),
      }),
    );
    versions.set(id, [ofStart, ...later]);
  }
  const never: Version = { holding: null, change: null, fromMs: -Infinity, untilMs: Infinity };
  return { versionsOf: (id) => versions.get(id) ?? [never] };
}

/** While an item is in the bank for certain. */
interface Stay {
  readonly fromMs: number;
  readonly untilMs: number;
}

function staysOf(
  items: readonly string[],
  changes: readonly Change[],
  senders: ReadonlyMap<Change, readonly TimedCall[]>,
): ReadonlyMap<string, readonly Stay[]> {
  const stays = new Map<string, Stay[]>(items.map((item) => [item, []]));
  const freeFrom = new Map(items.map((item) => [item, -Infinity]));
  for (const change of changes) {
    const { before, after, atMs } = change;
    if (before === null && after !== null) {
      const fromMs = freeFrom.get(after.item) ?? Infinity;
      if (fromMs < atMs) stays.get(after.item)?.push({ fromMs, untilMs: atMs });
      freeFrom.set(after.item, Infinity);
    }
    if (before !== null && after === null) {
      const [sender, ...others] = senders.get(change) ?? [];
      const isReturn = sender?.asked.operation === 'release' || sender?.asked.operation === 'sweep';
      const isCertain = others.length === 0 && isReturn && sender.answer !== undefined;
      freeFrom.set(before.item, isCertain ? sender.untilMs : Infinity);
    }
  }
  for (const [item, fromMs] of freeFrom) {
    if (fromMs < Infinity) stays.get(item)?.push({ fromMs, untilMs: Infinity });
  }
  return stays;
}

interface Known {
  readonly past: Past;
  readonly stays: ReadonlyMap<string, readonly Stay[]>;
  /** The changes that a call was told of as its own. */
  readonly told: Set<Change>;
}

function judgeCall(call: TimedCall, answer: Answer, known: Known, report: Report): void {
  const { asked, fromMs, untilMs } = call;
  const during = (id: string) =>
    known.past
      .versionsOf(id)
      .filter((version) => version.fromMs <= untilMs && version.untilMs >= fromMs);
  const name = `${JSON.stringify(asked)} was told ${JSON.stringify(answer)}`;
  const stayed = (item: string) =>
    (known.stays.get(item) ?? []).some((stay) => stay.fromMs < fromMs && untilMs < stay.untilMs);

  /** Whether a change of that kind was made in the call, of which no other call was told. */
  const isItsOwn = (id: string, isKind: (change: Change) => boolean): boolean => {
    const version = during(id).find(
      ({ change }) =>
        change !== null && change.atMs >= fromMs && isKind(change) && !known.told.has(change),
    );
    if (version?.change == null) return false;
    known.told.add(version.change);
    return true;
  };

  switch (asked.operation) {
    case 'claim':
    case 'choose':
    case 'group':
      for (const told of toldIn(asked, answer)) {
        const { id, status, item, heldUntilMs } = told;
        if (item === null) {
          const isWithout = during(id).some(({ holding }) => holding === null);
          const asksFor = asked.operation === 'choose' ? [asked.item] : [...known.stays.keys()];
          const rule = status === 'taken' ? 'taken' : 'null';
          if (!isWithout) report(rule, `the ID had an item: ${name}`);
          const free = asksFor.find(stayed);
          if (free !== undefined) report(rule, `"${free}" was in the bank: ${name}`);
          if ((status === 'taken') !== (asked.operation === 'choose')) report('wish', name);
          continue;
        }
        const isSo = during(id).some(
          ({ holding }) => holding?.item === item && holding.heldUntilMs === heldUntilMs,
        );
        if (!isSo) report('told', `it was never so: ${name}`);
        if (status !== 'claimed') continue;
        const isNew = isItsOwn(id, ({ before, after }) => before === null && after?.item === item);
        if (!isNew) report('told', `it is not new: ${name}`);
        const isHeld = asked.operation === 'claim' && asked.holdForMs !== undefined;
        const isOther = asked.operation === 'choose' && item !== asked.item;
        if (isOther || isHeld !== (heldUntilMs !== null)) report('wish', name);
      }
      return;
    case 'confirm': {
      const isSo = during(asked.id).some(({ holding }) =>
        answer.item === null
          ? holding === null || (asked.item !== undefined && holding.item !== asked.item)
          : holding?.item === answer.item && holding?.heldUntilMs === null,
      );
      if (!isSo) report('told', `it was never so: ${name}`);
      return;
    }
    case 'release':
    case 'retire': {
      const isSo =
        answer.item === null
          ? during(asked.id).some(({ holding }) => holding === null)
          : isItsOwn(
              asked.id,
              ({ before, after }) => after === null && before?.item === answer.item,
            );
      if (!isSo) report('told', `it was never so: ${name}`);
    }
  }
}

function inWords({ atMs, id, before, after }: Change): string {
  return `ID "${id}" at ${atMs}: ${JSON.stringify(before)} to ${JSON.stringify(after)}`;
}
