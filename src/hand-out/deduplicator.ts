import type { AtomicReleaseOptions, ClaimResult } from '../contracts/atomic-writes.js';
import type { DeduplicationRepository } from '../contracts/deduplication-repository.js';
import type {
  BatchAddItemsOptions,
  BatchAddItemsReport,
  ItemBankRepository,
} from '../contracts/item-bank-repository.js';
import {
  assertDeduplicationId,
  assertOption,
  assertSignal,
  hasMethods,
} from '../contracts/validation.js';
import type { Logger } from '../environment/logger.js';
import { attachedState } from '../store-kit/attached-state.js';
import { untilAborted } from '../store-kit/until-aborted.js';
import { type BulkClaimOptions, claimInBulk, type HandOut } from './bulk-claim.js';
import { Claimer } from './claimer.js';

export interface DeduplicatorOptions {
  /** Where the items come from. */
  readonly itemRepo: ItemBankRepository;
  /** Remembers who has which item. Several deduplicators may share one. */
  readonly deduplicationRepo: DeduplicationRepository;
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
   * Adds deduplication IDs and items to the events of this deduplicator's calls. Default: `false`,
   * because IDs are personal data and items are worth money.
   */
  readonly revealInEvents?: boolean | undefined;
  /** Default: `console`, from the level in `STORAGE_BOX_LOGGING_LEVEL` (default `WARNING`) on. */
  readonly logger?: Logger | undefined;
}

export interface ClaimOptions {
  /**
   * Stops the waiting: the call throws the signal's reason. A write that was already sent may still be
   * applied; a later call with the same ID finds out.
   */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Gives each deduplication ID at most one item, and each item to at most one ID, even when many
 * processes ask at once.
 *
 * Create one instance per process and use it for all calls: they then share requests.
 */
export class Deduplicator {
  readonly itemRepo: ItemBankRepository;
  readonly deduplicationRepo: DeduplicationRepository;

  /** @throws InvalidOptionError when a repository lacks a method of its contract */
  constructor(options: DeduplicatorOptions) {
    const {
      itemRepo,
      deduplicationRepo,
      releaseBanks = [],
      skipFirstRead = false,
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
    this.itemRepo = itemRepo;
    this.deduplicationRepo = deduplicationRepo;
    claimers.attach(
      this,
      new Claimer(
        itemRepo,
        deduplicationRepo,
        // Copied, so that a later change of the caller's array cannot let a release write elsewhere.
        [...releaseBanks],
        skipFirstRead,
        revealInEvents,
        logger,
      ),
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
   * @throws the backend's own errors (access denied, no credentials, throttling) as they are
   *
   * After any error the call may be retried.
   */
  fetchItemForDeduplicationId(
    deduplicationId: string,
    options?: ClaimOptions,
  ): Promise<string | null> {
    return this.claim(deduplicationId, options).then(({ item }) => item);
  }

  /**
   * Like {@link fetchItemForDeduplicationId}, but also says whether the ID got its item now (`claimed`)
   * or had it already (`existing`). At most one call returns `claimed` for each assignment: if its
   * answer is lost, the retry returns `existing`.
   */
  async claim(deduplicationId: string, options: ClaimOptions = {}): Promise<ClaimResult> {
    assertDeduplicationId(deduplicationId);
    assertSignal(options.signal);
    return claimers.of(this).claim(deduplicationId, options.signal);
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
    options?: ClaimOptions,
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
    options?: ClaimOptions,
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

async function endAssignment(
  deduplicator: Deduplicator,
  deduplicationId: string,
  fate: AtomicReleaseOptions['fate'],
  { signal }: ClaimOptions = {},
): Promise<string | null> {
  assertDeduplicationId(deduplicationId);
  assertSignal(signal);
  signal?.throwIfAborted();
  const release = claimers.of(deduplicator).release(deduplicationId, { fate, signal });
  return untilAborted(release, signal);
}

function isItemBankRepository(value: unknown): value is ItemBankRepository {
  return hasMethods(value, 'batchAddItems', 'addItemToBank', 'getItemFromBank');
}

const claimers = attachedState<Claimer>('deduplicator.1');
