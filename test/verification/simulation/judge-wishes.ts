// Judges a sale with chosen items, holds, groups and own writes. Here every state that the tables had is known,
// and whose transaction made it, so that no order has to be searched for. The rules:
//
//   place      at each state an item is in the bank or with one ID: never both, never neither (P2, P3)
//   row        a row changes in these ways only: it comes, with no item or all that it needs; it goes; a claim
//              or a group gives a hold a later end, within the longest hold; a confirmation ends a hold
//   sender     each change is one that its sender asked for: its ID, its item, hold or none
//   late       what changes or ends a row is for that row as it was before its sender's call ended: a write
//              that arrives late spares a later hold, and a hold that was confirmed or extended
//   sweep      a sweep takes back only what was held, and had ended by the clock of its process; it counts what
//              it takes back
//   group      a group's transaction leaves each of its IDs with an item
//   orders     the order rows of a transaction are those of the assignments in it, or of the confirmation, each
//              with its item and ID; without such a wish there are none
//   told       "claimed" is told of an assignment once, to a call in which it was made; everything else that a
//              call is told of an ID (item, end of the hold, nothing) was so at one moment of the call. A
//              confirmation is told a row without an end, or that the ID has no such item
//   wish       a call is told what it asked for: that item, a hold of that length at least, or none
//   taken      at one moment of the call the item was not in the bank, and then the ID had none
//   null       of "exhausted": each item was absent from the bank at one moment of the call, and then the ID had
//              none (P4)
//   exhausted  of a group: fewer items than were needed stayed in the bank for the whole call, no more than it
//              saw; and at one moment of the call so many of its IDs had none
//   refused    own writes were refused only if the order was there at one moment of the call, and the ID had no
//              item, or a hold to confirm
//   denied     a call that says that it wrote nothing did not
//
// "Only a release takes what is confirmed" follows from `row` and `sweep`. A transaction takes effect at one
// moment between its decision and the moment when all of its rows are visible, so a state lasts from the
// earliest moment of its beginning to the latest of its end.
import type { Call, CallForId, GroupCall } from './scenario.js';
import {
  DEDUPLICATION,
  ITEM_BANK,
  ORDERS,
  type Row,
  type RowChange,
} from './simulated-dynamodb.js';

/** The rows of the tables, by their keys. */
export interface Tables {
  readonly bank: ReadonlyMap<string, Row>;
  readonly assignments: ReadonlyMap<string, Row>;
  readonly orders: ReadonlyMap<string, Row>;
  readonly maxHoldMs: number | undefined;
}

export interface AskedCall {
  readonly call: Exclude<Call, { kind: 'add' }>;
  readonly invokedAt: number;
  /** When it was answered, threw or crashed. */
  readonly endedAt: number;
  /** What the clock of its process showed when it began. */
  readonly clockMs: number;
  readonly answer?: { readonly value: unknown };
  readonly failure?: { readonly error: unknown; readonly saysNothingWritten: boolean };
}

export interface Committed {
  readonly decidedAt: number;
  /** When all of its rows were visible. */
  readonly doneAt: number;
  readonly changes: readonly RowChange[];
  /** Whether the network made a copy, of which nobody can know. */
  readonly isCopied: boolean;
  readonly call: AskedCall | undefined;
}

interface Version {
  readonly row: Row | undefined;
  readonly from: number;
  until: number;
}

interface Span {
  readonly from: number;
  readonly until: number;
}

interface ClaimAnswer {
  readonly status: 'claimed' | 'existing' | 'taken' | 'exhausted';
  readonly item: string | null;
  readonly heldUntil?: Date | null;
}

interface GroupAnswer {
  readonly status: 'claimed' | 'existing' | 'exhausted';
  readonly members?: readonly (ClaimAnswer & { readonly deduplicationId: string })[];
  readonly itemsNeeded: number;
  readonly itemsSeen: number;
}

type Report = (rule: string, message: string) => void;

