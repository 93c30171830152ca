// For a store that can give all that it holds at once: in memory, or in one file.
import type { Listing, ListOptions } from '../contracts/looking.js';
import { listingOf, type PageRequest, type Segment } from './listing.js';

/**
 * Lists elements in the order of their keys, so that a listing can be resumed, also in another process.
 *
 * @param name of what is listed, as in {@link ListingSource}
 * @param elements called for each page; returns the current elements by key
 */
export function listSnapshot<Element>(
  name: string,
  elements: () => Iterable<readonly [key: string, element: Element]>,
  options: ListOptions | undefined,
): Listing<Element> {
  const readPage = async ({
    segment,
    startKey,
    pageSize = Number.POSITIVE_INFINITY,
  }: PageRequest) => {
    const rows = [...elements()]
      .map(([key, element]) => ({ key, element }))
      .filter(({ key }) => isIn(segment, key) && (startKey === null || key > startKey))
      .sort((one, other) => (one.key < other.key ? -1 : 1));
    const page = rows.slice(0, pageSize);
    return { rows: page, nextKey: rows.length > page.length ? (page.at(-1)?.key ?? null) : null };
  };
  return listingOf({ name, readPage }, options);
}

function isIn({ number, total }: Segment, key: string): boolean {
  let sum = 0;
  for (const character of key) sum += character.codePointAt(0) ?? 0;
  return sum % total === number;
}
