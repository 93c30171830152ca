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
   * The bank that the item came from, as recorded in its assignment: on DynamoDB the name or ARN of the
   * table, in memory the `name` of the bank. If several sales share one deduplication repository, it
   * shows whether the item is from another sale. `null` if the assignment does not name the bank: those
   * of the Python module, of pairs without an atomic claim, and of backends that leave it out.
   */
  readonly itemBankName: string | null;
};

export type NoItemLeft = {
  readonly status: 'exhausted';
  readonly item: null;
  readonly itemBankName?: undefined;
};

/** The result of an {@link AtomicClaim}: a {@link ClaimResult} that may leave out the bank. */
export type AtomicClaimResult =
  | (Omit<ClaimedItem, 'itemBankName'> & Partial<Pick<ClaimedItem, 'itemBankName'>>)
  | NoItemLeft;

/** Which item an ID has. */
export interface Assignment {
  readonly deduplicationId: string;
  readonly item: string;
  /** The table of its bank; `null` if the row does not name one, or the bank is not a table. */
  readonly itemBankTableName: string | null;
  /** `null` if the row has no time: the Python module does not write it. */
  readonly assignedAt: Date | null;
}

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
}

export interface AtomicReleaseOptions {
  /** Aborted when the caller no longer waits. Check it between two writes. */
  readonly signal?: AbortSignal | undefined;
  /** `return`: the item goes back into the bank that it came from. `retire`: nobody gets it again. */
  readonly fate: 'return' | 'retire';
  /**
   * Banks that items may return to, besides the pair's own: each can claim atomically with the
   * deduplication repository. The assignment says which of them to use. If it names any other bank, do
   * not write to that bank, but throw `UnknownItemBankError`. Default: none.
   */
  readonly banks?: readonly ItemBankRepository[] | undefined;
}

/** A claim that takes an item out of the bank and assigns it to an ID as one indivisible write. */
export interface AtomicClaim {
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

/**
 * Remembers which deduplication ID has which item. Both abstract methods must be safe to call from
 * many processes at once. Each throws on failure; a failure must never be reported as "none" or "taken".
 */
export abstract class DeduplicationRepository {
  /**
   * Strongly consistent: sees every `putDeduplicationId` that was resolved before the call.
   *
   * @returns the item of the ID, or `null` when it has none
   * @throws InvalidDeduplicationIdError when the ID is not a non-empty, well-formed string of
   *   ≤ 2,048 bytes
   */
  abstract getValueForDeduplicationId(deduplicationId: string): Promise<string | null>;

  /**
   * Assigns the item to the ID unless the ID has one. Atomic: of many calls for one ID, one succeeds.
   *
   * @throws DeduplicationIdAlreadyAssignedError when the ID has an item; the error holds that item
   * @throws InvalidDeduplicationIdError, InvalidItemError when a value cannot be a key
   */
  abstract putDeduplicationId(deduplicationId: string, item: string): Promise<void>;

  /**
   * Optional. Returns how this repository and the given item bank claim in one atomic write, or
   * `null` if they cannot. Without it, or with `null`, the `Deduplicator` claims in two steps. Called
   * once per `Deduplicator`, at its first claim.
   */
  atomicClaimWith?(itemRepo: ItemBankRepository): Promise<AtomicClaim | null>;
}
