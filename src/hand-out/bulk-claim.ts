// Claims for an input of any length in constant memory. Results come in the order of the input.
import type { ClaimResult } from '../contracts/atomic-writes.js';
import { assertDeduplicationId, assertInput } from '../contracts/validation.js';

/** The result for one deduplication ID of a bulk claim. */
export type HandOut = { readonly deduplicationId: string } & ClaimResult;

/** The progress of a bulk claim. `done` is the sum of the other three. */
export interface BulkClaimProgress {
  /** Results returned to the caller, including the current one. */
  readonly done: number;
  /** IDs that got their item now. */
  readonly claimed: number;
  /** IDs that already had an item. */
  readonly existing: number;
  /** IDs that have no item, because the bank was empty. */
  readonly exhausted: number;
}

export interface BulkClaimOptions {
  /**
   * Stops reading the input. The iteration still returns the claims that are running, then it throws
   * the signal's reason.
   */
  readonly signal?: AbortSignal | undefined;
  /** Called before each result is returned. If it throws, the iteration ends with that error. */
  readonly onProgress?: ((progress: BulkClaimProgress) => void) | undefined;
  /**
   * How many claims run at once. Default: what the pair asks for (`AtomicWrites.bulkConcurrency`), so
   * that it can write several of them at once, else {@link DEFAULT_BULK_CONCURRENCY}.
   */
  readonly concurrency?: number | undefined;
}

export const DEFAULT_BULK_CONCURRENCY = 16;

/** What a bulk claim needs of a deduplicator. */
export interface BulkClaimer {
  /** How many claims to run at once by default. */
  bulkConcurrency(): Promise<number>;
  /** @param hasItem whether the ID is likely to have an item */
  claimInBulk(deduplicationId: string, hasItem: boolean): Promise<ClaimResult>;
}

/** Checks the arguments at once; the rest happens while the caller iterates. */
export function claimInBulk(
  deduplicationIds: Iterable<string> | AsyncIterable<string>,
  options: BulkClaimOptions,
  claimer: BulkClaimer,
): AsyncIterable<HandOut> {
  const { signal, onProgress, concurrency } = options;
  assertInput('deduplicationIds', deduplicationIds, assertDeduplicationId, {
    signal,
    onProgress,
    concurrency: concurrency ?? DEFAULT_BULK_CONCURRENCY,
  });
  const begin = async () => {
    const places = concurrency ?? (await claimer.bulkConcurrency());
    return new BulkClaim(deduplicationIds, claimer, places, signal);
  };
  return handOuts(begin, onProgress);
}

async function* handOuts(
  begin: () => Promise<BulkClaim>,
  onProgress: BulkClaimOptions['onProgress'],
): AsyncGenerator<HandOut, void, void> {
  // Begins only when the caller iterates, because only then `close` is certain to run.
  const bulkClaim = await begin();
  const progress = { done: 0, claimed: 0, existing: 0, exhausted: 0 };
  try {
    for (;;) {
      const handOut = await bulkClaim.next();
      if (handOut === null) return;
      progress.done++;
      progress[handOut.status]++;
      onProgress?.({ ...progress });
      yield handOut;
    }
  } finally {
    await bulkClaim.close();
  }
}

/** One claim of the bulk, in its place in the order of the input. */
interface Place {
  outcome: { readonly handOut: HandOut } | { readonly error: unknown } | null;
  /** Never rejects. */
  settled: Promise<void>;
}

class BulkClaim {
  readonly #input: Iterator<string> | AsyncIterator<string>;
  readonly #claimer: BulkClaimer;
  readonly #concurrency: number;
  readonly #signal: AbortSignal | undefined;
  readonly #abort = () => this.#stop();
  /** Claims that have begun and are not yet returned, in the order of the input. */
  readonly #places: Place[] = [];
  #read = 0;
  /** An input that was handed out before is likely to go on so. */
  #hadLatestItem = false;
  #isReading = false;
  #hasEnded = false;
  #isStopped = false;
  #inputFailure: { readonly error: unknown } | null = null;
  #wakeUp = () => {};

  constructor(
    deduplicationIds: Iterable<string> | AsyncIterable<string>,
    claimer: BulkClaimer,
    concurrency: number,
    signal: AbortSignal | undefined,
  ) {
    this.#input =
      Symbol.asyncIterator in deduplicationIds
        ? deduplicationIds[Symbol.asyncIterator]()
        : deduplicationIds[Symbol.iterator]();
    this.#claimer = claimer;
    this.#concurrency = concurrency;
    this.#signal = signal;
    signal?.addEventListener('abort', this.#abort);
    this.#isStopped = signal?.aborted ?? false;
  }

  /** The next result as soon as it is ready, even while the input is slow; `null` at the end. */
  async next(): Promise<HandOut | null> {
    for (;;) {
      this.#readOn();
      const outcome = this.#places[0]?.outcome;
      if (outcome) {
        if ('error' in outcome) throw outcome.error;
        this.#places.shift();
        return outcome.handOut;
      }
      if (this.#places.length === 0 && (this.#hasEnded || this.#isStopped)) {
        if (this.#inputFailure !== null) throw this.#inputFailure.error;
        if (!this.#hasEnded) this.#signal?.throwIfAborted();
        return null;
      }
      await new Promise<void>((resolve) => {
        this.#wakeUp = resolve;
      });
    }
  }

  /** After it resolves, nothing more is written. */
  async close(): Promise<void> {
    this.#stop();
    this.#signal?.removeEventListener('abort', this.#abort);
    await Promise.all(this.#places.map(({ settled }) => settled));
    if (this.#hasEnded) return;
    // An error of the input would now hide why the iteration ended.
    const closed = (async () => this.#input.return?.())().catch(() => {});
    // An input that is being read closes only after that read, which may never end.
    if (!this.#isReading) await closed;
  }

  #stop(): void {
    this.#isStopped = true;
    this.#wakeUp();
  }

  async #readOn(): Promise<void> {
    const isRoom = this.#places.length < this.#concurrency;
    if (!isRoom || this.#isReading || this.#hasEnded || this.#isStopped) return;
    this.#isReading = true;
    try {
      const { value, done } = await this.#input.next();
      if (done) {
        this.#hasEnded = true;
      } else if (!this.#isStopped) {
        assertDeduplicationId(value, this.#read++);
        this.#begin(value);
      }
    } catch (error) {
      this.#inputFailure = { error };
      this.#isStopped = true;
    }
    this.#isReading = false;
    this.#wakeUp();
  }

  #begin(deduplicationId: string): void {
    const place: Place = { outcome: null, settled: Promise.resolve() };
    this.#places.push(place);
    place.settled = this.#claimer.claimInBulk(deduplicationId, this.#hadLatestItem).then(
      (result) => {
        this.#hadLatestItem = result.status === 'existing';
        place.outcome = { handOut: { deduplicationId, ...result } };
        this.#wakeUp();
      },
      (error: unknown) => {
        place.outcome = { error };
        // Earlier results are still returned; no later claim begins.
        this.#stop();
      },
    );
  }
}
