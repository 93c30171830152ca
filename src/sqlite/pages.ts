// Listing and counting: pages in the order of the key, each read on its own, so that other work comes between.
import type { CountOptions, Listing, ListOptions } from '../contracts/looking.js';
import {
  countPages,
  type ListedPage,
  listingOf,
  type PageRequest,
  pageInKeyOrder,
} from '../store-kit/listing.js';
import { CLAIM_PATIENCE_MS, Patience } from '../store-kit/patience.js';
import type { SqliteConnection } from './connection.js';
import { nextTurn } from './turns.js';

interface Paged {
  readonly connection: SqliteConnection;
  readonly tableName: string;
}

/** Some milliseconds. */
const ROWS_PER_COUNT = 20_000;

/** Before all keys, none of which is empty. */
const BEFORE_ALL = '';

/** @param rowsAfter rows after that key, in their order */
export function listRows<Element>(
  table: Paged,
  noun: string,
  rowsAfter: (key: string, count: number) => ListedPage<Element>['rows'],
  options: ListOptions | undefined,
): Listing<Element> {
  const readPage = (request: PageRequest) =>
    pageInKeyOrder(request, (key, count) => readOf(table, request, () => rowsAfter(key, count)));
  return listingOf({ name: `the ${noun} of "${table.tableName}"`, readPage }, options);
}

/** @param countAfter how many of so many rows after that key count, and the key of the last one */
export function countRows(
  table: Paged,
  countAfter: (
    key: string,
    count: number,
  ) => { readonly count: number; readonly last: string | null },
  options: CountOptions = {},
): Promise<number> {
  return countPages(options, async (request) => {
    request.signal?.throwIfAborted();
    if (request.segment.number > 0) return { count: 0, nextKey: null };
    const { startKey } = request;
    const { count, last } = await readOf(table, request, () =>
      countAfter(startKey ?? BEFORE_ALL, ROWS_PER_COUNT),
    );
    return { count, nextKey: last };
  });
}

async function readOf<Page>(
  { connection, tableName }: Paged,
  { signal }: PageRequest,
  read: () => Page,
): Promise<Page> {
  await nextTurn();
  return connection.read([tableName], read, new Patience(CLAIM_PATIENCE_MS, signal));
}
