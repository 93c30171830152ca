// Fills a ledger from what the bank holds and what was handed out from it, for every backend.
import type {
  BatchAddItemsOptions,
  BatchAddItemsReport,
} from '../contracts/item-bank-repository.js';
import {
  canLookAtAssignments,
  type DeduplicationLooking,
  type ItemBankLooking,
} from '../contracts/looking.js';
import { assertOption } from '../contracts/validation.js';
import { addInChunks, type ChunkedAdd } from './batch-add.js';

/**
 * Implements `fillLedger` with a function that enters one chunk of items into the ledger alone.
 *
 * @throws InvalidOptionError when the assignments cannot be listed, or an option cannot be used
 */
export async function fillLedgerInChunks(
  itemRepo: ItemBankLooking,
  deduplicationRepo: DeduplicationLooking,
  options: BatchAddItemsOptions,
  ledger: ChunkedAdd,
): Promise<BatchAddItemsReport> {
  assertOption(
    canLookAtAssignments(deduplicationRepo),
    'deduplicationRepo',
    'a deduplication repository whose assignments can be listed',
    deduplicationRepo,
    'Pass the one that remembers who has the items of this bank.',
  );
  return addInChunks(everyItemOf(itemRepo, deduplicationRepo), options, ledger);
}

/**
 * Reads the bank first, so that an item that is handed out meanwhile is seen in at least one place.
 * Yields the item of the bank's first assignment last: while the ledger lacks it, the filling is not
 * complete.
 */
async function* everyItemOf(
  itemRepo: ItemBankLooking,
  deduplicationRepo: DeduplicationLooking,
): AsyncGenerator<string, void, void> {
  yield* itemRepo.listItems();
  let first: string | undefined;
  for await (const assignment of deduplicationRepo.listAssignments()) {
    if (!itemRepo.ownsAssignment(assignment)) continue;
    if (first === undefined) first = assignment.item;
    else yield assignment.item;
  }
  if (first !== undefined) yield first;
}
