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
import { assertItem, assertOption, assertPositiveInteger } from '../contracts/validation.js';
import { type Logger, levelledLogger } from '../environment/logger.js';
import { fetchLimitFromEnvironment, loggingLevelFromEnvironment } from '../environment/settings.js';
import { addInChunks } from '../store-kit/batch-add.js';
import { fillLedgerInChunks } from '../store-kit/fill-ledger.js';
import { type ClientOptions, resolveClient } from './client.js';
import { ItemBankTable, itemBankTables } from './item-bank-table.js';
import { LedgerTable } from './ledger-table.js';
import { countRows, estimateRowCount } from './listing.js';
import { MAX_ACTIONS_PER_TRANSACTION } from './put-if-absent.js';
import { assertTableName, canBeSameTable, shortTableName } from './tables.js';

const DEFAULT_CONCURRENCY = 4;

export type ItemBankDynamoDbRepositoryOptions = ClientOptions & {
  /** The table, by name or ARN. Its key is `item` (String): see `itemBankTable`. */
  readonly tableName: string;
  /**
   * A table that remembers every item that ever entered, by name or ARN, so that none enters a
   * second time. Its key is `item` (String): see `ledgerTable`. It must be in the account and
   * Region of the bank, and every script that adds items must name it. Default: none.
   */
  readonly ledgerTableName?: string | undefined;
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
 * All methods throw `TableNotFoundError` or `TableSchemaError` when the table is missing or has the
 * wrong key, `ServiceUnreachableError` when nothing could be sent, and AWS's own errors (access
 * denied, no credentials, throttling that does not pass) as they are;
 * `batchAddItems` throws them as the `cause` of a `BatchNotFullyAddedError`.
 */
