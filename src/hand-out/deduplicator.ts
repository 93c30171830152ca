import type {
  AnyClaimResult,
  AtomicReleaseOptions,
  ChosenClaimResult,
  ClaimResult,
  GroupClaimResult,
  GroupMember,
} from '../contracts/atomic-writes.js';
import type { DeduplicationRepository } from '../contracts/deduplication-repository.js';
import type {
  BatchAddItemsOptions,
  BatchAddItemsReport,
  ItemBankRepository,
} from '../contracts/item-bank-repository.js';
import {
  assertAlongside,
  assertDeduplicationId,
  assertGroup,
  assertHold,
  assertItem,
  assertOption,
  assertSignal,
  assertWithin,
  hasMethods,
} from '../contracts/validation.js';
import type { Logger } from '../environment/logger.js';
import { runtime } from '../environment/runtime.js';
import { attachedState } from '../store-kit/attached-state.js';
import { untilAborted } from '../store-kit/until-aborted.js';
import { type BulkClaimOptions, claimInBulk, type HandOut } from './bulk-claim.js';
import { Claimer, type ClaimWishes } from './claimer.js';
import {
  assertSweepOptions,
  type ExpiredHoldsReport,
  type ReleaseExpiredHoldsOptions,
  takeBackHolds,
} from './expired-holds.js';

export interface DeduplicatorOptions<OwnWrites = never> {
  /** Where the items come from. */
  readonly itemRepo: ItemBankRepository;
  /** Remembers who has which item. Several deduplicators may share one. */
  readonly deduplicationRepo: DeduplicationRepository<OwnWrites>;
  /**
   * Further banks that items may be released to through this deduplicator, where several banks share
   * one deduplication repository. Each has to share atomic writes with it, so it has to be in the same
   * store. A release never writes to a bank that is neither here nor `itemRepo`, even if an assignment
   * names it. Default: none.
   */
  readonly releaseBanks?: readonly ItemBankRepository[] | undefined;
  /**
   * Claims without reading first whether the ID has an item. Saves a read for each new ID and costs
   * a refused write for each returning one. A call whose ID is likely to have an item reads all the same:
   * it waited for another call with the ID, or the latest ID of its bulk hand-out had an item. Only pairs
   * with atomic writes can skip the read; others ignore the option. Default: `false`.
   */
  readonly skipFirstRead?: boolean | undefined;
  /**
   * The longest that an ID may hold an item, in milliseconds from its assignment on, however often it asks
   * for a hold. Longer ones end then. Default: no limit.
   */
  readonly maxHoldMs?: number | undefined;
  /**
   * Adds deduplication IDs and items to the events of this deduplicator's calls. Default: `false`,
   * because IDs are personal data and items are worth money.
   */
  readonly revealInEvents?: boolean | undefined;
  /** Default: `console`, from the level in `STORAGE_BOX_LOGGING_LEVEL` (default `WARNING`) on. */
  readonly logger?: Logger | undefined;
}

/** What the methods of a {@link Deduplicator} have in common. */
export interface CallOptions {
  /**
   * Stops the waiting: the call throws the signal's reason. A write that was already sent may still be
   * applied; a later call with the same ID finds out.
   */
  readonly signal?: AbortSignal | undefined;
}

/** @typeParam OwnWrites what the pair can write for its caller in the same commit */
export interface ClaimOptions<OwnWrites = never> extends CallOptions {
  /**
   * Only holds the item, for so many milliseconds, until `confirm` makes it permanent. If the ID holds its
   * item already, the hold is extended to the later of the two ends; what it has for good stays so. Default:
   * for good.
   */
  readonly holdForMs?: number | undefined;
  /**
   * Own writes that are committed with the claim, or not at all: an order, a message to send. Called once
   * for each item that is tried, maybe for several before one can be had, so let it do nothing but return the
   * writes. They are not made if the ID has an item already. If they are refused, such as by a condition of
   * theirs, the claim throws `AlongsideRefusedError`. A claim with own writes shares no request with others.
   */
  readonly alongside?: ((item: string) => OwnWrites) | undefined;
  /**
   * Your own open transaction, on a store that can join it: the connection on which you began it.
   * The call is a part of it: an order and its seat come to pass together when you commit, or not at all. The
   * call shares nothing with others and retries nothing that ends a transaction: after such an error, repeat
   * the whole transaction. Its result, and its event, hold once you have committed. Not beside `alongside`.
   */
  readonly within?: object | undefined;
}

