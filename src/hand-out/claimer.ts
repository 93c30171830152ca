// The implementation of `Deduplicator`: the protocol for its pair, shared claims, and their events.
import type {
  AtomicClaimOptions,
  AtomicClaimResult,
  AtomicReleaseOptions,
  AtomicWrites,
  ClaimResult,
} from '../contracts/atomic-writes.js';
import {
  atomicWritesOf,
  type DeduplicationRepository,
} from '../contracts/deduplication-repository.js';
import { ReleaseNotSupportedError } from '../contracts/errors.js';
import type { ItemBankRepository } from '../contracts/item-bank-repository.js';
import { assertOption, assertPositiveInteger } from '../contracts/validation.js';
import { type HandOutEvent, hasListeners, publishOutcome } from '../environment/events.js';
import { type LevelledLogger, type Logger, levelledLogger } from '../environment/logger.js';
import { loggingLevelFromEnvironment } from '../environment/settings.js';
import { Gate } from '../store-kit/gate.js';
import { CLAIM_PATIENCE_MS, Patience } from '../store-kit/patience.js';
import { DEFAULT_BULK_CONCURRENCY } from './bulk-claim.js';
import { SharedClaims } from './shared-claims.js';
import { claimInTwoSteps } from './two-step-claim.js';

const CLAIM_EVENTS = {
  claimed: 'claim',
  existing: 'repeat',
  exhausted: 'exhausted',
} as const satisfies Record<ClaimResult['status'], HandOutEvent['type']>;

/**
 * Enough to keep any store busy. Further calls wait, because a running claim needs several times the
 * memory of a waiting call.
 */
const MAX_CLAIMS_UNDER_WAY = 1_000;

interface ClaimHints {
  readonly isInBulk?: boolean;
  /** Whether the ID is likely to have an item. */
  readonly hasItem?: boolean;
}

