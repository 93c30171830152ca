// The implementation of `Deduplicator`: the protocol for its pair, shared claims, and their events.
import type {
  AnyClaimResult,
  AtomicClaimOptions,
  AtomicClaimResult,
  AtomicConfirmOptions,
  AtomicGroupOptions,
  AtomicReleaseOptions,
  AtomicWrites,
  AtomicWritesFeature,
  ClaimResult,
  ExpiredHold,
  GroupClaimResult,
} from '../contracts/atomic-writes.js';
import {
  atomicWritesOf,
  type DeduplicationRepository,
} from '../contracts/deduplication-repository.js';
import { FeatureNotSupportedError, ReleaseNotSupportedError } from '../contracts/errors.js';
import type { ItemBankRepository } from '../contracts/item-bank-repository.js';
import { assertOption, assertPositiveInteger } from '../contracts/validation.js';
import { type HandOutEvent, hasListeners, publishOutcome } from '../environment/events.js';
import { type LevelledLogger, type Logger, levelledLogger } from '../environment/logger.js';
import { loggingLevelFromEnvironment } from '../environment/settings.js';
import { Gate } from '../store-kit/gate.js';
import { CLAIM_PATIENCE_MS, Patience } from '../store-kit/patience.js';
import { untilAborted } from '../store-kit/until-aborted.js';
import { DEFAULT_BULK_CONCURRENCY } from './bulk-claim.js';
import { SharedClaims } from './shared-claims.js';
import { claimInTwoSteps } from './two-step-claim.js';

const CLAIM_EVENTS = {
  claimed: 'claim',
  existing: 'repeat',
  exhausted: 'exhausted',
  taken: 'taken',
} as const satisfies Record<AnyClaimResult['status'], HandOutEvent['type']>;

/**
 * Enough to keep any store busy. Further calls wait, because a running claim needs several times the
 * memory of a waiting call.
 */
const MAX_CLAIMS_UNDER_WAY = 1_000;

/** What a claim asks for besides any one item. */
export type ClaimWishes<OwnWrites> = Pick<
  AtomicClaimOptions<OwnWrites>,
  'item' | 'holdForMs' | 'alongside' | 'within'
>;

interface ClaimHints {
  readonly isInBulk?: boolean;
  /** Whether the ID is likely to have an item. */
  readonly hasItem?: boolean;
}

export interface ClaimerOptions<OwnWrites> {
  readonly itemRepo: ItemBankRepository;
  readonly deduplicationRepo: DeduplicationRepository<OwnWrites>;
  readonly releaseBanks: readonly ItemBankRepository[];
  readonly skipFirstRead: boolean;
  readonly maxHoldMs: number | undefined;
  readonly revealInEvents: boolean;
  readonly logger: Logger | undefined;
}

