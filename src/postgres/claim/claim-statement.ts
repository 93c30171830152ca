// A claim as one statement, for one ID or for many. Nothing is lost or given twice, because it inserts the assignment
// before it takes the item, and takes only what it inserted:
//
//   existing   the IDs that have an item           ─► existing, and the others are asked for again without them
//   wanting    all of them, sorted: two statements cannot wait for each other
//   free       that many free items from some place on, those skipped that another transaction has locked
//   put        an assignment each; an ID that got one meanwhile gets none ─► passed
//   taken      deletes the items of these          ─► claimed
//   left       free items in the statement's snapshot that it did not take: none ─► exhausted
//
// See "WITH Queries" and "Explicit Locking" in PostgreSQL's documentation.
import { runtime } from '../../environment/runtime.js';
import { textToKey } from '../../store-kit/key-text.js';
import { type DeduplicationTable, ROW, type Row } from '../deduplication-table.js';
import { type ItemBankTable, MIN_POSITION } from '../item-bank-table.js';
import { quotedText } from '../names.js';
import type { Session, Statement } from '../session.js';
import { PATIENCE, prepared, SET_PATIENCE, write } from '../statements.js';

/** What is asked for one ID. */
export interface Wish {
  /** As it is stored. */
  readonly id: string;
  readonly heldUntil: Date | null;
}

export type ClaimOutcome =
  | { readonly status: 'existing'; readonly row: Row }
  | { readonly status: 'claimed'; readonly item: string; readonly heldUntil: Date | null }
  /** No item was free at the moment of the statement. */
  | { readonly status: 'exhausted' }
  /** The chosen item was not free at the moment of the statement. */
  | { readonly status: 'taken' }
  /** Another transaction has locked what is left. */
  | { readonly status: 'obstructed'; readonly error?: unknown }
  /** The ID, or the chosen item, got an assignment meanwhile: look again. */
  | { readonly status: 'passed' };

/** What the statement answers. */
export interface Answer {
  readonly existing: readonly Row[] | null;
  readonly claimed: readonly (readonly [id: string, item: string])[] | null;
  /** How many more were free in its snapshot, as far as it counts; `null` if there were enough. */
  readonly left: number | null;
  /** Where the search ended; `null` if it found nothing. */
  readonly last: number | null;
}

export interface ClaimStatements {
  /** The next free item for one ID, with its position. It does not say why there is none. */
  readonly quick: Statement;
  /** The same, and says it. */
  readonly one: Statement;
  readonly chosen: Statement;
  readonly many: Statement;
  /** Waits for items that others have locked, in one order for all. */
  readonly manyInOrder: Statement;
}

const ANSWER = `select json_build_object(
  'existing', (select json_agg(${ROW}) from existing),
  'claimed', (select json_agg(json_build_array(deduplication_id, item)) from put),
  'left', (select n from left_over),
  'last', (select position from free order by n desc limit 1)
)::text as answer`;

export function claimStatements(bank: ItemBankTable, table: DeduplicationTable): ClaimStatements {
  const b = bank.table;
  const d = table.table;
  const bankName = quotedText(bank.tableName);
  const columns = 'deduplication_id, item, item_bank, assigned_at, held_until';
  // The row's place is where it was locked, so no index is searched for it. In a table of partitions it is not unique.
  const put = (rows: string) => `put as (
  insert into ${d} (${columns}) ${rows}
  on conflict (deduplication_id) do nothing returning deduplication_id, item
), taken as (
  delete from ${b} where ctid = any (array(select place from free)) and item = any (array(select item from put))
)`;
  const leftOver = (isShort: string, rest: string) => `left_over as (
  select case when ${isShort} then (
    select count(*) from (select from ${b} where ${rest}) as rest
  ) end as n
)`;
  // The condition on what is set makes sure that it is set before anything is looked for.
  const existing = (ids: string) => `existing as materialized (
  select * from ${d} where deduplication_id ${ids} and (select is_set from patience)
)`;

  // $2: the ID, $3: the time, $4: the end of its hold, $5: where the search begins, or the item.
  const single = (
    item: string,
    lock: string,
  ) => `with ${PATIENCE}, ${existing('= $2::text')}, free as materialized (
  select item, position, ctid as place, 1 as n from ${b} where not exists (select from existing) and ${item} ${lock}
), ${put(`select $2::text, item, ${bankName}, $3::text::timestamptz, $4::text::timestamptz from free`)}`;
  const isWithout = 'not exists (select from free) and not exists (select from existing)';
  const one = `${single('position >= $5::text::integer', 'order by position limit 1 for update skip locked')},
${leftOver(isWithout, 'true order by position limit 1')}
${ANSWER}`;
  // As little as possible, because many claims wait for nothing but its plan.
  const quick = `with put as (
  insert into ${d} (${columns}) select $2::text, item, ${bankName}, $3::text::timestamptz, $4::text::timestamptz
  from ${b} where position >= $5::text::integer and ${SET_PATIENCE}
  and not exists (select from ${d} where deduplication_id = $2::text)
  order by position limit 1 for update skip locked
  on conflict (deduplication_id) do nothing returning item
)
delete from ${b} where item = (select item from put)
returning json_build_array(item, position)::text as answer`;
  const chosen = `${single('item = $5::text', 'for update')}, ${leftOver(isWithout, 'item = $5::text')}
${ANSWER}`;

  // $2: [{ id, held_until }] as JSON, $3: the time, $4: where the search begins, $5: the number of IDs. If one of them
  // has an item, nothing is claimed for the others: a limit that the planner does not know counts as a tenth of the
  // table, and for that it compiles the statement (see "When to JIT?" in PostgreSQL's documentation).
  const needed = '$5::text::bigint';
  const areNew = 'not exists (select from existing)';
  const many = (lock: string) => `with ${PATIENCE}, asked as materialized (
  select id, held_until::timestamptz from json_to_recordset($2::text::json) as a (id text, held_until text)
), ${existing('= any (array(select id from asked))')}, wanting as materialized (
  select id, held_until, row_number() over (order by id collate "C") as n from asked where ${areNew}
), free as materialized (
  select item, position, place, row_number() over () as n from (
    select item, position, ctid as place from ${b} where position >= $4::text::integer and ${areNew}
    order by position limit ${needed} ${lock}
  ) as f
), ${put(`select id, item, ${bankName}, $3::text::timestamptz, held_until
  from wanting join free using (n) order by id collate "C"`)},
${leftOver(
  `${areNew} and (select count(*) from free) < ${needed}`,
  `item <> all (array(select item from put)) order by position limit ${needed}`,
)}
${ANSWER}`;

  return {
    quick: prepared(write(quick)),
    one: write(one),
    chosen: write(chosen),
    many: write(many('for update skip locked')),
    manyInOrder: write(many('for update')),
  };
}