/** What is wrong, each with the rule that it breaks before a colon. */
export function judgeWishes(
  tables: Tables,
  calls: readonly AskedCall[],
  commits: readonly Committed[],
): string[] {
  const wrongs: string[] = [];
  const report: Report = (rule, message) => wrongs.push(`${rule}: ${message}`);
  const past = new Past(tables, commits);
  judgePlaces(tables, commits, report);
  for (const commit of commits) judgeCommit(commit, past, report);
  const told = new Map<Version, string>();
  for (const asked of calls) judgeCall(asked, past, commits, told, report);
  return wrongs;
}

/** Every row that there was, and when. */
class Past {
  readonly tables: Tables;
  readonly items: readonly string[];
  readonly #versions = new Map<string, Version[]>();

  constructor(tables: Tables, commits: readonly Committed[]) {
    this.tables = tables;
    for (const [table, rows] of [
      [ITEM_BANK, tables.bank],
      [DEDUPLICATION, tables.assignments],
      [ORDERS, tables.orders],
    ] as const) {
      for (const [key, row] of rows)
        this.of(table, key)[0] = versionFrom(Number.NEGATIVE_INFINITY, row);
    }
    for (const { decidedAt, doneAt, changes } of commits) {
      for (const { table, key, after } of changes) {
        const versions = this.of(table, key);
        (versions.at(-1) as Version).until = doneAt;
        versions.push(versionFrom(decidedAt, after));
      }
    }
    this.items = unique([...tables.bank.keys(), ...[...tables.assignments.values()].map(itemOf)]);
  }

  of(table: string, key: string): Version[] {
    const name = `${table} ${key}`;
    const versions = this.#versions.get(name) ?? [versionFrom(Number.NEGATIVE_INFINITY, undefined)];
    this.#versions.set(name, versions);
    return versions;
  }

  /** Those that there were at some moment of the call. */
  during(table: string, key: string, { invokedAt, endedAt }: AskedCall): Version[] {
    return this.of(table, key).filter(({ from, until }) => from <= endedAt && until >= invokedAt);
  }

  /** The one before or after that moment, of the row that a transaction changed then. */
  at(key: string, decidedAt: number, isBefore: boolean): Version {
    const versions = this.of(DEDUPLICATION, key);
    const index = versions.findIndex(({ from }) => from === decidedAt);
    return versions[isBefore ? index - 1 : index] as Version;
  }
}

function versionFrom(from: number, row: Row | undefined): Version {
  return { row, from, until: Number.POSITIVE_INFINITY };
}

function judgePlaces(tables: Tables, commits: readonly Committed[], report: Report): void {
  const bank = new Set(tables.bank.keys());
  const owners = new Map([...tables.assignments].map(([id, row]) => [id, itemOf(row)]));
  const items = unique([...bank, ...owners.values()]);
  for (const { decidedAt, changes } of commits) {
    for (const { table, key, after } of changes) {
      if (table === ITEM_BANK && after !== undefined) bank.add(key);
      else if (table === ITEM_BANK) bank.delete(key);
      else if (table === DEDUPLICATION && after !== undefined) owners.set(key, itemOf(after));
      else if (table === DEDUPLICATION) owners.delete(key);
    }
    for (const item of unique([...items, ...bank, ...owners.values()])) {
      const places =
        (bank.has(item) ? 1 : 0) + [...owners.values()].filter((one) => one === item).length;
      if (places !== 1) report('place', `at ${decidedAt} ${item} is in ${places} places`);
    }
  }
}

function judgeCommit(commit: Committed, past: Past, report: Report): void {
  const { decidedAt, changes, call: asked } = commit;
  const ofIds = changes.filter(({ table }) => table === DEDUPLICATION);
  for (const change of ofIds) {
    const told = `${change.key} at ${decidedAt}, by a ${asked?.call.kind}`;
    judgeRow(change, past.tables, (message) => report('row', `${told}: ${message}`));
    if (asked === undefined) continue;
    judgeSender(change, asked, (message) => report('sender', `${told}: ${message}`));
    if (change.before === undefined) continue;
    const isLate = past.at(change.key, decidedAt, true).from > asked.endedAt;
    if (isLate) report('late', `${told}: the row is newer than the call`);
    if (asked.call.kind !== 'sweep') continue;
    const heldUntil = heldUntilOf(change.before);
    const isEnded = heldUntil !== null && Date.parse(heldUntil) <= asked.clockMs;
    if (!isEnded) report('sweep', `${told}: took back ${heldUntil}, at ${asked.clockMs} ms`);
  }
  judgeOrders(commit, ofIds, report);
  if (asked?.call.kind !== 'group') return;
  for (const id of asked.call.ids) {
    const versions = past.of(DEDUPLICATION, id);
    const now = versions.findLast(({ from }) => from <= decidedAt);
    if (now?.row === undefined)
      report('group', `at ${decidedAt} a group leaves ${id} without an item`);
  }
}

