// What a claim and a release give, and the writes of a pair that cannot be divided.
import type { ItemBankRepository } from './item-bank-repository.js';

/**
 * The result of a claim. `claimed`: the ID got this item now. At most one caller gets `claimed` for
 * each assignment, and an ID has one assignment unless its item is released.
 * `existing`: the ID got this item in an earlier or a simultaneous call. `exhausted`: the ID
 * has no item, and no item stayed in the bank for the whole call.
 */
export type ClaimResult = ClaimedItem | NoItemLeft;

export type ClaimedItem = {
  readonly status: 'claimed' | 'existing';
  readonly item: string;
  /**
   * The bank that the item came from, by the name that its store gives it, as recorded in the
   * assignment. If several sales share one deduplication repository, it shows whether the item is from
   * another sale. `null` if the assignment does not name the bank: those of the Python module, of pairs
   * without atomic writes, and of backends that leave it out.
   */
  readonly itemBankName: string | null;
};

export type NoItemLeft = {
  readonly status: 'exhausted';
  readonly item: null;
  readonly itemBankName?: undefined;
};

/** The result of {@link AtomicWrites.claimItem}: a {@link ClaimResult} that may leave out the bank. */
export type AtomicClaimResult =
  | (Omit<ClaimedItem, 'itemBankName'> & Partial<Pick<ClaimedItem, 'itemBankName'>>)
  | NoItemLeft;

export interface AtomicClaimOptions {
  /** Aborted when nobody waits for the result any more. Check it between two writes. */
  readonly signal?: AbortSignal | undefined;
  /** The caller expects a new ID, so do not read the ID before the claim. */
  readonly skipFirstRead: boolean;
  /**
   * How long the claim has already waited in the queue of its process. Subtract it from the time for
   * which you retry. Default: 0.
   */
  readonly waitedMs?: number | undefined;
  /**
   * The claim is one of a bulk hand-out: nobody waits for this result alone, so prefer many claims a
   * second to a quick answer. Default: `false`.
   */
  readonly isInBulk?: boolean | undefined;
}

export interface AtomicReleaseOptions {
  /** Aborted when the caller no longer waits. Check it between two writes. */
  readonly signal?: AbortSignal | undefined;
  /** `return`: the item goes back into the bank that it came from. `retire`: nobody gets it again. */
  readonly fate: 'return' | 'retire';
  /**
   * Banks that items may return to, besides the pair's own: each has atomic writes with the
   * deduplication repository. The assignment says which of them to use. If it names any other bank, do
   * not write to that bank, but throw `UnknownItemBankError`. Default: none.
   */
  readonly banks?: readonly ItemBankRepository[] | undefined;
}

/**
 * What a pair of repositories does in one indivisible write, bank and assignment together. If a backend
 * lacks an optional method, what needs it throws a typed error.
 */
export interface AtomicWrites {
  /**
   * Optional. How many claims a bulk hand-out has under way unless its caller says how many: enough for
   * the store to write several at once. Default: 16.
   */
  readonly bulkConcurrency?: number | undefined;

  /**
   * Gives the ID an item. Both writes happen or neither, even if a process crashes. Resolves with
   * `exhausted` only if the ID has no item and no item stayed in the bank for the whole call.
   * Throws on failure; the caller may then retry.
   */
  claimItem(deduplicationId: string, options: AtomicClaimOptions): Promise<AtomicClaimResult>;

  /**
   * Optional. Ends the assignment of the ID, and with the fate `return` puts its item back. Both
   * writes happen or neither. A write that is applied after the call has ended must not end a later
   * assignment, not even one of the same item to the same ID. Throws on failure; the caller may then
   * retry.
   *
   * @returns the item that the ID had, or `null` when it had none
   * @throws UnknownItemBankError when the item should return to a bank that is neither the pair's own
   *   nor one of `banks`
   */
  releaseItem?(deduplicationId: string, options: AtomicReleaseOptions): Promise<string | null>;
}

/** @deprecated The earlier name of {@link AtomicWrites}. */
export type AtomicClaim = AtomicWrites;
