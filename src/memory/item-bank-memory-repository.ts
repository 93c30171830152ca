import { addInChunks } from '../batch-add.js';
import {
  type BatchAddItemsOptions,
  type BatchAddItemsReport,
  ItemBankRepository,
} from '../item-bank-repository.js';
import { assertItem } from '../validation.js';
import { MemoryBank, memoryBanks } from './memory-bank.js';

/**
 * An item bank in this process's memory, for unit tests. Items come out in random order, as they do
 * from DynamoDB.
 */
export class ItemBankMemoryRepository extends ItemBankRepository {
  constructor() {
    super();
    memoryBanks.attach(this, new MemoryBank());
  }

  /** @inheritDoc */
  override async batchAddItems(
    items: Iterable<string> | AsyncIterable<string>,
    options: BatchAddItemsOptions = {},
  ): Promise<BatchAddItemsReport> {
    const bank = memoryBanks.of(this);
    return addInChunks(items, options, {
      chunkSize: 1_000,
      concurrency: 1,
      addChunk: async (chunk) => {
        const added = chunk.filter((item) => bank.add(item)).length;
        return { added, alreadyKnown: chunk.length - added, notAdded: [], unconfirmed: [] };
      },
    });
  }

  /** @inheritDoc */
  override async addItemToBank(item: string): Promise<void> {
    assertItem(item);
    memoryBanks.of(this).add(item);
  }

  /** @inheritDoc */
  override async getItemFromBank(): Promise<string | null> {
    return memoryBanks.of(this).take();
  }
}
