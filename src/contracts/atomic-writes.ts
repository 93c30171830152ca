// What a claim and a release give, and the writes of a pair that cannot be divided.
import type { ItemBankRepository } from './item-bank-repository.js';

/**
 * The result of a claim. `claimed`: the ID got this item now. At most one caller gets `claimed` for
 * each assignment, and an ID has one assignment unless its item is released.
 * `existing`: the ID got this item in an earlier or a simultaneous call. `exhausted`: the ID
 * has no item, and no item stayed in the bank for the whole call.
 */
export type ClaimResult = ClaimedItem | NoItemLeft;

/**
 * The result of a claim of a chosen item. `existing`: the ID has an item already, perhaps another one.
 * `taken`: the ID has no item, and at one moment of the call the chosen one was not in the bank.
 */
export type ChosenClaimResult = ClaimedItem | ItemTaken;

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
  /**
   * When the hold on the item ends, if the ID only holds it; `null` if it has it for good. The hold
   * does not end by itself: see `Deduplicator.releaseExpiredHolds`.
   */
  readonly heldUntil: Date | null;
};

export type NoItemLeft = {
  readonly status: 'exhausted';
  readonly item: null;
  readonly itemBankName?: undefined;
  readonly heldUntil?: undefined;
};

export type ItemTaken = {
  readonly status: 'taken';
  readonly item: null;
  readonly itemBankName?: undefined;
  readonly heldUntil?: undefined;
};

/** The result of any claim. `taken` only if an item was asked for, `exhausted` only if none was. */
export type AnyClaimResult = ClaimResult | ItemTaken;

/** What one ID of a group has, or is about to get. */
export type GroupMember = { readonly deduplicationId: string } & ClaimedItem;

/**
 * The result of a group. `claimed`: every ID has an item, and at least one of them got it now.
 * `existing`: every ID had one already. `exhausted`: nothing was written, because fewer items than were
 * needed stayed in the bank for the whole call.
 */
export type GroupClaimResult =
  | {
      readonly status: 'claimed' | 'existing';
      /** In the order of the IDs. */
      readonly members: readonly GroupMember[];
    }
  | {
      readonly status: 'exhausted';
      /** How many of the IDs had no item. */
      readonly itemsNeeded: number;
      /** How many items the call saw in the bank and did not find taken: fewer than were needed. */
      readonly itemsSeen: number;
      readonly members?: undefined;
    };

type Leaving<Type, Key extends keyof Type> = Omit<Type, Key> & Partial<Pick<Type, Key>>;

/**
 * The result of {@link AtomicWrites.claimItem}. It may leave out the bank and, of an item that the ID has
 * for good, the end of the hold. `taken` only if an item was asked for.
 */
export type AtomicClaimResult =
  | Leaving<ClaimedItem, 'itemBankName' | 'heldUntil'>
  | NoItemLeft
  | ItemTaken;

/** An option of {@link AtomicWrites} that not every pair knows. */
export type AtomicWritesFeature = 'item' | 'holdForMs' | 'alongside' | 'within';

/** How long an ID holds an item unless it is confirmed. */
export interface HoldOptions {
  /**
   * The claim only holds the item for so long. A hold that the ID has already is extended to the later of
   * the two ends; what it has for good stays so. Default: for good.
   */
  readonly holdForMs?: number | undefined;
  /** The longest that an ID may hold an item, from its assignment on, however often it asks. */
  readonly maxHoldMs?: number | undefined;
}

/** @typeParam OwnWrites what the pair can write for its caller in the same commit */
export interface AtomicClaimOptions<OwnWrites = never> extends HoldOptions {
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
  /** Claim this item and no other. */
  readonly item?: string | undefined;
  /**
   * The caller's own writes, committed with the claim or not at all, and not if the ID has an item
   * already. Call it once for each item that is tried. If they are refused although the claim could be
   * made, throw `AlongsideRefusedError`.
   */
  readonly alongside?: ((item: string) => OwnWrites) | undefined;
  /**
   * A connection of the caller's with a transaction open on it: the call is a part of that transaction, and
   * comes to pass only if the caller commits. Prove that the transaction is open, share nothing with other
   * calls, and retry nothing that ends a transaction: such errors reach the caller.
   */
  readonly within?: object | undefined;
}

