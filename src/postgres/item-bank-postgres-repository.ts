import { ItemStrandedError, isStorageBoxError } from '../contracts/errors.js';
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
import { assertItem } from '../contracts/validation.js';
import { sleepBeforeRetry } from '../store-kit/backoff.js';
import { addInChunks, type ChunkedAdd } from '../store-kit/batch-add.js';
import { fillLedgerInChunks } from '../store-kit/fill-ledger.js';
import { assertCountOptions } from '../store-kit/listing.js';
import { CLAIM_PATIENCE_MS, Patience } from '../store-kit/patience.js';
import { within as inOwn } from './claim/own-transaction.js';
import { assertClient, type PostgresClient } from './client.js';
import { ItemBankTable, itemBankTables } from './item-bank-table.js';
import { assertBankName, ledgerNameOf } from './names.js';
import { sqlStateOf } from './refusals.js';

/** One statement each. */
const CHUNK_SIZE = 5_000;
const DEFAULT_CONCURRENCY = 2;

export interface ItemBankPostgresRepositoryOptions {
  /** The table, with or without its schema: see `itemBankTable`. With `_ledger`, it has at most 63 bytes. */
  readonly tableName: string;
  /** Used as it is, never closed. */
  readonly client: PostgresClient;
}

/**
 * An item bank in a PostgreSQL table. Many processes may use it at once. It always has a ledger, in a table beside it
 * (`…_ledger`), so an item enters once, ever.
 *
 * An item whose text has U+0000 or U+0001 is stored with these escaped, as U+0001 and a digit; escaped it may have
 * 2,680 bytes.
 *
 * All methods throw `TableNotFoundError` or `TableSchemaError` when the table is missing or has other columns,
 * `ServiceUnreachableError` when no connection was established, `OutcomeUnknownError` when one broke during a write,
 * and all other errors of the driver (no permission, a timeout of its own) as they are; `batchAddItems` throws them
 * as the `cause` of a `BatchNotFullyAddedError`.
 */
export class ItemBankPostgresRepository
  extends ItemBankRepository
  implements ItemBankLooking, ItemBankLedger
{
  readonly tableName: string;
  /** The table of all items that ever entered: the same with `_ledger`. */
  readonly ledgerTableName: string;

  /**
   * Does no I/O.
   *
   * @throws InvalidOptionError when an option cannot be used
   */
  constructor(options: ItemBankPostgresRepositoryOptions) {
    super();
    const { tableName, client } = options ?? {};
    assertBankName(tableName);
    assertClient(client);
    this.tableName = tableName;
    this.ledgerTableName = ledgerNameOf(tableName);
    itemBankTables.attach(this, new ItemBankTable(client, tableName));
  }

  /**
   * @remarks
   * Items enter 5,000 in a statement, each statement as a whole. A batch that failed or was killed can simply be run
   * again: what was added counts as `alreadyKnown`.
   *
   * With `within`, they are added when you commit, one statement after the other. A failure ends the transaction:
   * roll it back.
   *
   * @returns what was read, added and dropped; an empty input gives zeros
   * @throws InvalidOptionError when `items` is not an iterable of strings, or no transaction is open on `within`
   * @throws InvalidItemError when an array or a set holds an invalid item; nothing was added
   * @throws BatchNotFullyAddedError on any failure after reading began
   */
  override batchAddItems(
    items: Iterable<string> | AsyncIterable<string>,
    options: BatchAddItemsOptions = {},
  ): Promise<BatchAddItemsReport> {
    const bank = itemBankTables.of(this);
    const { within } = options;
    if (within === undefined) return addInChunks(items, options, chunksOf(bank, true));
    return inOwn(within, bank.names, (session) =>
      addInChunks(items, { ...options, concurrency: 1 }, chunksOf(bank, true, session)),
    );
  }

  async fillLedger(
    deduplicationRepo: DeduplicationLooking,
    options: BatchAddItemsOptions = {},
  ): Promise<BatchAddItemsReport> {
    const ledger = { ...chunksOf(itemBankTables.of(this), false), canJoinTransactions: false };
    return fillLedgerInChunks(this, deduplicationRepo, options, ledger);
  }

  /**
   * @throws InvalidItemError when the item is not a non-empty, well-formed string of ≤ 2,048 bytes
   * @throws OutcomeUnknownError when no answer said whether the item was added; add it again
   */
  override async addItemToBank(item: string): Promise<void> {
    assertItem(item);
    const outcome = await itemBankTables.of(this).addChunk([item], true);
    if ('error' in outcome) throw outcome.error;
  }

  /**
   * @throws InvalidItemError when the item is not a non-empty, well-formed string of ≤ 2,048 bytes
   * @throws OutcomeUnknownError when no answer said whether the item was put back
   */
  override async returnItemToBank(item: string): Promise<void> {
    assertItem(item);
    await itemBankTables.of(this).returnItem(item);
  }

  /**
   * @returns the item, or `null` when the bank is proven empty: no item stayed in it for the whole call
   * @throws ItemStrandedError when it is unknown whether an item was taken out
   * @throws ContentionError when no attempt succeeded in time
   */
  override async getItemFromBank(): Promise<string | null> {
    const bank = itemBankTables.of(this);
    const patience = new Patience(CLAIM_PATIENCE_MS);
    for (let retry = 0; ; retry++) {
      const item = await bank.peek();
      if (item === null) return null;
      const isTaken = await bank.take(item).catch((cause: unknown) => {
        const isUnknown = isStorageBoxError(cause) && cause.code === 'STORAGEBOX_OUTCOME_UNKNOWN';
        throw isUnknown ? new ItemStrandedError(item, { cause }) : cause;
      });
      if (isTaken) return item;
      await sleepBeforeRetry(retry);
      patience.assertLeft();
    }
  }

  /**
   * How many items are in the bank, at one moment: it reads the whole table.
   *
   * @throws InvalidOptionError when an option cannot be used
   * @throws the signal's reason if it is aborted beforehand
   */
  async countItems(options: CountOptions = {}): Promise<number> {
    assertCountOptions(options);
    options.signal?.throwIfAborted();
    return itemBankTables.of(this).count();
  }

  /**
   * What the planner expects, at the cost of planning: as good as the last `analyze`. See "Statistics Used by the
   * Planner" in PostgreSQL's documentation.
   */
  async estimateItemCount(): Promise<number> {
    return itemBankTables.of(this).estimate();
  }

  /**
   * The items that are in the bank, each page as of one moment. An item that leaves the bank meanwhile may be listed
   * or not. All rows belong to one segment.
   *
   * @throws InvalidOptionError when an option cannot be used, at once; everything else is thrown by
   *   the iteration
   */
  listItems(options?: ListOptions): Listing<string> {
    return itemBankTables.of(this).list(options);
  }

  /** By the name of the table, as it was passed to the repository that claimed. */
  ownsAssignment({ itemBankName }: Pick<Assignment, 'itemBankName'>): boolean {
    return itemBankName == null || itemBankName === this.tableName;
  }
}

function chunksOf(bank: ItemBankTable, areInBank: boolean, session = bank.session): ChunkedAdd {
  return {
    chunkSize: CHUNK_SIZE,
    concurrency: DEFAULT_CONCURRENCY,
    addChunk: (chunk) => bank.addChunk(chunk, areInBank, session),
    describeError,
    canJoinTransactions: true,
  };
}

/** PostgreSQL's messages can quote values. */
function describeError(error: unknown): string | null {
  const state = sqlStateOf(error);
  return state === null ? null : `PostgreSQL refused it with SQLSTATE ${state}; see \`cause\`.`;
}