function judgeRow(
  { before, after }: RowChange,
  { maxHoldMs = Number.POSITIVE_INFINITY }: Tables,
  report: (message: string) => void,
): void {
  if (after === undefined) return;
  const heldUntil = heldUntilOf(after);
  const isWhole = after.item_string?.S !== undefined && after.assigned_at?.S !== undefined;
  if (!isWhole) report('it lacks what a row needs');
  if (heldUntil !== null) {
    const heldMs = Date.parse(heldUntil) - Date.parse(after.assigned_at?.S ?? '');
    if (heldMs > maxHoldMs) report(`it is held for ${heldMs} ms`);
  }
  if (before === undefined) return;
  const isSame = itemOf(before) === itemOf(after) && before.assigned_at?.S === after.assigned_at?.S;
  if (!isSame) report('another assignment takes its place');
  const heldBefore = heldUntilOf(before);
  if (heldBefore === null) report('it was permanent');
  else if (heldUntil !== null && heldUntil <= heldBefore) report('its hold does not get longer');
}

function judgeSender(
  { key, before, after }: RowChange,
  { call }: AskedCall,
  report: (message: string) => void,
): void {
  const isItsOwn = 'id' in call ? call.id === key : !('ids' in call) || call.ids.includes(key);
  // Claims of other IDs can travel with the one that began the transaction.
  if (!isItsOwn && (call.kind !== 'claim' || before !== undefined)) report('of another ID');
  const isEnd = after === undefined;
  const isConfirmation = !isEnd && before !== undefined && heldUntilOf(after) === null;
  switch (call.kind) {
    case 'release':
    case 'retire':
    case 'sweep':
      if (!isEnd) report('it only ends rows');
      break;
    case 'confirm':
      if (!isConfirmation) report('it only confirms');
      else if (call.item !== undefined && call.item !== itemOf(after)) report('of another item');
      break;
    default:
      if (isEnd || isConfirmation) report('it only makes rows, and extends holds');
  }
}

function judgeOrders(
  { decidedAt, changes, call: asked }: Committed,
  ofIds: readonly RowChange[],
  report: Report,
) {
  const written = changes
    .filter(({ table }) => table === ORDERS)
    .map(({ key, after }) => `${key} ${after && itemOf(after)}`);
  const order = asked !== undefined && 'order' in asked.call ? asked.call.order : undefined;
  const isConfirmation = asked?.call.kind === 'confirm';
  const expected = ofIds
    .filter(({ before }) => order !== undefined && (isConfirmation || before === undefined))
    .map(({ key, after }) => `${key} ${after && itemOf(after)}`);
  if (written.sort().join() !== expected.sort().join()) {
    report('orders', `at ${decidedAt} orders ${written}, but assignments ${expected}`);
  }
}

function judgeCall(
  asked: AskedCall,
  past: Past,
  commits: readonly Committed[],
  told: Map<Version, string>,
  report: Report,
): void {
  const { call, answer, failure } = asked;
  const itsOwn = commits.filter((commit) => commit.call === asked);
  const name = `${JSON.stringify(call)} (${asked.invokedAt} to ${asked.endedAt})`;
  const tell: Report = (rule, message) => report(rule, `${name} ${message}`);
  // A claim without own writes may have been sent by another one with which it travelled or shared.
  const sendsAlone = call.kind !== 'claim' || call.order !== undefined;
  const isDenied = failure?.saysNothingWritten && itsOwn.some(({ isCopied }) => !isCopied);
  if (isDenied && sendsAlone) tell('denied', 'said that it wrote nothing, and did');
  if (failure !== undefined) judgeRefusal(asked, past, tell);
  if (answer === undefined) return;
  const { value } = answer;
  switch (call.kind) {
    case 'claim':
      judgeClaim(asked, value as ClaimAnswer, past, told, tell);
      break;
    case 'group':
      judgeGroup(asked, value as GroupAnswer, past, told, tell);
      break;
    case 'confirm':
      judgeConfirmation(asked, value as string | null, past, tell);
      break;
    case 'sweep': {
      const { released } = value as { released: number };
      if (released !== itsOwn.length)
        tell('sweep', `counted ${released}, took back ${itsOwn.length}`);
      break;
    }
    default: {
      const isNone = past
        .during(DEDUPLICATION, call.id, asked)
        .some(({ row }) => row === undefined);
      const isRight =
        value === null
          ? isNone && itsOwn.length === 0
          : itsOwn.some(({ changes }) =>
              changes.some(
                ({ key, before }) => key === call.id && before && itemOf(before) === value,
              ),
            );
      if (!isRight) tell('told', `was told ${value}`);
    }
  }
}

