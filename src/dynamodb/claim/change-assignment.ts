// What becomes of an assignment on DynamoDB: released or retired, confirmed, its hold extended or taken back. Each
// is one transaction, on the condition that the row is as it was read.
//
//   GetItem on the ID ── has none ── TransactGetItems on the ID ── has none ─► null
//        │ has an item ◄───────────────── has one after all ┘
//   plan what becomes of the row ── nothing ──────────────────────────────────► its answer
//        │                        (a release finds the bank that the row names; none ─► throw)
//   TransactWriteItems: the row, its item back into the bank or the note in the ledger, own writes
//        │ committed ─────────────────────────────────────────────────────────► its answer
//        │ the row has changed ── read it again
//        │ own writes refused ── the row is unchanged still ──────────────────► throw
//        │ anything else ── throw; the next call finds out what became of it
import type { TransactWriteItem } from '@aws-sdk/client-dynamodb';
import type {
  AtomicConfirmOptions,
  AtomicReleaseOptions,
  HoldOptions,
} from '../../contracts/atomic-writes.js';
import { UnknownItemBankError } from '../../contracts/errors.js';
import type { ItemBankRepository } from '../../contracts/item-bank-repository.js';
import { sleepBeforeRetry } from '../../store-kit/backoff.js';
import { endOfExtendedHold } from '../../store-kit/hold.js';
import { CLAIM_PATIENCE_MS, Patience } from '../../store-kit/patience.js';
import type { DeduplicationTable, HeldItem } from '../deduplication-table.js';
import { type ItemBankTable, itemBankTables } from '../item-bank-table.js';
import type { Row, Table } from '../table.js';
import { canBeSameTable, HELD_UNTIL_ATTRIBUTE, ITEM_KEY } from '../tables.js';
import { errorInDoubt, hasConditionFailed, sendTransaction } from '../transaction.js';
import { hasOwnConditionFailed, ownActions, ownWritesRefused } from './own-writes.js';

/** The caller's own writes, on DynamoDB. */
export type OwnWrites = TransactWriteItem[];

export interface Pair {
  readonly bank: ItemBankTable;
  readonly table: DeduplicationTable;
}

export async function releaseItem(
  pair: Pair,
  deduplicationId: string,
  { signal, fate, banks, alongside }: AtomicReleaseOptions<OwnWrites>,
): Promise<string | null> {
  const known = knownBanks(pair, banks);
  const plan = (row: Row) => planRelease(pair, row, fate, known);
  return changeAssignment(pair, deduplicationId, plan, { signal, alongside, known });
}

/** Takes the hold back, if it has ended at that time by what the row says now. */
export async function releaseExpiredHold(
  pair: Pair,
  deduplicationId: string,
  at: Date,
  { signal, banks }: Pick<AtomicReleaseOptions, 'signal' | 'banks'>,
): Promise<string | null> {
  const known = knownBanks(pair, banks);
  const plan = (row: Row): Plan<string | null> => {
    const { heldUntil } = pair.table.heldItemOf(row);
    const isExpired = heldUntil !== null && heldUntil <= at;
    return isExpired ? planRelease(pair, row, 'return', known) : nothingToDo(null);
  };
  return changeAssignment(pair, deduplicationId, plan, { signal, known });
}

export async function confirmItem(
  pair: Pair,
  deduplicationId: string,
  { signal, item: expected, alongside }: AtomicConfirmOptions<OwnWrites>,
): Promise<string | null> {
  const { table } = pair;
  const plan = (row: Row): Plan<string | null> => {
    const { item } = table.heldItemOf(row);
    if (expected !== undefined && item !== expected) return nothingToDo(null);
    if (row[HELD_UNTIL_ATTRIBUTE] === undefined) return nothingToDo(item);
    return { answer: item, tables: [], actions: [{ Update: table.confirmation(row) }] };
  };
  return changeAssignment(pair, deduplicationId, plan, { signal, alongside });
}

/**
 * What the ID has, with its hold extended as far as that is asked for.
 *
 * @param row as it was read
 * @returns `null` when the ID has no item any more
 */
export async function extendHold(
  pair: Pair,
  deduplicationId: string,
  row: Row,
  hold: HoldOptions,
  patience: Patience,
): Promise<HeldItem | null> {
  const { table } = pair;
  const plan = (read: Row): Plan<HeldItem> => {
    const held = table.heldItemOf(read);
    const heldUntil = endOfExtendedHold(table.assignmentOf(read), hold);
    if (heldUntil === null) return nothingToDo(held);
    const actions = [{ Update: table.extension(read, heldUntil) }];
    return { answer: { ...held, heldUntil }, tables: [], actions };
  };
  return changeAssignment(pair, deduplicationId, plan, { row, patience });
}

/** What becomes of a row, and the answer once it is committed. */
interface Plan<Answer> extends Arrival {
  readonly answer: Answer;
}

function nothingToDo<Answer>(answer: Answer): Plan<Answer> {
  return { answer, tables: [], actions: [] };
}