/** @typeParam OwnWrites as in {@link ClaimOptions} */
export interface ChosenClaimOptions<OwnWrites = never> extends ClaimOptions<OwnWrites> {
  /** The item to claim: a seat, a vanity code. */
  readonly item: string;
}

/** @typeParam OwnWrites as in {@link ClaimOptions} */
export interface GroupClaimOptions<OwnWrites = never> extends CallOptions {
  /** As in {@link ClaimOptions}, for each ID of the group. */
  readonly holdForMs?: number | undefined;
  /**
   * As in {@link ClaimOptions}, called with what each ID has or is about to get, in the order of the IDs. Not
   * called if each of them has an item already.
   */
  readonly alongside?: ((members: readonly GroupMember[]) => OwnWrites) | undefined;
}

/** @typeParam OwnWrites as in {@link ClaimOptions} */
export interface ConfirmOptions<OwnWrites = never> extends CallOptions {
  /** Confirms only if the ID has this item. Default: whatever it has. */
  readonly item?: string | undefined;
  /** As in {@link ClaimOptions}. Not made if the ID has its item for good already. */
  readonly alongside?: ((item: string) => OwnWrites) | undefined;
  /** As in {@link ClaimOptions}. */
  readonly within?: object | undefined;
}

/** @typeParam OwnWrites as in {@link ClaimOptions} */
export interface ReleaseOptions<OwnWrites = never> extends CallOptions {
  /** As in {@link ClaimOptions}. Not made if the ID has no item. */
  readonly alongside?: ((item: string) => OwnWrites) | undefined;
  /** As in {@link ClaimOptions}. */
  readonly within?: object | undefined;
}

/**
 * Gives each deduplication ID at most one item, and each item to at most one ID, even when many
 * processes ask at once.
 *
 * Create one instance per process and use it for all calls: they then share requests.
 *
 * @typeParam OwnWrites what the pair can write for its caller in the same commit, inferred from
 *   `deduplicationRepo`, whose documentation says what it is
 */
export class Deduplicator<OwnWrites = never> {
  readonly itemRepo: ItemBankRepository;
  readonly deduplicationRepo: DeduplicationRepository<OwnWrites>;

  /** @throws InvalidOptionError when a repository lacks a method of its contract */
  constructor(options: DeduplicatorOptions<OwnWrites>) {
    const {
      itemRepo,
      deduplicationRepo,
      releaseBanks = [],
      skipFirstRead = false,
      maxHoldMs,
      revealInEvents = false,
      logger,
    } = options ?? {};
    assertOption(
      isItemBankRepository(itemRepo),
      'itemRepo',
      'an ItemBankRepository',
      itemRepo,
      'Pass a repository of this package, or a class of your own with its methods.',
    );
    assertOption(
      hasMethods(deduplicationRepo, 'getValueForDeduplicationId', 'putDeduplicationId'),
      'deduplicationRepo',
      'a DeduplicationRepository',
      deduplicationRepo,
      'Pass a repository of this package, or a class of your own with its methods.',
    );
    assertOption(
      Array.isArray(releaseBanks) && releaseBanks.every(isItemBankRepository),
      'releaseBanks',
      'an array of ItemBankRepository',
      releaseBanks,
      'Pass the repositories of the other banks whose items may be released, or leave it out.',
    );
    assertOption(
      typeof skipFirstRead === 'boolean',
      'skipFirstRead',
      'true or false',
      skipFirstRead,
      'Leave it out for false.',
    );
    assertOption(
      typeof revealInEvents === 'boolean',
      'revealInEvents',
      'true or false',
      revealInEvents,
      'Leave it out for false.',
    );
    assertHold('maxHoldMs', maxHoldMs);
    this.itemRepo = itemRepo;
    this.deduplicationRepo = deduplicationRepo;
    claimers.attach(
      this,
      new Claimer({
        itemRepo,
        deduplicationRepo,
        // Copied, so that a later change of the caller's array cannot let a release write elsewhere.
        releaseBanks: [...releaseBanks],
        skipFirstRead,
        maxHoldMs,
        revealInEvents,
        logger,
      }),
    );
  }

