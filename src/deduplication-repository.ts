import type { ItemBankRepository } from './item-bank-repository.js';

/**
 * What a call for an item came to. `claimed`: the ID got its item now, told to one caller at most
 * for each time that the ID gets one, which is once unless its item is released.
 * `existing`: the ID has had this item since an earlier or a simultaneous call. `exhausted`: the ID
 * has none, and no item stayed in the bank for the whole call.
 */
export type ClaimResult = ClaimedItem | NoItemLeft;

export type ClaimedItem = {
  readonly status: 'claimed' | 'existing';
  readonly item: string;
  /**
   * The bank that the item came from, as its assignment tells: on DynamoDB the name or ARN of the
   * table, in memory the `name` of the bank. Where several sales share one deduplication repository,
   * it tells an item of another sale. `null` where the assignment does not tell: those of the Python
   * module, of pairs without an atomic claim, and of backends that do not say.
   */
  readonly itemBankName: string | null;
};

export type NoItemLeft = {
  readonly status: 'exhausted';
  readonly item: null;
  readonly itemBankName?: undefined;
};

/** What an {@link AtomicClaim} comes to: a {@link ClaimResult} that need not tell the bank. */
export type AtomicClaimResult =
  | (Omit<ClaimedItem, 'itemBankName'> & Partial<Pick<ClaimedItem, 'itemBankName'>>)
  | NoItemLeft;

/** Which item an ID has. */
export interface Assignment {
  readonly deduplicationId: string;
  readonly item: string;
  /** The bank that it came from; `null` where the row does not tell, or the bank is no table. */
  readonly itemBankTableName: string | null;
  /** `null` where the row does not tell: the Python module does not write it. */
  readonly assignedAt: Date | null;
}

export interface AtomicClaimOptions {
  /** Aborted when nobody waits for the result any more. To be looked at between two writes. */
  readonly signal?: AbortSignal | undefined;
  /** The caller expects a new ID: looking for an existing item before the claim is a waste. */
  readonly skipFirstRead: boolean;
}

export interface AtomicReleaseOptions {
  /** Aborted when the caller waits no more. To be looked at between two writes. */
  readonly signal?: AbortSignal | undefined;
  /** `return`: the item goes back to the bank that it came from; `retire`: it goes nowhere. */
  readonly fate: 'return' | 'retire';
  /**
   * Banks that items may return to, besides the pair's own: each can claim atomically with the
   * deduplication repository. The assignment tells which of them it is. It is no reason to write to
   * any other bank: that throws `UnknownItemBankError`. Default: none.
   */
  readonly banks?: readonly ItemBankRepository[] | undefined;
}

/** A claim that takes an item out of the bank and assigns it to an ID as one indivisible write. */
export interface AtomicClaim {
  /**
   * Gives the ID its item: both writes happen or neither, whatever crashes. Resolves with
   * `exhausted` only if the ID has no item and no item stayed in the bank for the whole call.
   * Throws on failure, after which the same call may be made again.
   */
  claimItem(deduplicationId: string, options: AtomicClaimOptions): Promise<AtomicClaimResult>;

  /**
   * Optional. Ends the assignment of the ID, and with the fate `return` puts its item back: both
   * writes happen or neither. A write that lands when the call has ended ends no later assignment,
   * not even one of the same item to the same ID. Throws on failure, after which the same call may
   * be made again.
   *
   * @returns the item that the ID had, or `null` when it had none
   * @throws UnknownItemBankError when the item is to return to a bank that is not at hand
   */
  releaseItem?(deduplicationId: string, options: AtomicReleaseOptions): Promise<string | null>;
}

/**
 * Remembers which deduplication ID has which item. Both abstract methods must be safe to call from
 * many processes at once. Each throws on failure; a failure must never read as "none" or "taken".
 */
export abstract class DeduplicationRepository {
  /**
   * Strongly consistent: sees every `putDeduplicationId` that was resolved before the call.
   *
   * @returns the item of the ID, or `null` when it has none
   * @throws InvalidDeduplicationIdError when the ID is no non-empty, well-formed string of
   *   ≤ 2,048 bytes
   */
  abstract getValueForDeduplicationId(deduplicationId: string): Promise<string | null>;

  /**
   * Assigns the item to the ID unless the ID has one. Atomic: of many calls for one ID, one wins.
   *
   * @throws DeduplicationIdAlreadyAssignedError with the existing item when the ID has one
   * @throws InvalidDeduplicationIdError, InvalidItemError when a value cannot be a key
   */
  abstract putDeduplicationId(deduplicationId: string, item: string): Promise<void>;

  /**
   * Optional. What this repository and the given item bank can do in one atomic write. A backend
   * without it, or a pair for which it gives `null`, is served by the two-step protocol of the
   * `Deduplicator`. Asked once per `Deduplicator`, at its first claim.
   */
  atomicClaimWith?(itemRepo: ItemBankRepository): Promise<AtomicClaim | null>;
}
