// Claims for an input of any length in constant memory, with the results in the order of the input.
import type { ClaimResult } from './deduplication-repository.js';
import { assertDeduplicationId, assertInput } from './validation.js';

/** What one deduplication ID of a bulk hand-out got. */
export type HandOut = { readonly deduplicationId: string } & ClaimResult;

/** How far a bulk hand-out has come. `done` is the sum of the other three. */
export interface BulkClaimProgress {
  /** Results handed to the caller, the present one included. */
  readonly done: number;
  /** IDs that got their item now. */
  readonly claimed: number;
  /** IDs that had theirs already. */
  readonly existing: number;
  /** IDs that have none, because the bank was empty. */
  readonly exhausted: number;
}

export interface BulkClaimOptions {
  /**
   * Stops reading the input. What is under way is waited for and handed to the caller, then the
   * iteration throws the signal's reason.
   */
  readonly signal?: AbortSignal | undefined;
  /** Called before each result is handed to the caller. An error thrown by it ends the iteration. */
  readonly onProgress?: ((progress: BulkClaimProgress) => void) | undefined;
  /** How many claims are under way at once. Default: {@link DEFAULT_BULK_CONCURRENCY}. */
  readonly concurrency?: number | undefined;
}

export const DEFAULT_BULK_CONCURRENCY = 16;

type Claim = (deduplicationId: string) => Promise<ClaimResult>;

/** Checks the arguments at once; the rest happens while the caller iterates. */
export function claimInBulk(
  deduplicationIds: Iterable<string> | AsyncIterable<string>,
  options: BulkClaimOptions,
  claim: Claim,
): AsyncIterable<HandOut> {
  const { signal, onProgress, concurrency = DEFAULT_BULK_CONCURRENCY } = options;
  assertInput('deduplicationIds', deduplicationIds, assertDeduplicationId, {
    signal,
    onProgress,
    concurrency,
  });
  return handOuts(() => new BulkClaim(deduplicationIds, claim, concurrency, signal), onProgress);
}

async function* handOuts(
  begin: () => BulkClaim,
  onProgress: BulkClaimOptions['onProgress'],
): AsyncGenerator<HandOut, void, void> {
  // Not before it is read: only what was begun is ever closed.
  const bulkClaim = begin();
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
  readonly #claim: Claim;
  readonly #concurrency: number;
  readonly #signal: AbortSignal | undefined;
  readonly #abort = () => this.#stop();
  /** Begun and not handed to the caller yet, in the order of the input. */
  readonly #places: Place[] = [];
  #read = 0;
  #isReading = false;
  #hasEnded = false;
  #isStopped = false;
  #inputFailure: { readonly error: unknown } | null = null;
  #wakeUp = () => {};

  constructor(
    deduplicationIds: Iterable<string> | AsyncIterable<string>,
    claim: Claim,
    concurrency: number,
    signal: AbortSignal | undefined,
  ) {
    this.#input =
      Symbol.asyncIterator in deduplicationIds
        ? deduplicationIds[Symbol.asyncIterator]()
        : deduplicationIds[Symbol.iterator]();
    this.#claim = claim;
    this.#concurrency = concurrency;
    this.#signal = signal;
    signal?.addEventListener('abort', this.#abort);
    this.#isStopped = signal?.aborted ?? false;
  }

  /** The next result, as soon as it is there, however long the input takes; `null` at the end. */
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

  /** Once this has resolved, nothing is written any more. */
  async close(): Promise<void> {
    this.#stop();
    this.#signal?.removeEventListener('abort', this.#abort);
    await Promise.all(this.#places.map(({ settled }) => settled));
    if (this.#hasEnded) return;
    // What the input throws now would hide why the iteration ended.
    const closed = (async () => this.#input.return?.())().catch(() => {});
    // An input that owes an ID is closed when it gives it, if it ever does.
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
    place.settled = this.#claim(deduplicationId).then(
      (result) => {
        place.outcome = { handOut: { deduplicationId, ...result } };
        this.#wakeUp();
      },
      (error: unknown) => {
        place.outcome = { error };
        // What comes before it is still handed to the caller, what comes after it is not begun.
        this.#stop();
      },
    );
  }
}
