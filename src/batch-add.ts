// Reads an input of any length in constant memory and adds it chunk by chunk, for every backend.
import { BatchNotFullyAddedError } from './errors.js';
import type { BatchAddItemsOptions, BatchAddItemsReport } from './item-bank-repository.js';
import { assertItem, assertOption, assertPositiveInteger, assertSignal } from './validation.js';

/** What became of one chunk. The four parts together are the chunk. */
export interface ChunkOutcome {
  readonly added: number;
  readonly alreadyKnown: number;
  /** Certainly not in through this call; empty unless there is an `error`. */
  readonly notAdded: readonly string[];
  /** Perhaps in; empty unless there is an `error`. */
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
}

/**
 * A `batchAddItems` made from a way to add one chunk: checks and groups the input, drops repeats,
 * keeps several chunks under way, reports, and on failure tells which items are in.
 */
export async function addInChunks(
  items: Iterable<string> | AsyncIterable<string>,
  options: BatchAddItemsOptions,
  { chunkSize, concurrency: defaultConcurrency, addChunk }: ChunkedAdd,
): Promise<BatchAddItemsReport> {
  const { signal, onProgress, concurrency = defaultConcurrency } = options;
  assertBatchArguments(items, signal, onProgress, concurrency);
  signal?.throwIfAborted();

  const input = new ChunkedInput(items, chunkSize);
  const chunks = input.chunks();
  const notAdded: string[] = [];
  const unconfirmed: string[] = [];
  let added = 0;
  let alreadyKnown = 0;
  const failures: unknown[] = [];

  const report = () => ({ read: input.read, added, repeats: input.repeats, alreadyKnown });

  const addUntilDone = async () => {
    while (failures.length === 0) {
      signal?.throwIfAborted();
      const { value: chunk, done } = await chunks.next();
      if (done) return;
      if (failures.length > 0 || signal?.aborted) {
        notAdded.push(...chunk);
        continue;
      }
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
    addUntilDone().catch((error: unknown) => {
      failures.push(error);
    }),
  );
  await Promise.all(workers);
  if (failures.length === 0) return report();

  await chunks.return();
  throw new BatchNotFullyAddedError(
    { ...report(), notAdded: [...notAdded, ...input.takeUnsent()], unconfirmed },
    { cause: failures[0] },
  );
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

function assertBatchArguments(
  items: unknown,
  signal: unknown,
  onProgress: unknown,
  concurrency: unknown,
): void {
  const isIterable =
    typeof items === 'object' &&
    items !== null &&
    (Symbol.iterator in items || Symbol.asyncIterator in items);
  assertOption(
    isIterable,
    'items',
    'an iterable or async iterable of strings',
    items,
    'Pass an array, a set, a generator or a stream of lines; wrap a single item in an array.',
  );
  assertSignal(signal);
  assertOption(
    onProgress === undefined || typeof onProgress === 'function',
    'onProgress',
    'a function',
    onProgress,
    'Pass a function that takes the progress, or leave it out.',
  );
  assertPositiveInteger('concurrency', concurrency, 'Leave it out for the default.');
  // What can be read twice is checked as a whole first, so that a bad item stops all of it.
  if (Array.isArray(items) || items instanceof Set) {
    let index = 0;
    for (const item of items) assertItem(item, index++);
  }
}

/** Valid items in chunks without repeats. */
class ChunkedInput {
  read = 0;
  repeats = 0;
  readonly #items: Iterable<string> | AsyncIterable<string>;
  readonly #chunkSize: number;
  readonly #seen = new RecentItems();
  #unsent: string[] = [];

  constructor(items: Iterable<string> | AsyncIterable<string>, chunkSize: number) {
    this.#items = items;
    this.#chunkSize = chunkSize;
  }

  async *chunks(): AsyncGenerator<readonly string[], void, void> {
    for await (const item of this.#items) {
      assertItem(item, this.read);
      this.read++;
      if (!this.#seen.add(item)) {
        this.repeats++;
        continue;
      }
      this.#unsent.push(item);
      if (this.#unsent.length === this.#chunkSize) yield this.takeUnsent();
    }
    if (this.#unsent.length > 0) yield this.takeUnsent();
  }

  /** Items that were read and are in no chunk yet. */
  takeUnsent(): readonly string[] {
    const unsent = this.#unsent;
    this.#unsent = [];
    return unsent;
  }
}

/** How far back a repeat is recognised, in different items. */
export const REPEAT_WINDOW = 100_000;

/**
 * Remembers at least the last {@link REPEAT_WINDOW} different items, at most twice as many: an input
 * of any length cannot be remembered whole in constant memory.
 */
class RecentItems {
  #current = new Set<string>();
  #previous = new Set<string>();

  /** Whether the item is new. */
  add(item: string): boolean {
    if (this.#current.has(item)) return false;
    const isNew = !this.#previous.has(item);
    if (this.#current.size === REPEAT_WINDOW) {
      this.#previous = this.#current;
      this.#current = new Set();
    }
    this.#current.add(item);
    return isNew;
  }
}
