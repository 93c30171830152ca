// Reads an input of any length in constant memory and adds it chunk by chunk, for every backend.
import { BatchNotFullyAddedError, FeatureNotSupportedError } from '../contracts/errors.js';
import type {
  BatchAddItemsOptions,
  BatchAddItemsReport,
} from '../contracts/item-bank-repository.js';
import { assertInput, assertItem, assertWithin } from '../contracts/validation.js';
import { hasListeners, publish, publishFailure } from '../environment/events.js';
import { runtime } from '../environment/runtime.js';

/** What became of one chunk. The four parts together are the chunk. */
export interface ChunkOutcome {
  readonly added: number;
  readonly alreadyKnown: number;
  /** Certainly not added by this call; empty unless there is an `error`. */
  readonly notAdded: readonly string[];
  /** May have been added; empty unless there is an `error`. */
  readonly unconfirmed: readonly string[];
  /** Why the batch cannot go on. */
  readonly error?: unknown;
}

export interface ChunkedAdd {
  /** How many items a chunk holds at most. */
  readonly chunkSize: number;
  /** How many chunks are under way at once, unless the caller of the batch says otherwise. */
  readonly concurrency: number;
  /**
   * Adds a chunk of valid items in which none repeats. If it throws instead of telling the outcome,
   * every item of the chunk counts as unconfirmed.
   */
  addChunk(items: readonly string[]): Promise<ChunkOutcome>;
  /**
   * Optional. What an error of the store's client says, if that never quotes an item; else `null`. It
   * becomes a part of the message of the `BatchNotFullyAddedError`.
   */
  describeError?(error: unknown): string | null;
  /** Whether `addChunk` honours `within` of the options. Default: `false`. */
  readonly canJoinTransactions?: boolean | undefined;
}

/**
 * Implements `batchAddItems` with a function that adds one chunk: checks and groups the input, drops
 * repeats, keeps several chunks under way, reports progress, and on failure says which items were added.
 */
export async function addInChunks(
  items: Iterable<string> | AsyncIterable<string>,
  options: BatchAddItemsOptions,
  { chunkSize, concurrency: defaultConcurrency, addChunk, describeError, ...chunked }: ChunkedAdd,
): Promise<BatchAddItemsReport> {
  const { signal, onProgress, within, concurrency = defaultConcurrency } = options;
  assertInput('items', items, assertItem, { signal, onProgress, concurrency });
  assertWithin(within);
  if (within !== undefined && chunked.canJoinTransactions !== true) {
    throw new FeatureNotSupportedError('within');
  }
  signal?.throwIfAborted();

  const startMs = runtime.nowMs();
  const input = new ChunkedInput(items, chunkSize);
  const stop = new Stop(signal);
  const notAdded: string[] = [];
  const unconfirmed: string[] = [];
  let added = 0;
  let alreadyKnown = 0;

  const report = () => ({ read: input.read, added, repeats: input.repeats, alreadyKnown });

  const addUntilDone = async () => {
    while (!stop.isStopped) {
      // An input that stalls must not delay the report of a failure or an abort.
      const chunk = await stop.orElse(input.next());
      if (chunk === null || stop.isStopped) return;
      input.noteSent(chunk);
      const outcome = await outcomeOf(addChunk, chunk);
      added += outcome.added;
      alreadyKnown += outcome.alreadyKnown;
      notAdded.push(...outcome.notAdded);
      unconfirmed.push(...outcome.unconfirmed);
      if ('error' in outcome) throw outcome.error;
      onProgress?.(report());
    }
  };

  const workers = Array.from({ length: concurrency }, () =>
    addUntilDone().catch((error: unknown) => stop.because(error)),
  );
  await Promise.all(workers);
  stop.dispose();
  publishEnd(report(), runtime.nowMs() - startMs, stop);
  if (!stop.isStopped) return report();

  await input.close();
  throw new BatchNotFullyAddedError(
    { ...report(), notAdded: [...notAdded, ...input.unsent()], unconfirmed },
    { cause: stop.reason, reason: describeError?.(stop.reason) ?? undefined },
  );
}

function publishEnd(report: BatchAddItemsReport, durationMs: number, stop: Stop): void {
  if (!hasListeners()) return;
  publish({ type: 'added', ...report, durationMs });
  if (stop.isStopped) publishFailure('add', stop.reason, durationMs);
}

/** Ends a batch before its input does: at the first failure, or when the signal is aborted. */
class Stop {
  isStopped = false;
  reason: unknown;
  readonly dispose: () => void;
  readonly #waiting = new Set<() => void>();