export interface ClaimOptions {
  readonly item?: string | undefined;
  readonly waitMs?: number | undefined;
}

/** What a claim is made with. */
interface Means {
  readonly bank: ItemBankTable;
  readonly table: DeduplicationTable;
  readonly statements: ClaimStatements;
}

export async function claimOne(
  { bank, table, statements }: Means,
  session: Session,
  { id, heldUntil }: Wish,
  { item, waitMs }: ClaimOptions = {},
): Promise<ClaimOutcome> {
  const ask = async <Row>(statement: Statement, from: string): Promise<Row | undefined> => {
    const values = [session.lockTimeout, id, nowText(), heldUntil?.toISOString() ?? null, from];
    const [row] = await session.ask<Row>(statement, values, waitMs);
    return row;
  };
  const wish = { id, heldUntil };
  if (item !== undefined) {
    const outcome = outcomeOf((await ask(statements.chosen, item)) as Answer, wish);
    // Its lock was waited for: what the snapshot had free has been taken since.
    if (outcome.status === 'obstructed') return { status: 'passed' };
    return outcome.status === 'exhausted' ? { status: 'taken' } : outcome;
  }
  const start = bank.startOfSearch();
  const found = await ask<[item: string, position: number]>(statements.quick, String(start));
  bank.searchedUpTo(found?.[1] ?? start);
  if (found !== undefined) return { status: 'claimed', item: textToKey(found[0]), heldUntil };
  const row = await table.find(id, session, waitMs);
  if (row !== null) return { status: 'existing', row };
  const answer = (await ask(statements.one, String(MIN_POSITION))) as Answer;
  bank.searchedUpTo(answer.last ?? start);
  return outcomeOf(answer, wish);
}

export async function claimMany(
  { bank, statements }: Means,
  session: Session,
  wishes: readonly Wish[],
  { inOrder = false, waitMs }: { readonly inOrder?: boolean; readonly waitMs?: number } = {},
): Promise<Answer> {
  const start = inOrder ? MIN_POSITION : bank.startOfSearch();
  const statement = inOrder ? statements.manyInOrder : statements.many;
  const ask = async (some: readonly Wish[], from: number): Promise<Answer> => {
    const asked = some.map(({ id, heldUntil }) => ({
      id,
      held_until: heldUntil?.toISOString() ?? null,
    }));
    const [ids, count] = [JSON.stringify(asked), String(some.length)];
    const values = [session.lockTimeout, ids, nowText(), String(from), count];
    const [answer] = (await session.ask<Answer>(statement, values, waitMs)) as [Answer];
    return answer;
  };
  const askFurther = async (answer: Answer, from: number): Promise<Answer> => {
    const others = wishes.filter((wish) => outcomeOf(answer, wish).status === 'passed');
    return others.length === 0 ? answer : merged(answer, await ask(others, from));
  };
  let answer = await ask(wishes, start);
  if (answer.existing !== null) answer = await askFurther(answer, start);
  if (!inOrder) bank.searchedUpTo(answer.last ?? start);
  if (!answer.left || start === MIN_POSITION) return answer;
  // What is free is before the place where it began.
  bank.searchedUpTo(MIN_POSITION);
  const passed = { ...answer, left: null };
  // Outside of a transaction, what has been claimed has to be told now.
  return session.isTransaction ? askFurther(passed, MIN_POSITION) : passed;
}

function merged(one: Answer, next: Answer): Answer {
  const all = <Part>(...parts: (readonly Part[] | null)[]) =>
    parts.every((part) => part === null) ? null : parts.flatMap((part) => part ?? []);
  return {
    existing: all(one.existing, next.existing),
    claimed: all(one.claimed, next.claimed),
    left: next.left,
    last: next.last ?? one.last,
  };
}

/** What became of one of the IDs. */
export function outcomeOf(answer: Answer, { id, heldUntil }: Wish): ClaimOutcome {
  const row = answer.existing?.find(({ deduplicationId }) => deduplicationId === id);
  if (row !== undefined) return { status: 'existing', row };
  const claimed = answer.claimed?.find(([claimedId]) => claimedId === id);
  if (claimed !== undefined) return { status: 'claimed', item: textToKey(claimed[1]), heldUntil };
  if (answer.left === null) return { status: 'passed' };
  return { status: answer.left === 0 ? 'exhausted' : 'obstructed' };
}

function nowText(): string {
  return runtime.date().toISOString();
}
