import {
  type BatchAddItemsOptions,
  type BatchAddItemsReport,
  ItemBankRepository,
} from '../contracts/item-bank-repository.js';
import type { ItemBankLedger } from '../contracts/ledger.js';
import type {
  Assignment,
  CountOptions,
  DeduplicationLooking,
  ItemBankLooking,
  Listing,
  ListOptions,
} from '../contracts/looking.js';
import { assertItem, assertOption } from '../contracts/validation.js';
import { addInChunks, type ChunkedAdd } from '../store-kit/batch-add.js';
import { fillLedgerInChunks } from '../store-kit/fill-ledger.js';
import { assertCountOptions } from '../store-kit/listing.js';
import { listSnapshot } from '../store-kit/snapshot-listing.js';
import { MemoryBank, memoryBanks } from './memory-bank.js';

export interface ItemBankMemoryRepositoryOptions {
  /** Whether the bank remembers all items ever added, so that none is added twice. Default: `false`. */
  readonly hasLedger?: boolean | undefined;
  /**
   * The `itemBankName` in the results of claims from this bank; on DynamoDB it is the table's name.
   * Default: none, so that `itemBankName` is `null`.
   */
  readonly name?: string | undefined;
}

/**
 * An item bank in this process's memory, for unit tests. Items come out in random order, as they do
 * from DynamoDB.
 */
export class ItemBankMemoryRepository
  extends ItemBankRepository
  implements ItemBankLooking, ItemBankLedger
{
  /** @throws InvalidOptionError when `hasLedger` is not a boolean, or `name` not a non-empty string */
  constructor(options: ItemBankMemoryRepositoryOptions = {}) {
    super();
    const { hasLedger = false, name } = options;
    assertOption(
      typeof hasLedger === 'boolean',
      'hasLedger',
      'true or false',
      hasLedger,
      'Leave it out for false.',
    );
    assertOption(
      name === undefined || (typeof name === 'string' && name !== ''),
      'name',
      'a non-empty string',
      name,
      'Leave it out for a bank without a name.',
    );
    memoryBanks.attach(this, new MemoryBank(hasLedger, name ?? null));
  }

  override async batchAddItems(
    items: Iterable<string> | AsyncIterable<string>,
    options: BatchAddItemsOptions = {},
  ): Promise<BatchAddItemsReport> {
    const bank = memoryBanks.of(this);
    return addInChunks(
      items,
      options,
      eachOf((item) => bank.add(item)),
    );
  }

  override async addItemToBank(item: string): Promise<void> {
    assertItem(item);
    memoryBanks.of(this).add(item);
  }

  override async getItemFromBank(): Promise<string | null> {
    return memoryBanks.of(this).take();
  }

  override async returnItemToBank(item: string): Promise<void> {
    assertItem(item);
    memoryBanks.of(this).giveBack(item);
  }

  /**
   * How many items are in the bank.
   *
   * @throws InvalidOptionError when an option cannot be used
   * @throws the signal's reason once it is aborted
   */
  async countItems(options: CountOptions = {}): Promise<number> {
    assertCountOptions(options);
    options.signal?.throwIfAborted();
    return memoryBanks.of(this).items.length;
  }

  /** The exact count: in memory there is nothing to estimate. */
  async estimateItemCount(): Promise<number> {
    return memoryBanks.of(this).items.length;
  }

  /**
   * The items that are in the bank.
   *
   * @throws InvalidOptionError when an option cannot be used
   */
  listItems(options?: ListOptions): Listing<string> {
    const bank = memoryBanks.of(this);
    return listSnapshot(
      'the items in memory',
      () => bank.items.map((item) => [item, item] as const),
      options,
    );
  }

  ownsAssignment({ itemBankName }: Pick<Assignment, 'itemBankName'>): boolean {
    return itemBankName == null || itemBankName === memoryBanks.of(this).name;
  }

  async fillLedger(
    deduplicationRepo: DeduplicationLooking,
    options: BatchAddItemsOptions = {},
  ): Promise<BatchAddItemsReport> {
    const bank = memoryBanks.of(this);
    assertOption(
      bank.hasLedger,
      'hasLedger',
      'true',
      false,
      'Make the bank with { hasLedger: true }.',
    );
    return fillLedgerInChunks(
      this,
      deduplicationRepo,
      options,
      eachOf((item) => bank.enter(item)),
    );
  }
}

/** @param add returns whether the item was new */
function eachOf(add: (item: string) => boolean): ChunkedAdd {
  return {
    chunkSize: 1_000,
    concurrency: 1,
    addChunk: async (chunk) => {
      const added = chunk.filter(add).length;
      return { added, alreadyKnown: chunk.length - added, notAdded: [], unconfirmed: [] };
    },
  };
}
