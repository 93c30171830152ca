// What becomes of an assignment: released or retired, confirmed, its hold extended or taken back. Each is one
// statement, on the condition that the row has the version that was read: what is applied late changes no later
// assignment, not even one of the same item to the same ID.
import type {
  AtomicConfirmOptions,
  AtomicReleaseOptions,
  HoldOptions,
} from '../../contracts/atomic-writes.js';
import { UnknownItemBankError } from '../../contracts/errors.js';
import type { ItemBankRepository } from '../../contracts/item-bank-repository.js';
import { runtime } from '../../environment/runtime.js';
import { endOfExtendedHold } from '../../store-kit/hold.js';
import { textToKey } from '../../store-kit/key-text.js';
import { CLAIM_PATIENCE_MS, Patience } from '../../store-kit/patience.js';
import { assignmentOf, type Row } from '../deduplication-table.js';
import { type ItemBankTable, itemBankTables } from '../item-bank-table.js';
import { inTransaction, type Session } from '../session.js';
import { PATIENCE, withRetries, write } from '../statements.js';
import { within as inOwn } from './own-transaction.js';
import { makeOwnWrites, type PostgresWrite } from './own-writes.js';
import { type Pair, tableNamesOf } from './pair.js';

export async function releaseItem(
  pair: Pair,
  id: string,
  { fate, banks, ...options }: AtomicReleaseOptions<PostgresWrite>,
): Promise<string | null> {
  const row = await changeAssignment(pair, id, options, (read) =>
    releaseOf(pair, read, fate, banks),
  );
  return row && textToKey(row.item);
}

export async function confirmItem(
  pair: Pair,
  id: string,
  { item: expected, ...options }: AtomicConfirmOptions<PostgresWrite>,
): Promise<string | null> {
  const isExpected = ({ item }: Row) => expected === undefined || textToKey(item) === expected;
  const row = await changeAssignment(pair, id, options, (read) =>
    isExpected(read) && read.heldUntilMs !== null ? { set: 'held_until = null' } : null,
  );
  return row !== null && isExpected(row) ? textToKey(row.item) : null;
}

/** Takes the hold back if it is still as it was read: `null` if not. */
export async function releaseHold(
  pair: Pair,
  row: Row,
  { banks }: Pick<AtomicReleaseOptions, 'banks'>,
): Promise<string | null> {
  const patience = new Patience(CLAIM_PATIENCE_MS);
  const change = releaseOf(pair, row, 'return', banks);
  const isReleased = await withRetries(patience, pair.session, tableNamesOf(pair), () =>
    apply(pair, pair.session, row, change, patience),
  );
  return isReleased ? textToKey(row.item) : null;
}

/** The row, with its hold extended as far as that is asked for; `null` if the row has changed since. */
export async function extendHold(
  pair: Pair,
  session: Session,
  row: Row,
  hold: HoldOptions,
  patience: Patience,
): Promise<Row | null> {
  const end = endOfExtendedHold(assignmentOf(row), hold);
  if (end === null) return row;
  const change = { set: 'held_until = $4::text::timestamptz', value: end.toISOString() };
  const isExtended = await withRetries(patience, session, tableNamesOf(pair), () =>
    apply(pair, session, row, change, patience),
  );
  return isExtended ? { ...row, heldUntilMs: end.getTime() } : null;
}

/** What becomes of the row: other values, or its end, and further parts of the statement for its item. */
type Change =
  | { readonly set: string; readonly value?: string }
  | { readonly further: string | null; readonly value?: string };

type ChangeOptions = Pick<AtomicReleaseOptions<PostgresWrite>, 'signal' | 'alongside' | 'within'>;

/**
 * @param changeOf `null` if the row is to stay as it is
 * @returns the row before the change, `null` if there is none
 */
async function changeAssignment(
  pair: Pair,
  id: string,
  { signal, alongside, within }: ChangeOptions,
  changeOf: (row: Row) => Change | null,
): Promise<Row | null> {
  const patience = new Patience(CLAIM_PATIENCE_MS, signal);
  const change = async (session: Session) => {
    for (;;) {
      const row = await pair.table.find(id, session, patience.leftMs);
      const planned = row && changeOf(row);
      if (row === null || planned === null) return row;
      const isChanged = await withRetries(patience, session, tableNamesOf(pair), () =>
        alongside === undefined
          ? apply(pair, session, row, planned, patience)
          : applyWithOwnWrites(pair, row, planned, alongside, patience),
      );
      if (isChanged) return row;
      patience.assertLeft();
    }
  };
  return within === undefined ? change(pair.session) : inOwn(within, pair.names, change);
}

function applyWithOwnWrites(
  pair: Pair,
  row: Row,
  change: Change,
  alongside: (item: string) => PostgresWrite,
  patience: Patience,
): Promise<boolean> {
  return inTransaction(pair.client, pair.names, async (session, send) => {
    const isChanged = await apply(pair, session, row, change, patience);
    if (isChanged) await makeOwnWrites(send, alongside(textToKey(row.item)));
    return isChanged;
  });
}

/** Whether the row was still as it was read. */
async function apply(
  { table }: Pair,
  session: Session,
  { deduplicationId, version }: Row,
  change: Change,
  patience: Patience,
): Promise<boolean> {
  const condition = 'deduplication_id = $2::text and version = $3::text::bigint';
  const changed =
    'set' in change
      ? `update ${table.table} set ${change.set}, version = default from patience where ${condition}`
      : `delete from ${table.table} using patience where ${condition}`;
  const parts = [PATIENCE, `changed as (${changed} returning item)`];
  if ('further' in change && change.further !== null) parts.push(change.further);
  const statement = write(`with ${parts.join(', ')}
select count(*)::text as answer from changed`);
  const values = [
    session.lockTimeout,
    deduplicationId,
    version,
    ...('value' in change ? [change.value] : []),
  ];
  const [count] = await session.ask<number>(statement, values, patience.leftMs);
  return count === 1;
}

function releaseOf(
  { bank }: Pair,
  { itemBankName }: Row,
  fate: AtomicReleaseOptions['fate'],
  banks: readonly ItemBankRepository[] = [],
): Change {
  const known = [bank, ...banks.map((itemRepo) => itemBankTables.of(itemRepo))];
  const origin = originOf(itemBankName, known);
  if (fate === 'return') {
    if (origin === undefined) throw new UnknownItemBankError(0);
    return { further: origin.returningChanged() };
  }
  if (origin === undefined) return { further: null };
  const further = origin.retiringChanged('$4::text::timestamptz');
  return { further, value: runtime.date().toISOString() };
}

/** If the assignment names no bank, as in a claim of two steps, it is of the first: the pair's own. */
function originOf(
  named: string | null,
  known: readonly ItemBankTable[],
): ItemBankTable | undefined {
  return known.find(({ tableName }) => named === null || tableName === named);
}