/** @typeParam OwnWrites what the pair can write for its caller in the same commit */
export interface AtomicGroupOptions<OwnWrites = never> extends HoldOptions {
  readonly signal?: AbortSignal | undefined;
  /** As in {@link AtomicClaimOptions}. */
  readonly waitedMs?: number | undefined;
  /** As in {@link AtomicClaimOptions}, for the whole group. */
  readonly alongside?: ((members: readonly GroupMember[]) => OwnWrites) | undefined;
}

/** @typeParam OwnWrites what the pair can write for its caller in the same commit */
export interface AtomicConfirmOptions<OwnWrites = never> {
  readonly signal?: AbortSignal | undefined;
  /** Confirm only if the ID has this item. */
  readonly item?: string | undefined;
  /** As in {@link AtomicClaimOptions}; not if the ID has the item for good already. */
  readonly alongside?: ((item: string) => OwnWrites) | undefined;
  /** As in {@link AtomicClaimOptions}. */
  readonly within?: object | undefined;
}

/** A hold that had ended when it was read. */
export interface ExpiredHold {
  /** As the store keeps it: a hash, in a repository that keeps no clear IDs. */
  readonly deduplicationId: string;
  /**
   * Like {@link AtomicWrites.releaseItem} with the fate `return`, but only if the hold is still the one
   * that was read: a hold that was confirmed or extended since stays.
   *
   * @returns the item, or `null` when there was nothing to take back
   */
  release(options: Pick<AtomicReleaseOptions, 'signal' | 'banks'>): Promise<string | null>;
}

/** @typeParam OwnWrites what the pair can write for its caller in the same commit */
export interface AtomicReleaseOptions<OwnWrites = never> {
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
  /** As in {@link AtomicClaimOptions}; not if the ID has no item. */
  readonly alongside?: ((item: string) => OwnWrites) | undefined;
  /** As in {@link AtomicClaimOptions}. */
  readonly within?: object | undefined;
}

/**
 * What a pair of repositories does in one indivisible write, bank and assignment together. If a backend
 * lacks an optional method or feature, what needs it throws a typed error.
 *
 * @typeParam OwnWrites what the pair can write for its caller in the same commit
 */
export interface AtomicWrites<OwnWrites = never> {
  /**
   * The options that the methods honour. A call with any other one is refused before it gets here.
   * Default: none.
   */
  readonly features?: readonly AtomicWritesFeature[] | undefined;

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
  claimItem(
    deduplicationId: string,
    options: AtomicClaimOptions<OwnWrites>,
  ): Promise<AtomicClaimResult>;

  /**
   * Optional. Gives an item to each of the IDs that has none. All writes happen or none. That the others
   * keep theirs is a condition of the same write. Resolves with `exhausted` only if fewer items than were
   * needed stayed in the bank for the whole call. Calls for the last items must not keep each other from
   * ending.
   *
   * @param deduplicationIds different ones, up to `MAX_GROUP_IDS`
   */
  claimItems?(
    deduplicationIds: readonly string[],
    options: AtomicGroupOptions<OwnWrites>,
  ): Promise<GroupClaimResult>;

  /**
   * Optional; needed for the feature `holdForMs`. Makes the hold of the ID permanent, if it is still as it
   * was read: a later hold, of the same item too, must not be confirmed by a write that is applied late.
   * Does not look at the clock: a hold that has ended and was not taken back yet is confirmed.
   *
   * @returns the item, also if the ID has it for good already; `null` when the ID has no item, or not the
   *   one that was asked for
   */
  confirmItem?(
    deduplicationId: string,
    options: AtomicConfirmOptions<OwnWrites>,
  ): Promise<string | null>;

  /**
   * Optional; needed for the feature `holdForMs`. The holds that had ended at that time. A hint: some may be
   * missing that ended shortly before.
   */
  expiredHolds?(options: {
    readonly at: Date;
    readonly signal?: AbortSignal | undefined;
  }): AsyncIterable<ExpiredHold>;

  /**
   * Optional. Ends the assignment of the ID, and with the fate `return` puts its item back. Both
   * writes happen or neither. A write that is applied after the call has ended must not end a later
   * assignment, not even one of the same item to the same ID, nor one whose hold has changed since. Throws on
   * failure; the caller may then retry.
   *
   * @returns the item that the ID had, or `null` when it had none
   * @throws UnknownItemBankError when the item should return to a bank that is neither the pair's own
   *   nor one of `banks`
   */
  releaseItem?(
    deduplicationId: string,
    options: AtomicReleaseOptions<OwnWrites>,
  ): Promise<string | null>;
}

/** @deprecated The earlier name of {@link AtomicWrites}. */
export type AtomicClaim = AtomicWrites;