  /**
   * Returns the item of the ID: the one it has, or else one from the bank that nobody else gets.
   *
   * With a pair that has atomic writes, as every pair of this package has, assignment and removal are
   * one write: nothing is lost or given twice, even if a process crashes. With any other pair nothing is
   * given twice, but a crash between the two writes strands one item.
   *
   * @returns the item, or `null` when the ID has none and no item stayed in the bank for the whole
   *   call
   * @throws InvalidDeduplicationIdError when the ID is not a non-empty, well-formed string of ≤ 2,048
   *   bytes in UTF-8
   * @throws ContentionError when no attempt succeeded in time; nothing was written
   * @throws OutcomeUnknownError when no answer said whether the write was applied
   * @throws ItemStrandedError with a pair that has no atomic writes; it holds the item
   * @throws ServiceUnreachableError when the service could not be connected to; nothing was written
   * @throws AccountMismatchError when the clients of the two repositories belong to two accounts
   * @throws InvalidOptionError when an option cannot be used; nothing was written
   * @throws FeatureNotSupportedError with an option that the pair does not know; nothing was written
   * @throws AlongsideRefusedError when the writes of `alongside` were refused; nothing was written
   * @throws the backend's own errors (access denied, no credentials, throttling) as they are
   *
   * After any error the call may be retried.
   */
  fetchItemForDeduplicationId(
    deduplicationId: string,
    options?: ClaimOptions<OwnWrites>,
  ): Promise<string | null> {
    return this.claim(deduplicationId, options).then(({ item }) => item);
  }

  /**
   * Like {@link fetchItemForDeduplicationId}, but also says whether the ID got its item now (`claimed`)
   * or had it already (`existing`). At most one call returns `claimed` for each assignment: if its
   * answer is lost, the retry returns `existing`.
   *
   * With `item`, it gives the ID that item or none, in one write and without a search: `taken` says that the
   * item was not free. With `holdForMs`, the ID only holds the item: the result has the end as `heldUntil`.
   * A claim without it neither confirms nor extends a hold. See the guide to a seat sale in the
   * documentation.
   *
   * @throws InvalidItemError when `item` cannot be one
   */
  claim(
    deduplicationId: string,
    options: ChosenClaimOptions<OwnWrites>,
  ): Promise<ChosenClaimResult>;
  claim(
    deduplicationId: string,
    options: ClaimOptions<OwnWrites> & { readonly item: string | undefined },
  ): Promise<AnyClaimResult>;
  claim(deduplicationId: string, options?: ClaimOptions<OwnWrites>): Promise<ClaimResult>;
  async claim(
    deduplicationId: string,
    options: ClaimOptions<OwnWrites> & { readonly item?: string | undefined } = {},
  ): Promise<AnyClaimResult> {
    assertDeduplicationId(deduplicationId);
    assertSignal(options.signal);
    return claimers.of(this).claim(deduplicationId, options.signal, wishesOf(options));
  }

  /**
   * Gives an item to each of the IDs, or to none: for a group of seats or an order of several items. IDs that
   * have an item keep it. Give each item of a group an ID of its own, such as `order-17/1` and `order-17/2`.
   *
   * One write: either every ID has an item afterwards, or nothing was written and the result says how many
   * free items were seen. It never waits for items, and two groups never keep each other from the last ones.
   *
   * @param deduplicationIds different ones, up to 50
   * @returns `exhausted` only if fewer items than were needed stayed in the bank for the whole call
   * @throws InvalidOptionError when there are more IDs, none, or one of them twice
   * @throws InvalidDeduplicationIdError with its `index`
   * @throws FeatureNotSupportedError with a pair that cannot do it; nothing was written
   * @throws what {@link fetchItemForDeduplicationId} throws
   */
  async claimAll(
    deduplicationIds: readonly string[],
    options: GroupClaimOptions<OwnWrites> = {},
  ): Promise<GroupClaimResult> {
    assertGroup(deduplicationIds);
    const { signal, holdForMs, alongside } = options;
    assertSignal(signal);
    assertHold('holdForMs', holdForMs);
    assertAlongside(alongside);
    return claimers.of(this).claimAll([...deduplicationIds], { signal, holdForMs, alongside });
  }