  constructor(signal: AbortSignal | undefined) {
    const abort = () => this.because(signal?.reason);
    signal?.addEventListener('abort', abort);
    this.dispose = () => signal?.removeEventListener('abort', abort);
  }

  /** The first reason counts. */
  because(reason: unknown): void {
    if (this.isStopped) return;
    this.isStopped = true;
    this.reason = reason;
    for (const giveUp of this.#waiting) giveUp();
  }

  /** The promise's value, or `null` if the stop comes first. Keeps no reference to settled promises. */
  orElse<Value>(promise: Promise<Value>): Promise<Value | null> {
    return new Promise((resolve, reject) => {
      const giveUp = () => resolve(null);
      this.#waiting.add(giveUp);
      promise.then(resolve, reject).finally(() => this.#waiting.delete(giveUp));
    });
  }
}

async function outcomeOf(
  addChunk: ChunkedAdd['addChunk'],
  chunk: readonly string[],
): Promise<ChunkOutcome> {
  try {
    return await addChunk(chunk);
  } catch (error) {
    return { added: 0, alreadyKnown: 0, notAdded: [], unconfirmed: chunk, error };
  }
}

/** Valid items in chunks without repeats. */
class ChunkedInput {
  read = 0;
  repeats = 0;
  readonly #items: Iterable<string> | AsyncIterable<string>;
  readonly #chunkSize: number;
  readonly #seen = new RecentItems();
  readonly #chunks = this.#readChunks();
  /** Read, and not sent yet: whole chunks, and the one that is being filled. */
  readonly #unsent = new Set<readonly string[]>();
  #pendingReads = 0;
  #isClosed = false;

  constructor(items: Iterable<string> | AsyncIterable<string>, chunkSize: number) {
    this.#items = items;
    this.#chunkSize = chunkSize;
  }

  /** `null` at the end. */
  async next(): Promise<readonly string[] | null> {
    this.#pendingReads++;
    try {
      const { value, done } = await this.#chunks.next();
      return done ? null : value;
    } finally {
      this.#pendingReads--;
    }
  }

  noteSent(chunk: readonly string[]): void {
    this.#unsent.delete(chunk);
  }

  unsent(): string[] {
    return [...this.#unsent].flat();
  }

  /** Lets the input clean up. Ignores what it throws then, which would hide why the batch ended. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const closed = this.#chunks.return().catch(() => {});
    // While a read is pending, the input closes only after that read, which may never end.
    if (this.#pendingReads === 0) await closed;
  }

  async *#readChunks(): AsyncGenerator<readonly string[], void, void> {
    let chunk = this.#newChunk();
    for await (const item of this.#items) {
      if (this.#isClosed) return;
      assertItem(item, this.read);
      this.read++;
      if (!this.#seen.add(item)) {
        this.repeats++;
        continue;
      }
      chunk.push(item);
      if (chunk.length === this.#chunkSize) {
        yield chunk;
        chunk = this.#newChunk();
      }
    }
    if (chunk.length > 0) yield chunk;
  }

  #newChunk(): string[] {
    const chunk: string[] = [];
    this.#unsent.add(chunk);
    return chunk;
  }
}

/** Repeats are found among the last so many different items, if these fit {@link REPEAT_WINDOW_BYTES}. */
export const REPEAT_WINDOW = 100_000;

/** The same limit in bytes, for long items: items of 80 bytes reach both limits at once. */
export const REPEAT_WINDOW_BYTES = 8_000_000;

/**
 * Remembers at least the last items that fit both limits, at most twice as many (16 MB): an input of
 * any length cannot be remembered whole in constant memory.
 */
class RecentItems {
  #current = new Set<string>();
  #previous = new Set<string>();
  #currentBytes = 0;

  /** Whether the item is new. */
  add(item: string): boolean {
    if (this.#current.has(item)) return false;
    const isNew = !this.#previous.has(item);
    const { copy, bytes } = compactCopy(item);
    if (this.#current.size === REPEAT_WINDOW || this.#currentBytes + bytes > REPEAT_WINDOW_BYTES) {
      this.#previous = this.#current;
      this.#current = new Set();
      this.#currentBytes = 0;
    }
    this.#current.add(copy);
    this.#currentBytes += bytes;
    return isNew;
  }
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** A string that was cut out of a larger one, as lines of a file are, keeps the larger one in memory. */
function compactCopy(item: string): { readonly copy: string; readonly bytes: number } {
  const encoded = encoder.encode(item);
  const isAscii = encoded.length === item.length;
  return { copy: decoder.decode(encoded), bytes: item.length * (isAscii ? 1 : 2) };
}
