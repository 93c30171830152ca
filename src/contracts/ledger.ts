import type { BatchAddItemsOptions, BatchAddItemsReport } from './item-bank-repository.js';
import type { DeduplicationLooking } from './looking.js';
import { hasMethods } from './validation.js';

/**
 * Optional contract of an item bank: it can keep a ledger, which remembers every item that ever entered,
 * so that none enters a second time. Ask for it by {@link canFillLedger}.
 */
export interface ItemBankLedger {
  /**
   * For a bank that was seeded without a ledger: enters into the ledger every item that is in the bank,
   * and then every item that was handed out from it. Assignments of other banks are left out; those that
   * do not name their bank, such as those of the Python module, count as this bank's own.
   *
   * Claims may continue meanwhile. Nothing may take items back, because such an item could be missed: no
   * releases, no claims in two steps, no nodes of the Python module. Scripts that add items without the
   * ledger must not run either.
   *
   * Not atomic as a whole. If it stops for any reason, run it again.
   *
   * @param deduplicationRepo who has the items of this bank, in any store
   * @param options as those of `batchAddItems`
   * @returns `read` items, of which `added` are new to the ledger, `alreadyKnown` were in it, and
   *   `repeats` were seen twice, because they were handed out meanwhile
   * @throws InvalidOptionError when the bank has no ledger or an argument cannot be used
   * @throws BatchNotFullyAddedError on any failure after reading began
   */
  fillLedger(
    deduplicationRepo: DeduplicationLooking,
    options?: BatchAddItemsOptions,
  ): Promise<BatchAddItemsReport>;
}

/** Whether the value is an item bank that can keep a ledger. This one may have been made without. */
export function canFillLedger(value: unknown): value is ItemBankLedger {
  return hasMethods(value, 'fillLedger');
}