export class ItemBankDynamoDbRepository
  extends ItemBankRepository
  implements ItemBankLooking, ItemBankLedger
{
  readonly tableName: string;
  /** `undefined` without a ledger: then an item may enter more than once. */
  readonly ledgerTableName: string | undefined;

  /**
   * Does no I/O.
   *
   * @throws InvalidOptionError when an option or its environment variable cannot be used
   */
  constructor(options: ItemBankDynamoDbRepositoryOptions) {
    super();
    const {
      tableName,
      ledgerTableName,
      fetchLimit = fetchLimitFromEnvironment(),
      logger,
    } = options ?? {};
    assertTableName(tableName);
    if (ledgerTableName !== undefined) assertLedgerTableName(ledgerTableName, tableName);
    assertPositiveInteger('fetchLimit', fetchLimit, 'Leave it out for the default.');
    this.tableName = tableName;
    this.ledgerTableName = ledgerTableName;
    const client = resolveClient(options);
    const levelled = levelledLogger(logger, loggingLevelFromEnvironment());
    const ledger =
      ledgerTableName === undefined ? null : new LedgerTable(client, ledgerTableName, levelled);
    itemBankTables.attach(this, new ItemBankTable(client, tableName, ledger, fetchLimit, levelled));
  }

  /**
   * @remarks
   * Items enter in transactions of up to 100, 4 of them at once by default. When the table is
   * throttled, each transaction is retried for up to a minute.
   *
   * With a ledger, transactions hold up to 50 items. Each item goes into both the bank and the ledger,
   * or into neither. An item that ever entered, in any run of any script, counts as `alreadyKnown`, so
   * a batch that failed or was killed can simply be run again. A new item costs 4 write units, one
   * that is known half a read unit.
   *
   * @returns what was read, added and dropped; an empty input gives zeros
   * @throws InvalidOptionError when `items` is not an iterable of strings, or is itself a string
   * @throws InvalidItemError when an array or a set holds an invalid item; nothing was added
   * @throws BatchNotFullyAddedError on any failure after reading began
   */
  override batchAddItems(
    items: Iterable<string> | AsyncIterable<string>,
    options: BatchAddItemsOptions = {},
  ): Promise<BatchAddItemsReport> {
    const bank = itemBankTables.of(this);
    const addChunk = (chunk: readonly string[]) => bank.addChunk(chunk, options.signal);
    const { ledger } = bank;
    return addInChunks(items, options, {
      chunkSize: MAX_ACTIONS_PER_TRANSACTION / (ledger === null ? 1 : 2),
      concurrency: DEFAULT_CONCURRENCY,
      addChunk: ledger === null ? addChunk : ledger.lookingFirst(addChunk),
      describeError,
    });
  }

  /**
   * @remarks
   * An item that is already in the ledger costs half a read unit, any other item 2 write units. Reads the
   * bank and the assignments whole, strongly consistent: one read unit for 4 KB.
   */
  async fillLedger(
    deduplicationRepo: DeduplicationLooking,
    options: BatchAddItemsOptions = {},
  ): Promise<BatchAddItemsReport> {
    const { ledger } = itemBankTables.of(this);
    assertOption(
      ledger !== null,
      'ledgerTableName',
      'the name or ARN of a DynamoDB table',
      undefined,
      'Make the repository with { tableName, ledgerTableName }.',
    );
    return fillLedgerInChunks(this, deduplicationRepo, options, {
      chunkSize: MAX_ACTIONS_PER_TRANSACTION,
      concurrency: DEFAULT_CONCURRENCY,
      addChunk: ledger.lookingFirst((chunk) => ledger.addChunk(chunk, options.signal)),
      describeError,
    });
  }

  /**
   * @throws InvalidItemError when the item is not a non-empty, well-formed string of ≤ 2,048 bytes
   * @throws OutcomeUnknownError when no answer said whether the item was added. With a ledger, add it
   *   again. Without one, while a sale is on, look for it in both tables first: it may have been
   *   handed out since.
   */
  override async addItemToBank(item: string): Promise<void> {
    assertItem(item);
    const outcome = await itemBankTables.of(this).addChunk([item]);
    if ('error' in outcome) throw outcome.error;
  }

  /**
   * @throws InvalidItemError when the item is not a non-empty, well-formed string of ≤ 2,048 bytes
   * @throws OutcomeUnknownError when no answer said whether the item was added. While a sale is on, look
   *   for it in both tables before it is returned again: it may have been handed out since.
   */
  override async returnItemToBank(item: string): Promise<void> {
    assertItem(item);
    const outcome = await itemBankTables.of(this).returnItem(item);
    if ('error' in outcome) throw outcome.error;
  }

  /**
   * @returns the item, or `null` when the bank is proven empty: no item stayed in it for the whole
   *   call
   * @throws ItemStrandedError when it is unknown whether an item was taken out
   * @throws ContentionError when no attempt succeeded in time
   */
  override async getItemFromBank(): Promise<string | null> {
    return itemBankTables.of(this).takeItem();
  }

  /**
   * How many items are in the bank. Exact while nothing enters or leaves: every row is counted, by
   * strongly consistent scans, which cost one read unit for 4 KB.
   *
   * @throws InvalidOptionError when an option cannot be used
   * @throws the signal's reason once it is aborted
   */
  async countItems(options?: CountOptions): Promise<number> {
    return countRows(itemBankTables.of(this), options);
  }

  /**
   * DynamoDB's own estimate: about how many items were in the bank some hours ago, free of charge. See
   * "DescribeTable" in the API reference, `ItemCount`.
   */
  async estimateItemCount(): Promise<number> {
    return estimateRowCount(itemBankTables.of(this));
  }

  /**
   * The items that are in the bank, strongly consistent, one read unit for 4 KB. An item that leaves
   * the bank meanwhile may be listed or not.
   *
   * @throws InvalidOptionError when an option cannot be used, at once; everything else is thrown by
   *   the iteration
   */
  listItems(options?: ListOptions): Listing<string> {
    return itemBankTables.of(this).listItems(options);
  }

  /**
   * @remarks
   * Two ARNs mean the same bank if they are equal; a name and an ARN, or two names, if the name is the
   * same.
   */
  ownsAssignment({ itemBankName }: Pick<Assignment, 'itemBankName'>): boolean {
    return itemBankName == null || canBeSameTable(itemBankName, this.tableName);
  }
}

function assertLedgerTableName(
  ledgerTableName: unknown,
  tableName: string,
): asserts ledgerTableName is string {
  assertTableName(ledgerTableName, 'ledgerTableName');
  assertOption(
    shortTableName(ledgerTableName) !== shortTableName(tableName),
    'ledgerTableName',
    'another table than `tableName`',
    ledgerTableName,
    'Make one from ledgerTable().',
  );
}

/** AWS's errors quote no item. */
function describeError(error: unknown): string | null {
  const { message, $fault } = (error ?? {}) as Partial<Error & { readonly $fault: unknown }>;
  return $fault === undefined ? null : String(message);
}
