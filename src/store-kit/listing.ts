// Reads a whole store, for every backend: in parallel segments, and resumable after any element.
import { InvalidOptionError } from '../contracts/errors.js';
import type {
  CountAssignmentsOptions,
  CountOptions,
  Listing,
  ListOptions,
} from '../contracts/looking.js';
import { assertOption, assertPositiveInteger, assertSignal } from '../contracts/validation.js';

/** One of the parts that a store is read in. */
export interface Segment {
  /** From 0. */
  readonly number: number;
  readonly total: number;
}

/** What is asked of a backend when it reads one page. */
export interface PageRequest {
  /** Every row belongs to exactly one segment, and always to the same one. */
  readonly segment: Segment;
  /** The page begins after this key; `null` for the beginning of the segment. */
  readonly startKey: string | null;
  /** How many rows at most; `undefined` for as many as the backend likes. */
  readonly pageSize: number | undefined;
  /** Aborted when nobody waits for the page any more. */
  readonly signal: AbortSignal | undefined;
}

/** One page of a segment. It may be empty and still have a `nextKey`. */
export interface ListedPage<Element> {
  /** In the order of the store; a listing continues after the `key` of the last row that it returned. */
  readonly rows: readonly { readonly key: string; readonly element: Element }[];
  /** The next page begins after this key; `null` when this was the last page of the segment. */
  readonly nextKey: string | null;
}

/** What a backend supplies to {@link listingOf}. */
export interface ListingSource<Element> {
  /** What is listed, and of which store. A cursor works only with the same name. */
  readonly name: string;
  /** Throws on failure; a failure must never look like an empty page. */
  readPage(request: PageRequest): Promise<ListedPage<Element>>;
}

const DEFAULT_PAGE_SIZE = 1_000;

/**
 * A page of a store that reads in the order of its keys, and gains nothing from segments: all rows belong to the
 * first one.
 *
 * @param rowsAfter so many rows after that key; no key is empty
 */
export async function pageInKeyOrder<Element>(
  { segment, startKey, pageSize = DEFAULT_PAGE_SIZE }: PageRequest,
  rowsAfter: (key: string, count: number) => Promise<ListedPage<Element>['rows']>,
): Promise<ListedPage<Element>> {
  if (segment.number > 0) return { rows: [], nextKey: null };
  const rows = await rowsAfter(startKey ?? '', pageSize);
  return { rows, nextKey: rows.length < pageSize ? null : (rows.at(-1)?.key ?? null) };
}

/** How far a segment was read. */
interface Position {
  /** The last key that was returned. */
  after: string | null;
  isAtEnd: boolean;
}

/** The largest number that any of the stores takes. */
const MAX_SEGMENTS = 1_000_000;
const DEFAULT_SEGMENTS = 1;
const CURSOR_VERSION = 1;

/**
 * Makes a listing from a function that reads one page: checks the options, reads the segments in
 * parallel, and makes the cursor. Reads nothing before it is iterated.
 *
 * @throws InvalidOptionError when an option cannot be used, or the cursor is of another source
 */
export function listingOf<Element>(
  source: ListingSource<Element>,
  options: ListOptions = {},
): Listing<Element> {
  assertCountOptions(options);
  const { cursor, segments, pageSize, signal } = options;
  if (pageSize !== undefined) {
    assertPositiveInteger('pageSize', pageSize, 'Leave it out for full pages.');
  }
  if (cursor === undefined) {
    return new SegmentedListing(source, positionsAtStart(segments), pageSize, signal);
  }
  const positions = decodeCursor(cursor, source.name);
  assertOption(
    segments === undefined || segments === positions.length,
    'segments',
    `absent or ${positions.length}, as in the cursor`,
    segments,
    'Leave it out beside a cursor.',
  );
  return new SegmentedListing(source, positions, pageSize, signal);
}

/**
 * Counts a store page by page, its segments in parallel: the sum of what `countPage` gives.
 *
 * @returns 0 for an empty store
 * @throws what `countPage` throws
 * @throws InvalidOptionError when an option cannot be used
 */
export async function countPages(
  options: CountOptions,
  countPage: (
    request: PageRequest,
  ) => Promise<{ readonly count: number; readonly nextKey: string | null }>,
): Promise<number> {
  assertCountOptions(options);
  const { segments, signal } = options;
  let sum = 0;
  const pages = readSegments(positionsAtStart(segments), (segment, startKey) =>
    countPage({ segment, startKey, pageSize: undefined, signal }),
  );
  for await (const { page } of pages) sum += page.count;
  return sum;
}

class SegmentedListing<Element> implements Listing<Element> {
  readonly #source: ListingSource<Element>;
  readonly #positions: Position[];
  readonly #pageSize: number | undefined;
  readonly #signal: AbortSignal | undefined;

