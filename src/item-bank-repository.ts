/** How far a batch has come. `read` is always `added + repeats + alreadyKnown` once it is done. */
export interface BatchAddItemsReport {
  /** Items taken from the input. */
  readonly read: number;
  /** Items that this call put into the bank. */
  readonly added: number;
  /** Items dropped because the same input had held them before. */
  readonly repeats: number;
  /** Items that the bank held already, or its ledger knew; they stay as they were. */
  readonly alreadyKnown: number;
}

export interface BatchAddItemsOptions {
  /**
   * Stops reading the input. What was sent is waited for, then the call throws
   * `BatchNotFullyAddedError` with the signal's reason as `cause`.
   */
  readonly signal?: AbortSignal | undefined;
  /** Called each time some items have been added. An error thrown by it stops the batch. */
  readonly onProgress?: ((progress: BatchAddItemsReport) => void) | undefined;
  /** How many writes are under way at once; a backend tells its default. */
  readonly concurrency?: number | undefined;
}

/**
 * The box with the items that are still to be handed out. All methods must be safe to call
 * from many processes at once. Each throws on failure; a failure must never read as an empty bank.
 */
export abstract class ItemBankRepository {
  /**
   * Puts items into the bank, each one once. The input may be of any length and is read in constant
   * memory. Repeats are dropped and counted, as far back as the last 100,000 different items or 8 MB of
   * them, whichever is less, and further as long as the bank still holds the item. Not atomic as a whole: on failure,
   * `BatchNotFullyAddedError` tells which items are in and which are not.
   *
   * An item that was handed out and is added again can be handed out again, unless the bank keeps a
   * ledger of what ever entered.
   *
   * @returns what was read, added and dropped; an empty input gives zeros
   * @throws InvalidOptionError when `items` is no iterable of strings (a string is none)
   * @throws InvalidItemError when an array or a set holds an invalid item: nothing was added then
   * @throws BatchNotFullyAddedError on any failure after reading began
   */
  abstract batchAddItems(
    items: Iterable<string> | AsyncIterable<string>,
    options?: BatchAddItemsOptions,
  ): Promise<BatchAddItemsReport>;

  /**
   * Puts one item into the bank. Atomic. Does nothing if the bank holds the item already or, where
   * it keeps a ledger, ever held it.
   *
   * @throws InvalidItemError when the item is no non-empty, well-formed string of ≤ 2,048 bytes
   */
  abstract addItemToBank(item: string): Promise<void>;

  /**
   * Takes one item out, whichever the backend likes: from then on nobody else gets it. Atomic.
   *
   * @returns the item, or `null` when the bank is proven empty: no item stayed in it for the whole
   *   call
   * @throws ItemStrandedError when it is unknown whether an item was taken out
   */
  abstract getItemFromBank(): Promise<string | null>;

  /**
   * Gives one item back that `getItemFromBank` took. Atomic. Does nothing if the bank holds the item
   * already. The same as `addItemToBank`, except for a bank with a ledger, which is not asked then.
   *
   * @throws InvalidItemError when the item is no non-empty, well-formed string of ≤ 2,048 bytes
   */
  returnItemToBank(item: string): Promise<void> {
    return this.addItemToBank(item);
  }
}
