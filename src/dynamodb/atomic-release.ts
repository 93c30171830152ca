// The release on DynamoDB: the assignment ends and the item returns in one transaction.
//
//   GetItem on the ID ── has none ── TransactGetItems on the ID ── has none ─► null
//        │ has an item ◄───────────────── has one after all ┘
//   TransactWriteItems: delete the row if it is unchanged, put the item into its bank
//        │ committed ────────────────────────────────────────────────────────► the item
//        │ the row has changed ── read it again
//        │ anything else ── throw; the next call finds out what became of it
import type { TransactWriteItem } from '@aws-sdk/client-dynamodb';
import type { AtomicReleaseOptions } from '../deduplication-repository.js';
import { Patience } from '../patience.js';
import type { DeduplicationTable } from './deduplication-table.js';
import type { ItemBank } from './item-bank.js';
import { ITEM_KEY } from './tables.js';
import { CLAIM_PATIENCE_MS, sendTransaction } from './transaction.js';

export async function releaseItem(
  bank: ItemBank,
  table: DeduplicationTable,
  deduplicationId: string,
  { signal, fate }: AtomicReleaseOptions,
): Promise<string | null> {
  const patience = new Patience(CLAIM_PATIENCE_MS, signal);
  for (;;) {
    patience.assertLeft();
    const stored =
      (await table.readAssignment(deduplicationId)) ??
      (await table.readAssignmentInTransaction(deduplicationId));
    if (stored === null) return null;
    const { item } = stored.assignment;
    // Rows of the Python module's nodes do not tell where the item came from.
    const itemBankTableName = stored.assignment.itemBankTableName ?? bank.tableName;
    const outcome = await sendTransaction({
      client: table.client,
      tables: [table, { tableName: itemBankTableName, key: ITEM_KEY }],
      actions: [
        { Delete: table.unassignment(stored) },
        ...(fate === 'return' ? [addition(item, itemBankTableName)] : []),
      ],
      patienceMs: CLAIM_PATIENCE_MS,
      signal,
    });
    if (outcome.status === 'failed') throw outcome.error;
    if (outcome.status === 'committed') return item;
  }
}

/** Should somebody have added the item while it was assigned, it is in the bank once all the same. */
function addition(item: string, tableName: string): TransactWriteItem {
  return { Put: { TableName: tableName, Item: { [ITEM_KEY]: { S: item } } } };
}