  /**
   * Makes the hold of the ID permanent: its user has paid. A repeated call has the same result.
   *
   * A hold that has ended, and that nobody has taken back yet, is confirmed as well. Pass the `item` that was
   * paid for: a payment that arrives late, or twice, then never confirms a hold on another item.
   *
   * @returns the item, also if the ID had it for good already; `null` when the ID has no item any more, or
   *   another one than `item`
   * @throws InvalidDeduplicationIdError, InvalidItemError, AlongsideRefusedError, ContentionError and the
   *   backend's own errors like {@link claim}
   * @throws OutcomeUnknownError when no answer said whether the write was applied; retry to find out
   * @throws FeatureNotSupportedError with a pair that has no holds
   */
  async confirm(
    deduplicationId: string,
    options: ConfirmOptions<OwnWrites> = {},
  ): Promise<string | null> {
    const { signal, item, alongside, within } = options;
    assertDeduplicationId(deduplicationId);
    if (item !== undefined) assertItem(item);
    assertAlongside(alongside);
    assertWithin(within, alongside);
    assertSignal(signal);
    signal?.throwIfAborted();
    const wishes = { signal, item, alongside, within };
    const confirmation = claimers.of(this).confirm(deduplicationId, wishes);
    return untilAborted(confirmation, signal);
  }

  /**
   * Takes back the items of all holds that have ended, each in a write of its own, and puts them into the
   * banks that they came from. Nothing in the package calls it: run it every minute or so, in as many
   * processes as you like. Until then, an item whose hold has ended belongs to its ID.
   *
   * A hold that is confirmed or extended meanwhile stays. Compares the ends of the holds, which the processes
   * that claimed wrote by their clocks, with the clock of this process. Holds on items of banks that are
   * neither `itemRepo` nor one of `releaseBanks` stay.
   *
   * @returns how many holds were found, and what became of them
   * @throws InvalidOptionError when an option cannot be used
   * @throws FeatureNotSupportedError with a pair that has no holds
   * @throws what {@link releaseItemForDeduplicationId} throws, once the releases under way have ended; what
   *   was released stays so, and the call may be retried
   */
  async releaseExpiredHolds(options: ReleaseExpiredHoldsOptions = {}): Promise<ExpiredHoldsReport> {
    assertSweepOptions(options);
    const holds = claimers.of(this).expiredHolds(runtime.date(), options.signal);
    return takeBackHolds(holds, options);
  }

  /**
   * {@link claim} for each ID of an input of any length, in constant memory: a mailing that gives a
   * code to each of 100,000 subscribers. Read it with `for await`: claims begin when it is read, and
   * a slow reader slows them down. There is one result for each ID, in the order of the input. An ID
   * that comes twice gets the same item twice.
   *
   * Not atomic as a whole. After a failure, the results before it have been returned, the claims that
   * were running have ended, and no more are begun. The same input may be passed again: each ID that
   * has an item gets it again, as `existing`.
   *
   * @returns an iterable that can be read once; an empty input gives no result
   * @throws InvalidOptionError when `deduplicationIds` is not an iterable of strings, or is
   *   itself a string, or an option cannot be used
   * @throws InvalidDeduplicationIdError with its `index`: at once when an array or a set holds an
   *   invalid ID, else when its turn comes
   *
   * While it is read, it throws what {@link claim} throws, what the input throws, and the reason of
   * the signal.
   */
  fetchItemsForDeduplicationIds(
    deduplicationIds: Iterable<string> | AsyncIterable<string>,
    options: BulkClaimOptions = {},
  ): AsyncIterable<HandOut> {
    return claimInBulk(deduplicationIds, options, claimers.of(this));
  }