/** Chooses the protocol for a pair of repositories, once, and lets calls for one ID share a claim. */
export class Claimer {
  readonly #itemRepo: ItemBankRepository;
  readonly #deduplicationRepo: DeduplicationRepository;
  readonly #releaseBanks: readonly ItemBankRepository[];
  readonly #skipFirstRead: boolean;
  readonly #revealInEvents: boolean;
  readonly #logger: LevelledLogger;
  readonly #gate = new Gate(
    MAX_CLAIMS_UNDER_WAY,
    'Too many claims of this process were under way.',
  );
  readonly #sharedClaims = new SharedClaims();
  #atomicWrites: AtomicWrites | null | undefined;
  #findingAtomicWrites: Promise<AtomicWrites | null> | undefined;
  #checkingReleaseBanks: Promise<void> | undefined;

  constructor(
    itemRepo: ItemBankRepository,
    deduplicationRepo: DeduplicationRepository,
    releaseBanks: readonly ItemBankRepository[],
    skipFirstRead: boolean,
    revealInEvents: boolean,
    logger: Logger | undefined,
  ) {
    this.#itemRepo = itemRepo;
    this.#deduplicationRepo = deduplicationRepo;
    this.#releaseBanks = releaseBanks;
    this.#skipFirstRead = skipFirstRead;
    this.#revealInEvents = revealInEvents;
    this.#logger = levelledLogger(logger, loggingLevelFromEnvironment());
  }

  claim(
    deduplicationId: string,
    signal: AbortSignal | undefined,
    options: ClaimHints = {},
  ): Promise<ClaimResult> {
    if (!hasListeners()) return this.#claim(deduplicationId, signal, options);
    const isRevealed = this.#revealInEvents;
    return publishOutcome(
      'claim',
      () => this.#claim(deduplicationId, signal, options),
      ({ status, item }) => ({
        type: CLAIM_EVENTS[status],
        ...(this.#atomicWrites === null && { isTwoStep: true }),
        ...(isRevealed && item !== null && { item }),
      }),
      isRevealed ? { deduplicationId } : {},
    );
  }

  claimInBulk(deduplicationId: string, hasItem: boolean): Promise<ClaimResult> {
    return this.claim(deduplicationId, undefined, { isInBulk: true, hasItem });
  }

  async bulkConcurrency(): Promise<number> {
    // What cannot be found out now fails the first claim, in its place.
    const atomicWrites = await this.#findAtomicWrites().catch(() => null);
    const concurrency = atomicWrites?.bulkConcurrency ?? DEFAULT_BULK_CONCURRENCY;
    assertPositiveInteger(
      'bulkConcurrency',
      concurrency,
      `Leave it out for ${DEFAULT_BULK_CONCURRENCY}.`,
    );
    return concurrency;
  }

  #claim(
    deduplicationId: string,
    signal: AbortSignal | undefined,
    { isInBulk, hasItem = false }: ClaimHints,
  ): Promise<ClaimResult> {
    return this.#sharedClaims.run(
      deduplicationId,
      (isRepeat, sharedSignal) => {
        const skipFirstRead = this.#skipFirstRead && !isRepeat && !hasItem;
        const options = { signal: sharedSignal, skipFirstRead, isInBulk };
        return this.#gate.pass(
          () => new Patience(CLAIM_PATIENCE_MS, sharedSignal),
          (waitedMs) => this.#begin(deduplicationId, { ...options, waitedMs }),
        );
      },
      signal,
    );
  }

  async #begin(deduplicationId: string, options: AtomicClaimOptions): Promise<ClaimResult> {
    // Not awaited again once it is known: this is the path of every call.
    const atomicWrites = this.#atomicWrites ?? (await this.#findAtomicWrites());
    const result =
      atomicWrites === null
        ? await claimInTwoSteps(
            deduplicationId,
            this.#itemRepo,
            this.#deduplicationRepo,
            options.signal,
          )
        : withBankName(await atomicWrites.claimItem(deduplicationId, options));
    this.#logger.debug(`A call for an item ended as "${result.status}".`);
    return result;
  }

  release(deduplicationId: string, options: AtomicReleaseOptions): Promise<string | null> {
    if (!hasListeners()) return this.#release(deduplicationId, options);
    const isRevealed = this.#revealInEvents;
    const isReturned = options.fate === 'return';
    return publishOutcome(
      isReturned ? 'release' : 'retire',
      () => this.#release(deduplicationId, options),
      (item) =>
        item === null
          ? null
          : { type: isReturned ? 'released' : 'retired', ...(isRevealed && { item }) },
      isRevealed ? { deduplicationId } : {},
    );
  }

  async #release(deduplicationId: string, options: AtomicReleaseOptions): Promise<string | null> {
    const atomicWrites = await this.#findAtomicWrites();
    if (atomicWrites?.releaseItem === undefined) throw new ReleaseNotSupportedError();
    this.#checkingReleaseBanks ??= this.#assertReleaseBanksAreAtomic();
    await this.#checkingReleaseBanks;
    const banks = this.#releaseBanks;
    const item = await atomicWrites.releaseItem(deduplicationId, { ...options, banks });
    this.#logger.debug(`A release ended ${item === null ? 'without' : 'with'} an item.`);
    return item;
  }

  async isAtomic(): Promise<boolean> {
    return (await this.#findAtomicWrites()) !== null;
  }

  /** Checked at the first release: where a client leads to is not known earlier. */
  async #assertReleaseBanksAreAtomic(): Promise<void> {
    try {
      const writes = await Promise.all(
        this.#releaseBanks.map((bank) => atomicWritesOf(this.#deduplicationRepo, bank)),
      );
      assertOption(
        writes.every((atomicWrites) => atomicWrites != null),
        'releaseBanks',
        'item banks that share atomic writes with `deduplicationRepo`',
        this.#releaseBanks,
        'Keep all of them in one store and at one place.',
      );
    } catch (error) {
      // What could not be found out this time may be found out next time.
      this.#checkingReleaseBanks = undefined;
      throw error;
    }
  }

  async #findAtomicWrites(): Promise<AtomicWrites | null> {
    this.#findingAtomicWrites ??= atomicWritesOf(this.#deduplicationRepo, this.#itemRepo);
    try {
      this.#atomicWrites = await this.#findingAtomicWrites;
      return this.#atomicWrites;
    } catch (error) {
      // What could not be found out this time may be found out next time.
      this.#findingAtomicWrites = undefined;
      throw error;
    }
  }
}

/** A backend may leave out the bank. */
function withBankName(result: AtomicClaimResult): ClaimResult {
  if (result.status === 'exhausted') return result;
  return { ...result, itemBankName: result.itemBankName ?? null };
}