/** Chooses the protocol for a pair of repositories, once, and lets calls for one ID share a claim. */
export class Claimer<OwnWrites> {
  readonly #options: ClaimerOptions<OwnWrites>;
  readonly #logger: LevelledLogger;
  readonly #gate = new Gate(
    MAX_CLAIMS_UNDER_WAY,
    'Too many claims of this process were under way.',
  );
  readonly #sharedClaims = new SharedClaims();
  /** Those that ask for more than any one item, for good. */
  readonly #sharedWishes = new SharedClaims();
  #atomicWrites: AtomicWrites<OwnWrites> | null | undefined;
  #findingAtomicWrites: Promise<AtomicWrites<OwnWrites> | null> | undefined;
  #checkingReleaseBanks: Promise<void> | undefined;

  constructor(options: ClaimerOptions<OwnWrites>) {
    this.#options = options;
    this.#logger = levelledLogger(options.logger, loggingLevelFromEnvironment());
  }

  claim(
    deduplicationId: string,
    signal: AbortSignal | undefined,
    wishes?: ClaimWishes<OwnWrites>,
    hints: ClaimHints = {},
  ): Promise<AnyClaimResult> {
    const claim = () => this.#claim(deduplicationId, signal, wishes, hints);
    if (!hasListeners()) return claim();
    return publishOutcome(
      'claim',
      claim,
      (result) => [
        {
          ...this.#eventOf(result),
          ...(this.#atomicWrites === null && { isTwoStep: true }),
        },
      ],
      this.#revealed(deduplicationId),
    );
  }

  #eventOf({ status, item, heldUntil }: AnyClaimResult) {
    return {
      type: CLAIM_EVENTS[status],
      ...(heldUntil != null && { isHold: true as const }),
      ...(item !== null && this.#revealedItem(item)),
    };
  }

  #revealed(deduplicationId: string) {
    return this.#options.revealInEvents ? { deduplicationId } : {};
  }

  #revealedItem(item: string) {
    return this.#options.revealInEvents ? { item } : {};
  }

  claimInBulk(deduplicationId: string, hasItem: boolean): Promise<ClaimResult> {
    const hints = { isInBulk: true, hasItem };
    // Without wishes, none is `taken`.
    return this.claim(deduplicationId, undefined, undefined, hints) as Promise<ClaimResult>;
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
    wishes: ClaimWishes<OwnWrites> | undefined,
    { isInBulk, hasItem = false }: ClaimHints,
  ): Promise<AnyClaimResult> {
    const { skipFirstRead } = this.#options;
    const begin = (isRepeat: boolean, claimSignal: AbortSignal | undefined) => {
      const skipsFirstRead = skipFirstRead && !isRepeat && !hasItem;
      return this.#inTurn(claimSignal, (waitedMs) => {
        const plain = { signal: claimSignal, skipFirstRead: skipsFirstRead, isInBulk, waitedMs };
        return this.#begin(deduplicationId, wishes, plain);
      });
    };
    if (wishes === undefined) return this.#sharedClaims.run(deduplicationId, begin, signal);
    const { item, holdForMs, alongside, within } = wishes;
    const isOwn = alongside !== undefined || within !== undefined;
    if (isOwn) return untilAborted(begin(false, signal), signal);
    const key = JSON.stringify([deduplicationId, item, holdForMs]);
    return this.#sharedWishes.run(key, begin, signal);
  }

  #inTurn<Result>(
    signal: AbortSignal | undefined,
    call: (waitedMs: number) => Promise<Result>,
  ): Promise<Result> {
    return this.#gate.pass(() => new Patience(CLAIM_PATIENCE_MS, signal), call);
  }

  async #begin(
    deduplicationId: string,
    wishes: ClaimWishes<OwnWrites> | undefined,
    plain: AtomicClaimOptions<OwnWrites>,
  ): Promise<AnyClaimResult> {
    // Not awaited again once it is known: this is the path of every call.
    const atomicWrites = this.#atomicWrites ?? (await this.#findAtomicWrites());
    if (wishes !== undefined) assertFeatures(atomicWrites, wishes);
    plain.signal?.throwIfAborted();
    const { itemRepo, deduplicationRepo, maxHoldMs } = this.#options;
    const result =
      atomicWrites === null
        ? await claimInTwoSteps(deduplicationId, itemRepo, deduplicationRepo, plain.signal)
        : complete(await atomicWrites.claimItem(deduplicationId, wished(plain, wishes, maxHoldMs)));
    this.#logger.debug(`A call for an item ended as "${result.status}".`);
    return result;
  }

  claimAll(
    deduplicationIds: readonly string[],
    options: AtomicGroupOptions<OwnWrites>,
  ): Promise<GroupClaimResult> {
    const { maxHoldMs } = this.#options;
    const claim = () =>
      untilAborted(
        this.#inTurn(options.signal, async (waitedMs) => {
          const atomicWrites = await this.#findAtomicWrites();
          if (atomicWrites?.claimItems === undefined)
            throw new FeatureNotSupportedError('claimAll');
          assertFeatures(atomicWrites, options);
          options.signal?.throwIfAborted();
          return atomicWrites.claimItems(deduplicationIds, { ...options, maxHoldMs, waitedMs });
        }),
        options.signal,
      );
    if (!hasListeners()) return claim();
    return publishOutcome(
      'claim',
      claim,
      ({ members }) =>
        members?.map((member) => ({
          ...this.#eventOf(member),
          ...this.#revealed(member.deduplicationId),
        })) ??
        deduplicationIds.map((deduplicationId) => ({
          type: 'exhausted' as const,
          ...this.#revealed(deduplicationId),
        })),
      {},
    );
  }

  confirm(
    deduplicationId: string,
    options: AtomicConfirmOptions<OwnWrites>,
  ): Promise<string | null> {
    const confirm = async () => {
      const atomicWrites = await this.#findAtomicWrites();
      if (atomicWrites?.confirmItem === undefined) throw new FeatureNotSupportedError('confirm');
      assertFeatures(atomicWrites, { alongside: options.alongside, within: options.within });
      return atomicWrites.confirmItem(deduplicationId, options);
    };
    if (!hasListeners()) return confirm();
    return publishOutcome(
      'confirm',
      confirm,
      (item) => (item === null ? [] : [{ type: 'confirmed', ...this.#revealedItem(item) }]),
      this.#revealed(deduplicationId),
    );
  }

  release(
    deduplicationId: string,
    options: AtomicReleaseOptions<OwnWrites>,
  ): Promise<string | null> {
    return this.#publishRelease(options.fate, this.#revealed(deduplicationId), {}, async () => {
      const atomicWrites = await this.#findAtomicWrites();
      if (atomicWrites?.releaseItem === undefined) throw new ReleaseNotSupportedError();
      assertFeatures(atomicWrites, options);
      const banks = await this.#checkedReleaseBanks();
      return atomicWrites.releaseItem(deduplicationId, { ...options, banks });
    });
  }

  /** The holds that had ended at that time, each with a function that takes it back. */
  async *expiredHolds(
    at: Date,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<() => Promise<string | null>, void, void> {
    const atomicWrites = await this.#findAtomicWrites();
    if (atomicWrites?.expiredHolds === undefined) {
      throw new FeatureNotSupportedError('releaseExpiredHolds');
    }
    const banks = await this.#checkedReleaseBanks();
    for await (const hold of atomicWrites.expiredHolds({ at, signal })) {
      yield () => this.#takeBack(hold, { banks, signal });
    }
  }

  #takeBack(
    hold: ExpiredHold,
    options: Pick<AtomicReleaseOptions, 'banks' | 'signal'>,
  ): Promise<string | null> {
    const revealed = this.#revealed(hold.deduplicationId);
    return this.#publishRelease('return', revealed, { isHold: true }, () => hold.release(options));
  }

  async #publishRelease(
    fate: AtomicReleaseOptions['fate'],
    revealed: { readonly deduplicationId?: string },
    extra: Pick<HandOutEvent, 'isHold'>,
    call: () => Promise<string | null>,
  ): Promise<string | null> {
    const release = async () => {
      const item = await call();
      this.#logger.debug(`A release ended ${item === null ? 'without' : 'with'} an item.`);
      return item;
    };
    if (!hasListeners()) return release();
    const type = fate === 'return' ? 'released' : 'retired';
    return publishOutcome(
      fate === 'return' ? 'release' : 'retire',
      release,
      (item) => (item === null ? [] : [{ type, ...extra, ...this.#revealedItem(item) }]),
      revealed,
    );
  }

  async isAtomic(): Promise<boolean> {
    return (await this.#findAtomicWrites()) !== null;
  }

  /** Checked at the first release: where a client leads to is not known earlier. */
  async #checkedReleaseBanks(): Promise<readonly ItemBankRepository[]> {
    this.#checkingReleaseBanks ??= this.#assertReleaseBanksAreAtomic();
    await this.#checkingReleaseBanks;
    return this.#options.releaseBanks;
  }

  async #assertReleaseBanksAreAtomic(): Promise<void> {
    const { deduplicationRepo, releaseBanks } = this.#options;
    try {
      const writes = await Promise.all(
        releaseBanks.map((bank) => atomicWritesOf(deduplicationRepo, bank)),
      );
      assertOption(
        writes.every((atomicWrites) => atomicWrites != null),
        'releaseBanks',
        'item banks that share atomic writes with `deduplicationRepo`',
        releaseBanks,
        'Keep all of them in one store and at one place.',
      );
    } catch (error) {
      // What could not be found out this time may be found out next time.
      this.#checkingReleaseBanks = undefined;
      throw error;
    }
  }

  async #findAtomicWrites(): Promise<AtomicWrites<OwnWrites> | null> {
    const { deduplicationRepo, itemRepo } = this.#options;
    this.#findingAtomicWrites ??= atomicWritesOf(deduplicationRepo, itemRepo);
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

const FEATURES = [
  'item',
  'holdForMs',
  'alongside',
  'within',
] as const satisfies AtomicWritesFeature[];

/** What a pair does not know it would leave out in silence. */
function assertFeatures(
  atomicWrites: Pick<AtomicWrites, 'features'> | null,
  options: Partial<Record<AtomicWritesFeature, unknown>>,
): void {
  for (const feature of FEATURES) {
    const isMissing = options[feature] !== undefined && !atomicWrites?.features?.includes(feature);
    if (isMissing) throw new FeatureNotSupportedError(feature);
  }
}

/** A plain claim, the most frequent one, is passed on as it is. */
function wished<OwnWrites>(
  plain: AtomicClaimOptions<OwnWrites>,
  wishes: ClaimWishes<OwnWrites> | undefined,
  maxHoldMs: number | undefined,
): AtomicClaimOptions<OwnWrites> {
  if (wishes === undefined) return plain;
  return { ...wishes, ...(wishes.holdForMs !== undefined && { maxHoldMs }), ...plain };
}

/** A backend may leave out the bank and the end of the hold. */
function complete(result: AtomicClaimResult): AnyClaimResult {
  if (result.item === null) return result;
  const { itemBankName, heldUntil } = result;
  if (itemBankName !== undefined && heldUntil !== undefined) {
    return result as AnyClaimResult;
  }
  return { ...result, itemBankName: itemBankName ?? null, heldUntil: heldUntil ?? null };
}