interface ChangeOptions {
  readonly signal?: AbortSignal | undefined;
  readonly alongside?: ((item: string) => OwnWrites) | undefined;
  /** If it was read already. */
  readonly row?: Row;
  readonly patience?: Patience;
  /** Whose rows the caller's own writes must leave alone, besides those of the pair. */
  readonly known?: readonly ItemBankTable[];
}

async function changeAssignment<Answer>(
  { bank, table }: Pair,
  deduplicationId: string,
  planFor: (row: Row) => Plan<Answer>,
  { signal, alongside, row: firstRow, known = [bank], ...options }: ChangeOptions,
): Promise<Answer | null> {
  const { patience = new Patience(CLAIM_PATIENCE_MS, signal) } = options;
  const ours = [table, ...known.flatMap((each) => [each, each.ledger])];
  let row = firstRow;
  for (let refusals = 0; ; ) {
    patience.assertLeft();
    row ??=
      (await table.readRow(deduplicationId)) ?? (await table.readRowInTransaction(deduplicationId));
    if (row === undefined) return null;
    const { answer, tables, actions } = planFor(row);
    if (actions.length === 0) return answer;
    const { item } = table.heldItemOf(row);
    const outcome = await sendTransaction({
      patience,
      tables: [table, ...tables],
      actions: [...actions, ...ownActions(alongside?.(item), actions.length, ours)],
      patienceMs: CLAIM_PATIENCE_MS,
      signal: patience.signal,
    });
    if (outcome.status === 'failed') throw outcome.error;
    if (outcome.status === 'committed') return answer;
    const { error, reasons, isInDoubt } = outcome;
    const isRowAsRead = !hasConditionFailed(reasons[0]);
    const now = isRowAsRead ? await table.readRowInTransaction(deduplicationId) : undefined;
    // DynamoDB may have told only some of the reasons: the row decides.
    const isUnchanged = now !== undefined && isSameAssignment(table, row, now);
    if (isUnchanged && hasOwnConditionFailed(reasons, actions.length)) {
      const refused = ownWritesRefused(error, reasons, actions.length);
      throw isInDoubt ? errorInDoubt(refused, patience.elapsedMs) : refused;
    }
    if (isUnchanged) await sleepBeforeRetry(refusals++);
    row = now;
  }
}

function isSameAssignment(table: DeduplicationTable, one: Row, other: Row): boolean {
  return JSON.stringify(table.assignmentOf(one)) === JSON.stringify(table.assignmentOf(other));
}

function knownBanks(
  { bank }: Pair,
  banks: readonly ItemBankRepository[] = [],
): readonly ItemBankTable[] {
  return [bank, ...banks.map((itemRepo) => itemBankTables.of(itemRepo))];
}

function planRelease(
  { table }: Pair,
  row: Row,
  fate: AtomicReleaseOptions['fate'],
  banksAtHand: readonly ItemBankTable[],
): Plan<string> {
  const { item, itemBankName } = table.heldItemOf(row);
  const origins = originsOf(itemBankName, banksAtHand);
  const { tables, actions } = fate === 'return' ? returnTo(origins, item) : retireIn(origins, item);
  return { answer: item, tables, actions: [{ Delete: table.unassignment(row) }, ...actions] };
}

/** The writes for the item, in addition to the one that ends its assignment. */
interface Arrival {
  readonly actions: readonly TransactWriteItem[];
  readonly tables: readonly Table[];
}

/** The known banks that the row can mean. If it names none (Python module): the first, which is our own. */
function originsOf(
  named: string | null,
  banksAtHand: readonly ItemBankTable[],
): readonly ItemBankTable[] {
  if (named === null) return banksAtHand.slice(0, 1);
  const namesake = banksAtHand.find(({ tableName }) => tableName === named);
  if (namesake !== undefined) return [namesake];
  const possible = banksAtHand.filter(({ tableName }) => canBeSameTable(tableName, named));
  // Two repositories for one table are one bank.
  return [...new Map(possible.map((bank) => [bank.tableName, bank])).values()];
}

/**
 * The row only selects one of the known banks, and its text is never used as a table name. Otherwise,
 * whoever can write the row could make this role write to any other table. If somebody added the item
 * again while it was assigned, it is still in the bank only once.
 */
function returnTo(origins: readonly ItemBankTable[], item: string): Arrival {
  const [bank] = origins;
  if (bank === undefined || origins.length > 1) throw new UnknownItemBankError(origins.length);
  const Put = { TableName: bank.tableName, Item: { [ITEM_KEY]: { S: item } } };
  return { tables: [bank], actions: [{ Put }] };
}

/** Writes to no bank. Without a known ledger, the retirement is recorded nowhere. */
function retireIn(origins: readonly ItemBankTable[], item: string): Arrival {
  const ledger = origins.length === 1 ? origins[0]?.ledger : null;
  if (ledger == null) return { tables: [], actions: [] };
  return { tables: [ledger], actions: [{ Update: ledger.retirement(item) }] };
}
