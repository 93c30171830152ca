/** How far a batch has come. `read` is always `added + repeats + alreadyKnown` once it is done. */
export interface BatchAddItemsReport {
  /** Items taken from the input. */
  readonly read: number;
  /** Items that this call put into the bank. */
  readonly added: number;
  /** Items dropped because the same input had held them before. */
  readonly repeats: number;
  /** Items that were already in the bank or in its ledger; they stay as they are. */
  readonly alreadyKnown: number;
}

export interface BatchAddItemsOptions {
  /**
   * Stops reading the input. The call waits for the writes that were sent, then throws
   * `BatchNotFullyAddedError` with the signal's reason as `cause`.
   */
  readonly signal?: AbortSignal | undefined;
  /** Called each time some items have been added. An error thrown by it stops the batch. */
  readonly onProgress?: ((progress: BatchAddItemsReport) => void) | undefined;
  /** How many writes run at once. The default depends on the backend. */
  readonly concurrency?: number | undefined;
  /**
   * A connection of yours with a transaction open on it, for a bank that can: the items are added when you
   * commit. A bank that cannot throws `FeatureNotSupportedError`. After an error, roll back.
   */
  readonly within?: object | undefined;
}

/**
 * Holds the items that nobody has yet. All methods must be safe to call from many processes at once.
 * Each throws on failure; a failure must never be reported as an empty bank.
 */
export abstract class ItemBankRepository {
  /**
   * Puts items into the bank, each one once. The input may be of any length and is read in constant
   * memory. Repeats within the last 100,000 different items or 8 MB of them, whichever is less, are
   * dropped and counted; older ones only while the bank still holds the item. Not atomic as a whole:
   * on failure, `BatchNotFullyAddedError` lists the items that were not added and those that may have been.
   *
   * An item that was handed out and is added again can be handed out again, unless the bank keeps a
   * ledger of all items that were ever added.
   *
   * @returns what was read, added and dropped; an empty input gives zeros
   * @throws InvalidOptionError when `items` is not an iterable of strings, or is itself a string
   * @throws InvalidItemError when an array or a set holds an invalid item; nothing was added
   * @throws BatchNotFullyAddedError on any failure after reading began
   */
  abstract batchAddItems(
    items: Iterable<string> | AsyncIterable<string>,
    options?: BatchAddItemsOptions,
  ): Promise<BatchAddItemsReport>;

  /**
   * Puts one item into the bank. Atomic. Does nothing if the bank already holds the item, or if it has
   * a ledger and the ledger knows the item.
   *
   * @throws InvalidItemError when the item is not a non-empty, well-formed string of ≤ 2,048 bytes
   */
  abstract addItemToBank(item: string): Promise<void>;

  /**
   * Takes any one item out of the bank; nobody else gets it. Atomic.
   *
   * @returns the item, or `null` when the bank is proven empty: no item stayed in it for the whole
   *   call
   * @throws ItemStrandedError when it is unknown whether an item was taken out
   */
  abstract getItemFromBank(): Promise<string | null>;

  /**
   * Gives back an item that `getItemFromBank` took. Atomic. Does nothing if the bank already holds the
   * item. By default the same as `addItemToBank`; a bank with a ledger must not check the ledger here, and
   * does not change it unless what is in the bank is the ledger.
   *
   * @throws InvalidItemError when the item is not a non-empty, well-formed string of ≤ 2,048 bytes
   */
  returnItemToBank(item: string): Promise<void> {
    return this.addItemToBank(item);
  }
}