function judgeRefusal(asked: AskedCall, past: Past, tell: Report): void {
  const { call, failure } = asked;
  if ((failure?.error as Error | undefined)?.name !== 'AlongsideRefusedError') return;
  const ids = 'id' in call ? [call.id] : 'ids' in call ? call.ids : [];
  const isOrderThere = ids.some((id) =>
    past.during(ORDERS, id, asked).some(({ row }) => row !== undefined),
  );
  const isNeeded = ids.some((id) =>
    past
      .during(DEDUPLICATION, id, asked)
      .some(({ row }) =>
        call.kind === 'confirm' ? row && heldUntilOf(row) !== null : row === undefined,
      ),
  );
  const isConditional = 'order' in call && call.order === 'new';
  if (!isConditional || !isOrderThere || !isNeeded) tell('refused', 'was refused without a reason');
}

function judgeClaim(
  asked: AskedCall,
  answer: ClaimAnswer,
  past: Past,
  told: Map<Version, string>,
  tell: Report,
): void {
  const call = asked.call as CallForId;
  const { status, item } = answer;
  const isNeverTold = status === (call.item === undefined ? 'taken' : 'exhausted');
  const isOther = status === 'claimed' && call.item !== undefined && call.item !== item;
  if (isNeverTold || isOther) tell('wish', `was told ${status} ${item}`);
  if (item !== null) {
    judgeMember(call.id, call.holdForMs, answer, asked, past, told, tell);
    return;
  }
  const noneUntil = lastMoment(past.during(DEDUPLICATION, call.id, asked), asked);
  const items = status === 'taken' ? [call.item as string] : past.items;
  const absentSince = items.map((one) => firstMoment(past.during(ITEM_BANK, one, asked), asked));
  const isRight = Math.max(...absentSince) <= noneUntil;
  if (!isRight) tell(status === 'taken' ? 'taken' : 'null', `was told ${status}`);
}

/** The first moment of the call at which there was no row. */
function firstMoment(versions: readonly Version[], { invokedAt }: AskedCall): number {
  const without = versions.filter(({ row }) => row === undefined);
  return Math.min(...without.map(({ from }) => Math.max(from, invokedAt)));
}

/** The last one. */
function lastMoment(versions: readonly Version[], { endedAt }: AskedCall): number {
  const without = versions.filter(({ row }) => row === undefined);
  return Math.max(...without.map(({ until }) => Math.min(until, endedAt)));
}

