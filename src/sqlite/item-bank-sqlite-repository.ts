import { ItemStrandedError } from '../contracts/errors.js';
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
import { type Logger, levelledLogger } from '../environment/logger.js';
import { loggingLevelFromEnvironment } from '../environment/settings.js';
import { addInChunks, type ChunkedAdd, type ChunkOutcome } from '../store-kit/batch-add.js';
import { fillLedgerInChunks } from '../store-kit/fill-ledger.js';
import { CLAIM_PATIENCE_MS, Patience } from '../store-kit/patience.js';
import { BankTable, bankTables } from './bank-table.js';
import { connectionOf, isCommitInDoubt, type Plan } from './connection.js';
import { isSameTable, ledgerNameOf, type SqliteDatabase } from './driver.js';
import { countRows, listRows } from './pages.js';
import { isOfSqlite, messageOf } from './refusals.js';
import { assertTableName } from './tables.js';
import { nextTurn } from './turns.js';

/** Some milliseconds, in which nobody else can write. */
const ITEMS_PER_TRANSACTION = 1_000;

export interface ItemBankSqliteRepositoryOptions {
  /** The table: see `itemBankTable`. Of names that differ in the case of ASCII letters, SQLite has one table. */
  readonly tableName: string;
  /**
   * A connection of its own, opened by you, with `journal_mode = wal`, `synchronous = full` and
   * `busy_timeout = 0`. Pass the same object to both repositories: then a claim is one transaction.
   */
  readonly database: SqliteDatabase;
  /** Default: `console`, from the level in `STORAGE_BOX_LOGGING_LEVEL` (default `WARNING`) on. */
  readonly logger?: Logger | undefined;
}

/**
 * An item bank in a SQLite table. Several processes of one machine may use it at once; not over a network file
 * system. Items come out in their order. It always has a ledger, in a table beside it (`…_ledger`), so an item
 * enters once, ever.
 *
 * All methods throw `TableNotFoundError` or `TableSchemaError` when the table is missing or is not ours,
 * `InvalidOptionError` when the connection has the wrong settings or an open transaction of yours,
 * `ContentionError` when another connection had the lock for 10 seconds, and the driver's own errors (disk full,
 * read-only, closed) as they are; `batchAddItems` throws them as the `cause` of a `BatchNotFullyAddedError`.
 */
