// The release on DynamoDB: the assignment ends and the item returns in one transaction.
//
//   GetItem on the ID ── has none ── TransactGetItems on the ID ── has none ─► null
//        │ has an item ◄───────────────── has one after all ┘
//   TransactWriteItems: delete the row if it is unchanged, put the item into its bank, or, to
//        │ retire it, note that in the ledger
//        │ committed ────────────────────────────────────────────────────────► the item
//        │ the row has changed ── read it again
//        │ anything else ── throw; the next call finds out what became of it
import type { AtomicReleaseOptions } from '../deduplication-repository.js';
import { Patience } from '../patience.js';
import type { DeduplicationTable } from './deduplication-table.js';
import type { ItemBank } from './item-bank.js';
import type { Ledger } from './ledger.js';
import type { TableReference } from './refusals.js';
import { ITEM_KEY, shortTableName } from './tables.js';
import { CLAIM_PATIENCE_MS, sendTransaction, type Transaction } from './transaction.js';

export async function releaseItem(
  bank: ItemBank,
  table: DeduplicationTable,
  deduplicationId: string,
  { signal, fate }: AtomicReleaseOptions,
): Promise<string | null> {
  const patience = new Patience(CLAIM_PATIENCE_MS, signal);
  for (;;) {
    patience.assertLeft();
    const row =
      (await table.readRow(deduplicationId)) ?? (await table.readRowInTransaction(deduplicationId));
    if (row === undefined) return null;
    const { item, itemBankTableName } = table.assignmentOf(row);
    const origin = itemBankTableName ?? bank.tableName;
    const isFromOwnBank = shortTableName(origin) === shortTableName(bank.tableName);
    const ledger = isFromOwnBank ? bank.ledger : null;
    const arrival =
      fate === 'return'
        ? returnTo({ tableName: origin, key: ITEM_KEY }, item)
        : retireIn(ledger, item);
    const outcome = await sendTransaction({
      client: table.client,
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

/** What happens to the item, beside the end of its assignment. */
type Arrival = Pick<Transaction, 'tables' | 'actions'>;

/** Should somebody have added the item while it was assigned, it is in the bank once all the same. */
function returnTo(bank: TableReference, item: string): Arrival {
  const Put = { TableName: bank.tableName, Item: { [ITEM_KEY]: { S: item } } };
  return { tables: [bank], actions: [{ Put }] };
}

/** Without a ledger no place tells of an item that is gone. */
function retireIn(ledger: Ledger | null, item: string): Arrival {
  if (ledger === null) return { tables: [], actions: [] };
  return { tables: [ledger], actions: [{ Update: ledger.retirement(item) }] };
}