/** An ID is told that it has an item. */
function judgeMember(
  id: string,
  holdForMs: number | undefined,
  { status, item, heldUntil = null }: ClaimAnswer,
  asked: AskedCall,
  past: Past,
  told: Map<Version, string>,
  tell: Report,
): void {
  const isAsTold = (row: Row | undefined) =>
    row !== undefined &&
    itemOf(row) === item &&
    heldUntilOf(row) === (heldUntil === null ? null : heldUntil.toISOString());
  const versions = past.during(DEDUPLICATION, id, asked).filter(({ row }) => isAsTold(row));
  const [version] = versions;
  const what = `of ${id} was told ${status} ${item}, held until ${heldUntil?.getTime()}`;
  if (version === undefined) {
    tell('told', what);
    return;
  }
  if (status === 'claimed') {
    const isNew = (one: Version) => one.from >= asked.invokedAt && !told.has(one);
    const made = versions.find((one) => isNew(one) && isBeginning(past, id, one));
    if (made === undefined) tell('told', `${what}, which is not new`);
    else told.set(made, what);
    const isHeld = heldUntil !== null;
    if (isHeld !== (holdForMs !== undefined)) tell('wish', what);
  }
  if (holdForMs === undefined || heldUntil === null) return;
  const assignedAtMs = Date.parse(version.row?.assigned_at?.S ?? '');
  const { maxHoldMs = Number.POSITIVE_INFINITY } = past.tables;
  // A new hold counts from just before its assignment is stamped.
  const longestMs = Math.min(asked.clockMs, assignedAtMs) + maxHoldMs;
  const leastMs = Math.min(asked.clockMs + holdForMs, longestMs);
  if (heldUntil.getTime() < leastMs) tell('wish', `${what}, at least ${leastMs}`);
}

/** Whether the ID had no item before that. */
function isBeginning(past: Past, id: string, version: Version): boolean {
  const versions = past.of(DEDUPLICATION, id);
  return versions[versions.indexOf(version) - 1]?.row === undefined;
}

function judgeConfirmation(
  asked: AskedCall,
  answer: string | null,
  past: Past,
  tell: Report,
): void {
  const { id, item } = asked.call as CallForId;
  const isRight = past.during(DEDUPLICATION, id, asked).some(({ row }) => {
    if (answer === null) return row === undefined || (item !== undefined && itemOf(row) !== item);
    return row !== undefined && itemOf(row) === answer && heldUntilOf(row) === null;
  });
  if (!isRight) tell('told', `was told ${answer}`);
  if (answer !== null && item !== undefined && item !== answer) tell('wish', `was told ${answer}`);
}

function judgeGroup(
  asked: AskedCall,
  answer: GroupAnswer,
  past: Past,
  told: Map<Version, string>,
  tell: Report,
): void {
  const { ids, holdForMs } = asked.call as GroupCall;
  const { members, itemsNeeded, itemsSeen } = answer;
  const rowsOf = (id: string, moment: number) =>
    past.of(DEDUPLICATION, id).filter(({ from, until }) => from <= moment && moment <= until);
  const moments = momentsOf(
    ids.flatMap((id) => past.during(DEDUPLICATION, id, asked)),
    asked,
  );
  if (members !== undefined) {
    for (const member of members) {
      judgeMember(member.deduplicationId, holdForMs, member, asked, past, told, tell);
    }
    const areTogether = moments.some((moment) =>
      members.every(({ deduplicationId, item }) =>
        rowsOf(deduplicationId, moment).some(
          ({ row }) => row !== undefined && itemOf(row) === item,
        ),
      ),
    );
    if (!areTogether) tell('group', 'was told items that its IDs never had at once');
    return;
  }
  const stayed = past.items.filter((item) =>
    past.during(ITEM_BANK, item, asked).every(({ row }) => row !== undefined),
  );
  const isRight = stayed.length <= itemsSeen && itemsSeen < itemsNeeded;
  if (!isRight) {
    tell('exhausted', `needed ${itemsNeeded}, saw ${itemsSeen}, while ${stayed.length} stayed`);
  }
  const isNeed = moments.some((moment) => {
    const rows = ids.map((id) => rowsOf(id, moment).map(({ row }) => row));
    const least = rows.filter((some) => some.every((row) => row === undefined)).length;
    const most = rows.filter((some) => some.includes(undefined)).length;
    return least <= itemsNeeded && itemsNeeded <= most;
  });
  if (!isNeed) tell('exhausted', `needed ${itemsNeeded}, but its IDs never did`);
}

/** All moments of the call that differ from each other. */
function momentsOf(versions: readonly Version[], { invokedAt, endedAt }: AskedCall): number[] {
  const edges = versions.flatMap(({ from, until }: Span) => [from, until]);
  return [invokedAt, ...edges.filter((edge) => edge > invokedAt && edge < endedAt), endedAt];
}

function itemOf(row: Row): string {
  return row.item_string?.S as string;
}

function heldUntilOf(row: Row): string | null {
  return row.held_until?.S ?? null;
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}
