// A backend as a user would write it, with its five methods and nothing else; each can be replaced.
import {
  addInChunks,
  assertDeduplicationId,
  assertItem,
  type BatchAddItemsOptions,
  DeduplicationIdAlreadyAssignedError,
  DeduplicationRepository,
  ItemBankRepository,
} from 'storagebox/core';

/** What both repositories keep their rows in: once it is broken, every access throws. */
export class Store<Rows> {
  readonly #rows: Rows;
  #isBroken = false;

  constructor(rows: Rows) {
    this.#rows = rows;
  }

  get rows(): Rows {
    if (this.#isBroken) throw new Error('The store does not answer.');
    return this.#rows;
  }

  break(): void {
    this.#isBroken = true;
  }
}

export class SetItemBank extends ItemBankRepository {
  readonly store: Store<Set<string>>;

  constructor(rows = new Set<string>()) {
    super();
    this.store = new Store(rows);
  }

  get items(): Set<string> {
    return this.store.rows;
  }

  override async batchAddItems(
    items: Iterable<string> | AsyncIterable<string>,
    options: BatchAddItemsOptions = {},
  ) {
    return addInChunks(items, options, {
      chunkSize: 10,
      concurrency: 2,
      addChunk: async (chunk) => {
        const added = chunk.filter((item) => !this.items.has(item));
        for (const item of added) this.items.add(item);
        return {
          added: added.length,
          alreadyKnown: chunk.length - added.length,
          notAdded: [],
          unconfirmed: [],
        };
      },
    });
  }

  override async addItemToBank(item: string): Promise<void> {
    assertItem(item);
    this.items.add(item);
  }

  override async getItemFromBank(): Promise<string | null> {
    for (const item of this.items) {
      this.items.delete(item);
      return item;
    }
    return null;
  }
}

export class MapDeduplication extends DeduplicationRepository {
  readonly store: Store<Map<string, string>>;

  constructor(rows = new Map<string, string>()) {
    super();
    this.store = new Store(rows);
  }

  get itemsById(): Map<string, string> {
    return this.store.rows;
  }

  override async getValueForDeduplicationId(deduplicationId: string): Promise<string | null> {
    assertDeduplicationId(deduplicationId);
    return this.itemsById.get(deduplicationId) ?? null;
  }

  override async putDeduplicationId(deduplicationId: string, item: string): Promise<void> {
    assertDeduplicationId(deduplicationId);
    assertItem(item);
    const existing = this.itemsById.get(deduplicationId);
    if (existing !== undefined) throw new DeduplicationIdAlreadyAssignedError(existing);
    this.itemsById.set(deduplicationId, item);
  }
}
