import { addInChunks } from '../batch-add.js';
import {
  type BatchAddItemsOptions,
  type BatchAddItemsReport,
  ItemBankRepository,
} from '../item-bank-repository.js';
import { type Logger, levelledLogger } from '../logger.js';
import { fetchLimitFromEnvironment, loggingLevelFromEnvironment } from '../settings.js';
import { assertItem, assertPositiveInteger } from '../validation.js';
import { type ClientOptions, resolveClient } from './client.js';
import { ItemBank, itemBanks } from './item-bank.js';
import { assertTableName } from './tables.js';

/** The most actions that a transaction takes ("Constraints in Amazon DynamoDB", Developer Guide). */
const MAX_ACTIONS_PER_TRANSACTION = 100;
const DEFAULT_CONCURRENCY = 4;

export type ItemBankDynamoDbRepositoryOptions = ClientOptions & {
  /** The table, by name or ARN. Its key is `item` (String): see `itemBankTable`. */
  readonly tableName: string;
  /** How many rows a scan reads at once. Default: `STORAGE_BOX_CONCURRENT_FETCH_LIMIT`, else 30. */
  readonly fetchLimit?: number | undefined;
  /** Default: `console`, from the level in `STORAGE_BOX_LOGGING_LEVEL` (default `WARNING`) on. */
  readonly logger?: Logger | undefined;
};

/**
 * An item bank in a DynamoDB table. Several processes may use it at once, and nodes of the Python
 * module, too. All reads of the bank are strongly consistent, all writes are transactions under a
 * `ClientRequestToken`, so none is applied twice, however often it has to be sent.
 *
 * One instance serves a whole process: its calls share scans and stay out of each other's way.
 *
 * All methods throw `TableNotFoundError` or `TableSchemaError` when the table is missing or has
 * another key, and AWS's own errors (access denied, throttling past the retries) as they are;
 * `batchAddItems` throws them as the `cause` of a `BatchNotFullyAddedError`.
 */
export class ItemBankDynamoDbRepository extends ItemBankRepository {
  readonly tableName: string;

  /**
   * Does no I/O.
   *
   * @throws InvalidOptionError when an option or its environment variable cannot be used
   */
  constructor(options: ItemBankDynamoDbRepositoryOptions) {
    super();
    const { tableName, fetchLimit = fetchLimitFromEnvironment(), logger } = options ?? {};
    assertTableName(tableName);
    assertPositiveInteger('fetchLimit', fetchLimit, 'Leave it out for the default.');
    this.tableName = tableName;
    const client = resolveClient(options);
    const levelled = levelledLogger(logger, loggingLevelFromEnvironment());
    itemBanks.attach(this, new ItemBank(client, tableName, fetchLimit, levelled));
  }

  /**
   * {@inheritDoc ItemBankRepository.batchAddItems}
   *
   * Items enter in transactions of up to 100, 4 of them at once by default. A repeat is dropped when
   * the input held it among the 100,000 different items before, or when the bank holds it. A
   * throttled table is waited for, up to a minute a transaction.
   */
  override batchAddItems(
    items: Iterable<string> | AsyncIterable<string>,
    options: BatchAddItemsOptions = {},
  ): Promise<BatchAddItemsReport> {
    const bank = itemBanks.of(this);
    return addInChunks(items, options, {
      chunkSize: MAX_ACTIONS_PER_TRANSACTION,
      concurrency: DEFAULT_CONCURRENCY,
      addChunk: (chunk) => bank.addChunk(chunk, options.signal),
    });
  }

  /**
   * {@inheritDoc ItemBankRepository.addItemToBank}
   *
   * @throws OutcomeUnknownError when no answer told whether the item is in. While a sale is on, look
   *   for it in both tables before it is added again: it may have been handed out since.
   */
  override async addItemToBank(item: string): Promise<void> {
    assertItem(item);
    const outcome = await itemBanks.of(this).addChunk([item]);
    if ('error' in outcome) throw outcome.error;
  }

  /**
   * {@inheritDoc ItemBankRepository.getItemFromBank}
   *
   * @throws ContentionError when no attempt won in bounded time
   */
  override async getItemFromBank(): Promise<string | null> {
    return itemBanks.of(this).takeItem();
  }
}
