// The release on DynamoDB: the assignment ends and the item returns in one transaction.
//
//   GetItem on the ID ── has none ── TransactGetItems on the ID ── has none ─► null
//        │ has an item ◄───────────────── has one after all ┘
//   find the bank that the row names among the known ones ── to return, but none ─► throw
//        │
//   TransactWriteItems: delete the row if it is unchanged, put the item into its bank, or, to
//        │ retire it, note that in the ledger of its bank, if that is known
//        │ committed ────────────────────────────────────────────────────────► the item
//        │ the row has changed ── read it again
//        │ anything else ── throw; the next call finds out what became of it
import type { AtomicReleaseOptions } from '../../contracts/atomic-writes.js';
import { UnknownItemBankError } from '../../contracts/errors.js';
import { CLAIM_PATIENCE_MS, Patience } from '../../store-kit/patience.js';
import type { DeduplicationTable } from '../deduplication-table.js';
import { type ItemBankTable, itemBankTables } from '../item-bank-table.js';
import type { Table } from '../table.js';
import { canBeSameTable, ITEM_KEY } from '../tables.js';
import { sendTransaction, type Transaction } from '../transaction.js';

export async function releaseItem(
  bank: ItemBankTable,
  table: DeduplicationTable,
  deduplicationId: string,
  { signal, fate, banks = [] }: AtomicReleaseOptions,
): Promise<string | null> {
  const banksAtHand = [bank, ...banks.map((itemRepo) => itemBankTables.of(itemRepo))];
  const patience = new Patience(CLAIM_PATIENCE_MS, signal);
  for (;;) {
    patience.assertLeft();
    const row =
      (await table.readRow(deduplicationId)) ?? (await table.readRowInTransaction(deduplicationId));
    if (row === undefined) return null;
    const { item, itemBankTableName } = table.assignmentOf(row);
    const origins = originsOf(itemBankTableName, banksAtHand);
    const arrival = fate === 'return' ? returnTo(origins, item) : retireIn(origins, item);
    const outcome = await sendTransaction({
      patience,
      tables: [table, ...arrival.tables],
      actions: [{ Delete: table.unassignment(row) }, ...arrival.actions],
      patienceMs: CLAIM_PATIENCE_MS,
      signal,
    });
    if (outcome.status === 'failed') throw outcome.error;
    if (outcome.status === 'committed') return item;
  }
}

/** The writes for the item, in addition to the one that ends its assignment. */
interface Arrival extends Pick<Transaction, 'actions'> {
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