  constructor(
    source: ListingSource<Element>,
    positions: Position[],
    pageSize: number | undefined,
    signal: AbortSignal | undefined,
  ) {
    this.#source = source;
    this.#positions = positions;
    this.#pageSize = pageSize;
    this.#signal = signal;
  }

  get cursor(): string {
    return encodeCursor(this.#source.name, this.#positions);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Element, void, void> {
    this.#signal?.throwIfAborted();
    const pages = readSegments(this.#positions, (segment, startKey) =>
      this.#source.readPage({
        segment,
        startKey,
        pageSize: this.#pageSize,
        signal: this.#signal,
      }),
    );
    for await (const { position, page } of pages) {
      for (const { key, element } of page.rows) {
        this.#signal?.throwIfAborted();
        position.after = key;
        yield element;
      }
      position.after = page.nextKey ?? position.after;
      position.isAtEnd = page.nextKey === null;
    }
  }
}

/** All pages of the segments that are not at their end, in the order in which they arrive. */
async function* readSegments<Page extends { readonly nextKey: string | null }>(
  positions: readonly Position[],
  readPage: (segment: Segment, startKey: string | null) => Promise<Page>,
): AsyncGenerator<{ readonly position: Position; readonly page: Page }, void, void> {
  const reads = new Map<number, Promise<readonly [number, Page]>>();
  const read = (number: number, startKey: string | null) => {
    const segment = { number, total: positions.length };
    const page = readPage(segment, startKey).then((result) => [number, result] as const);
    // When a read fails after the iteration has ended, nobody waits for the error.
    page.catch(() => {});
    reads.set(number, page);
  };
  for (const [number, { after, isAtEnd }] of positions.entries()) {
    if (!isAtEnd) read(number, after);
  }
  while (reads.size > 0) {
    const [number, page] = await Promise.race(reads.values());
    reads.delete(number);
    // Reads the segment's next page while the caller gets this one.
    if (page.nextKey !== null) read(number, page.nextKey);
    yield { position: positions[number] as Position, page };
  }
}

function positionsAtStart(segments = DEFAULT_SEGMENTS): Position[] {
  return Array.from({ length: segments }, () => ({ after: null, isAtEnd: false }));
}

/** @throws InvalidOptionError when an option cannot be used */
export function assertCountOptions({ segments, signal }: CountOptions): void {
  assertSignal(signal);
  const isUsable =
    segments === undefined ||
    (Number.isSafeInteger(segments) && segments >= 1 && segments <= MAX_SEGMENTS);
  assertOption(
    isUsable,
    'segments',
    `a whole number from 1 to ${MAX_SEGMENTS}`,
    segments,
    `Leave it out for ${DEFAULT_SEGMENTS}.`,
  );
}

/** @throws InvalidOptionError when an option cannot be used */
export function assertCountAssignmentsOptions(options: CountAssignmentsOptions): void {
  assertCountOptions(options);
  const { assignedAfter } = options;
  const isDate = assignedAfter instanceof Date && !Number.isNaN(assignedAfter.getTime());
  assertOption(
    assignedAfter === undefined || isDate,
    'assignedAfter',
    'a valid Date',
    assignedAfter,
    'Pass new Date(…), or leave it out for all.',
  );
}

function encodeCursor(name: string, positions: readonly Position[]): string {
  return toBase64Url(JSON.stringify({ version: CURSOR_VERSION, name, positions }));
}

// No message shows the cursor itself: it holds items and deduplication IDs.
function decodeCursor(cursor: unknown, name: string): Position[] {
  const { version, name: itsName, positions } = contentOf(cursor);
  const isReadable =
    version === CURSOR_VERSION &&
    Array.isArray(positions) &&
    positions.length >= 1 &&
    positions.length <= MAX_SEGMENTS &&
    positions.every(isPosition);
  if (!isReadable) throw unusableCursor(name, 'one that cannot be read');
  if (itsName !== name) throw unusableCursor(name, `one of ${itsName}`);
  return positions;
}

function contentOf(cursor: unknown): Record<string, unknown> {
  try {
    return JSON.parse(fromBase64Url(cursor as string)) ?? {};
  } catch {
    return {};
  }
}

// Not by `Buffer`, which browsers lack.
function toBase64Url(text: string): string {
  const bytes = Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte));
  return btoa(bytes.join('')).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

function fromBase64Url(text: string): string {
  const bytes = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return new TextDecoder().decode(Uint8Array.from(bytes, (byte) => byte.charCodeAt(0)));
}

function isPosition(value: unknown): value is Position {
  const { after, isAtEnd } = (value ?? {}) as Partial<Position>;
  const isKey = typeof after === 'string' && after !== '';
  return (after === null || isKey) && typeof isAtEnd === 'boolean';
}

function unusableCursor(name: string, received: string): InvalidOptionError {
  return new InvalidOptionError(
    'cursor',
    `Expected \`cursor\` to be the cursor of a listing of ${name}, got ${received}. Pass it as the ` +
      'listing gave it, or leave it out to start from the beginning.',
  );
}