  /**
   * Takes the item from the ID and puts it back into the bank that it came from, for anybody to get.
   * Both happen in one write or neither does, even if a process crashes. Afterwards the ID counts as
   * new: if it claims again, it may get the same item or another one.
   *
   * A call with the same ID at the same time takes effect before the release or after it.
   *
   * The bank is `itemRepo` or one of `releaseBanks`, as the assignment says. An assignment that does not
   * name its bank, such as those of the Python module, counts as `itemRepo`'s own.
   *
   * @returns the item that the ID had, or `null` when it had none
   * @throws InvalidDeduplicationIdError, ContentionError and the backend's own errors like
   *   {@link fetchItemForDeduplicationId}
   * @throws OutcomeUnknownError when no answer said whether the write was applied. Retry: `null` means
   *   that it was, an item means that the retry released it. Until then the first write can still be
   *   applied, but it never ends an assignment that was made after it was sent.
   * @throws UnknownItemBankError when the item came from a bank that is neither `itemRepo` nor one of
   *   `releaseBanks`, or when the assignment fits several of them
   * @throws InvalidOptionError when one of `releaseBanks` shares no atomic writes with the
   *   deduplication repository
   * @throws ReleaseNotSupportedError with a pair that has no atomic write for it
   *
   * After any error the call may be retried.
   */
  async releaseItemForDeduplicationId(
    deduplicationId: string,
    options?: ReleaseOptions<OwnWrites>,
  ): Promise<string | null> {
    return endAssignment(this, deduplicationId, 'return', options);
  }

  /**
   * Like {@link releaseItemForDeduplicationId}, but the item does not return to the bank: for a code
   * that leaked. Nobody gets it again, unless it is added again. If its bank is `itemRepo` or one of
   * `releaseBanks` and has a ledger, the ledger records the retirement. No bank is written to, so an
   * item of any other bank is retired as well, without a record.
   */
  async retireItemForDeduplicationId(
    deduplicationId: string,
    options?: ReleaseOptions<OwnWrites>,
  ): Promise<string | null> {
    return endAssignment(this, deduplicationId, 'retire', options);
  }

  /**
   * Whether a claim is one atomic write with this pair of repositories. If not, claims take two steps:
   * nothing is given twice, but a crash between the steps can strand one item. A wrapper around one of
   * the two repositories is a common reason. The events of such claims have `isTwoStep`.
   *
   * @throws the backend's own errors, for example when its client lacks a setting
   */
  async isAtomic(): Promise<boolean> {
    return claimers.of(this).isAtomic();
  }

  /** {@link ItemBankRepository.batchAddItems} of the item bank. */
  addItemsToBank(
    items: Iterable<string> | AsyncIterable<string>,
    options?: BatchAddItemsOptions,
  ): Promise<BatchAddItemsReport> {
    return this.itemRepo.batchAddItems(items, options);
  }
}

async function endAssignment<OwnWrites>(
  deduplicator: Deduplicator<OwnWrites>,
  deduplicationId: string,
  fate: AtomicReleaseOptions['fate'],
  { signal, alongside, within }: ReleaseOptions<OwnWrites> = {},
): Promise<string | null> {
  assertDeduplicationId(deduplicationId);
  assertAlongside(alongside);
  assertWithin(within, alongside);
  assertSignal(signal);
  signal?.throwIfAborted();
  const claimer = claimers.of(deduplicator);
  return untilAborted(
    claimer.release(deduplicationId, { fate, signal, alongside, within }),
    signal,
  );
}

/** Checked, and `undefined` if there are none: plain claims share what others may not. */
function wishesOf<OwnWrites>({
  item,
  holdForMs,
  alongside,
  within,
}: ClaimWishes<OwnWrites>): ClaimWishes<OwnWrites> | undefined {
  const isPlain =
    item === undefined &&
    holdForMs === undefined &&
    alongside === undefined &&
    within === undefined;
  if (isPlain) return undefined;
  if (item !== undefined) assertItem(item);
  assertHold('holdForMs', holdForMs);
  assertAlongside(alongside);
  assertWithin(within, alongside);
  return { item, holdForMs, alongside, within };
}

function isItemBankRepository(value: unknown): value is ItemBankRepository {
  return hasMethods(value, 'batchAddItems', 'addItemToBank', 'getItemFromBank');
}

// Its methods take what the constructor inferred, so that any `OwnWrites` will do here.
const claimers = attachedState<Claimer<never>>('deduplicator.2') as unknown as {
  attach<OwnWrites>(owner: Deduplicator<OwnWrites>, claimer: Claimer<OwnWrites>): void;
  of<OwnWrites>(owner: Deduplicator<OwnWrites>): Claimer<OwnWrites>;
};
