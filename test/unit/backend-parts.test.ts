// What `storagebox/core` offers to the author of a backend, used by one that has no other import.
import {
  assertCountOptions,
  assertOption,
  type CountOptions,
  countPages,
  type ListedPage,
  type Listing,
  type ListOptions,
  type Logger,
  levelledLogger,
  listingOf,
  loggingLevelFromEnvironment,
  onStorageBoxEvent,
  type PageRequest,
  publishObstacle,
  type StorageBoxEvent,
} from 'storagebox/core';
import { expect, onTestFinished, test, vi } from 'vitest';

/** Rows in pages, as a store would give them. */
class PagedStore {
  readonly #items: readonly string[];
  readonly #pageRows: number;

  constructor(items: readonly string[], options: { readonly pageRows: number }) {
    assertOption(options.pageRows > 0, 'pageRows', 'a number from 1', options.pageRows, 'Pass 1.');
    this.#items = [...items].sort();
    this.#pageRows = options.pageRows;
  }

  listItems(options?: ListOptions): Listing<string> {
    return listingOf(
      { name: 'the items of the paged store', readPage: async (request) => this.#page(request) },
      options,
    );
  }

  countItems(options: CountOptions = {}): Promise<number> {
    assertCountOptions(options);
    return countPages(options, async (request) => {
      const { rows, nextKey } = this.#page(request);
      return { count: rows.length, nextKey };
    });
  }

  #page({ segment, startKey, pageSize = this.#pageRows }: PageRequest): ListedPage<string> {
    const rows = this.#items
      .filter((_, index) => index % segment.total === segment.number)
      .filter((item) => startKey === null || item > startKey)
      .map((item) => ({ key: item, element: item }));
    const page = rows.slice(0, pageSize);
    return { rows: page, nextKey: rows.length > page.length ? (page.at(-1)?.key ?? null) : null };
  }
}

const items = Array.from({ length: 25 }, (_, index) => `item-${index}`);

test('a listing in segments is taken up again behind its cursor, and counting adds up', async () => {
  const store = new PagedStore(items, { pageRows: 4 });
  const first = store.listItems({ segments: 3 });
  const seen: string[] = [];
  for await (const item of first) {
    seen.push(item);
    if (seen.length === 10) break;
  }
  for await (const item of store.listItems({ cursor: first.cursor })) seen.push(item);
  expect(seen.sort()).toEqual([...items].sort());
  await expect(store.countItems({ segments: 2 })).resolves.toBe(25);
});

test('unusable options are refused with the typed error', async () => {
  expect(() => new PagedStore(items, { pageRows: 0 })).toThrow(
    expect.objectContaining({ code: 'STORAGEBOX_INVALID_OPTION', option: 'pageRows' }),
  );
  expect(() => new PagedStore(items, { pageRows: 1 }).listItems({ segments: 0 })).toThrow(
    expect.objectContaining({ code: 'STORAGEBOX_INVALID_OPTION', option: 'segments' }),
  );
});

test('the levelled logger keeps to the level in the environment', () => {
  const logger = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() } satisfies Logger;
  vi.stubEnv('STORAGE_BOX_LOGGING_LEVEL', 'ERROR');
  onTestFinished(() => {
    vi.unstubAllEnvs();
  });
  levelledLogger(logger, loggingLevelFromEnvironment()).warn('not told');
  levelledLogger(logger, 'WARNING').warn('told');
  expect(logger.warn.mock.calls).toEqual([['told']]);
});

test('an obstacle reaches those who listen', () => {
  const obstacle = { type: 'throttled', attempt: 1, durationMs: 5, tableNames: ['codes'] } as const;
  publishObstacle(obstacle);
  const told: StorageBoxEvent[] = [];
  const stop = onStorageBoxEvent((event) => told.push(event));
  publishObstacle(obstacle);
  stop();
  expect(told).toEqual([obstacle]);
});