export class ItemBankSqliteRepository
  extends ItemBankRepository
  implements ItemBankLooking, ItemBankLedger
{
  readonly tableName: string;
  /** The table of all items that ever entered: the same with `_ledger`. */
  readonly ledgerTableName: string;

  /**
   * Does no I/O.
   *
   * @throws InvalidOptionError when an option or its environment variable cannot be used
   */
  constructor(options: ItemBankSqliteRepositoryOptions) {
    super();
    const { tableName, database, logger } = options ?? {};
    assertTableName(tableName);
    levelledLogger(logger, loggingLevelFromEnvironment());
    this.tableName = tableName;
    this.ledgerTableName = ledgerNameOf(tableName);
    bankTables.attach(this, new BankTable(connectionOf(database), tableName));
  }

  /**
   * @remarks
   * Items enter in transactions of up to 1,000, one at a time by default; more at once gain nothing. An item that
   * ever entered counts as `alreadyKnown`, so a batch that failed or was killed can simply be run again.
   *
   * @returns what was read, added and dropped; an empty input gives zeros
   * @throws InvalidOptionError when `items` is not an iterable of strings, or is itself a string
   * @throws InvalidItemError when an array or a set holds an invalid item; nothing was added
   * @throws FeatureNotSupportedError with `within`; nothing was added
   * @throws BatchNotFullyAddedError on any failure after reading began
   */
  override batchAddItems(
    items: Iterable<string> | AsyncIterable<string>,
    options: BatchAddItemsOptions = {},
  ): Promise<BatchAddItemsReport> {
    const bank = bankTables.of(this);
    return addInChunks(
      items,
      options,
      chunksOf(bank, options, (item) => bank.add(item)),
    );
  }

  /**
   * @remarks
   * What is in the bank is in its ledger already, so only items that were handed out without it are new: those of
   * assignments that were copied from elsewhere.
   */
  async fillLedger(
    deduplicationRepo: DeduplicationLooking,
    options: BatchAddItemsOptions = {},
  ): Promise<BatchAddItemsReport> {
    const bank = bankTables.of(this);
    const ledger = chunksOf(bank, options, (item) => bank.enter(item));
    return fillLedgerInChunks(this, deduplicationRepo, options, ledger);
  }

  /**
   * Puts one item into the bank. Does nothing if it ever was in the bank.
   *
   * @throws InvalidItemError when the item is not a non-empty, well-formed string of ≤ 2,048 bytes
   */
  override async addItemToBank(item: string): Promise<void> {
    assertItem(item);
    const bank = bankTables.of(this);
    await changeBank(bank, () => ({ answer: null, apply: () => bank.add(item) }));
  }

  /**
   * @remarks
   * An item that the bank does not know enters by it. One that was retired is free again.
   *
   * @throws InvalidItemError when the item is not a non-empty, well-formed string of ≤ 2,048 bytes
   */
  override async returnItemToBank(item: string): Promise<void> {
    assertItem(item);
    const bank = bankTables.of(this);
    await changeBank(bank, () => ({ answer: null, apply: () => bank.giveBack(item) }));
  }

  /**
   * @returns the item, or `null` when no item was free at one moment of the call
   * @throws ItemStrandedError when the file failed so that it is unknown whether the item was taken out
   */
  override async getItemFromBank(): Promise<string | null> {
    const bank = bankTables.of(this);
    let taken: string | null = null;
    const plan = (): Plan<string | null> => {
      const item = bank.first();
      if (item === null) return { answer: null };
      taken = item;
      return { answer: item, apply: () => bank.take(item) };
    };
    try {
      return await changeBank(bank, plan);
    } catch (cause) {
      if (taken !== null && isCommitInDoubt(cause)) throw new ItemStrandedError(taken, { cause });
      throw cause;
    }
  }

  /**
   * How many items are in the bank. Exact while nothing enters or leaves. Reads an index in pages of 20,000; other
   * calls of the process come between them. `segments` makes no difference.
   *
   * @returns 0 for an empty bank
   * @throws InvalidOptionError when an option cannot be used
   * @throws the signal's reason once it is aborted
   */
  async countItems(options?: CountOptions): Promise<number> {
    const bank = bankTables.of(this);
    return countRows(bank, (key, count) => bank.countAfter(key, count), options);
  }

  /** The same as {@link countItems}: SQLite keeps no estimate. */
  async estimateItemCount(): Promise<number> {
    return this.countItems();
  }

  /**
   * The items that are in the bank, in their order. An item that leaves the bank meanwhile may be listed or not.
   * `segments` makes no difference; a page has 1,000 items unless `pageSize` says otherwise.
   *
   * @throws InvalidOptionError when an option cannot be used, at once; everything else is thrown by
   *   the iteration
   */
  listItems(options?: ListOptions): Listing<string> {
    const bank = bankTables.of(this);
    const rowsAfter = (key: string, count: number) => bank.listAfter(key, count);
    return listRows(bank, 'items', rowsAfter, options);
  }

  /** @remarks Two names mean the same bank if SQLite takes them for one table. */
  ownsAssignment({ itemBankName }: Pick<Assignment, 'itemBankName'>): boolean {
    return itemBankName == null || isSameTable(itemBankName, this.tableName);
  }
}

function changeBank<Answer>(bank: BankTable, plan: () => Plan<Answer>): Promise<Answer> {
  const patience = new Patience(CLAIM_PATIENCE_MS);
  return bank.connection.change({ tableNames: [bank.tableName], patience, plan });
}

/** @param add returns whether the item was new */
function chunksOf(
  { connection, tableName }: BankTable,
  { signal }: BatchAddItemsOptions,
  add: (item: string) => boolean,
): ChunkedAdd {
  const addChunk = async (chunk: readonly string[]): Promise<ChunkOutcome> => {
    // So that other calls of the process come between the chunks of a long batch.
    await nextTurn();
    try {
      const patience = new Patience(CLAIM_PATIENCE_MS, signal);
      const addAll = () => chunk.filter(add).length;
      const added = await connection.write([tableName], addAll, patience);
      return { added, alreadyKnown: chunk.length - added, notAdded: [], unconfirmed: [] };
    } catch (error) {
      const [notAdded, unconfirmed] = isCommitInDoubt(error) ? [[], chunk] : [chunk, []];
      return { added: 0, alreadyKnown: 0, notAdded, unconfirmed, error };
    }
  };
  return { chunkSize: ITEMS_PER_TRANSACTION, concurrency: 1, addChunk, describeError };
}

function describeError(error: unknown): string | null {
  return isOfSqlite(error) ? messageOf(error) : null;
}
