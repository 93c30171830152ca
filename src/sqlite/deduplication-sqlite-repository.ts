import type { AtomicWrites } from '../contracts/atomic-writes.js';
import { DeduplicationRepository } from '../contracts/deduplication-repository.js';
import { DeduplicationIdAlreadyAssignedError } from '../contracts/errors.js';
import type { ItemBankRepository } from '../contracts/item-bank-repository.js';
import type {
  Assignment,
  CountAssignmentsOptions,
  DeduplicationLooking,
  Listing,
  ListOptions,
} from '../contracts/looking.js';
import { assertDeduplicationId, assertItem } from '../contracts/validation.js';
import { type LevelledLogger, type Logger, levelledLogger } from '../environment/logger.js';
import { runtime } from '../environment/runtime.js';
import { loggingLevelFromEnvironment } from '../environment/settings.js';
import { attachedState } from '../store-kit/attached-state.js';
import { assertCountAssignmentsOptions } from '../store-kit/listing.js';
import { CLAIM_PATIENCE_MS, Patience } from '../store-kit/patience.js';
import { type DeduplicationIdOptions, storedIdsWith } from '../store-kit/stored-ids.js';
import { AssignmentsTable, assignmentOf } from './assignments-table.js';
import { type BankTable, bankTables } from './bank-table.js';
import { connectionOf, type Plan } from './connection.js';
import type { SqliteDatabase } from './driver.js';
import type { SqliteWrite } from './own-writes.js';
import { countRows, listRows } from './pages.js';
import { sqliteWrites } from './sqlite-writes.js';
import { assertTableName } from './tables.js';

export interface DeduplicationSqliteRepositoryOptions extends DeduplicationIdOptions {
  /** The table: see `deduplicationTable`. */
  readonly tableName: string;
  /** As in `ItemBankSqliteRepositoryOptions`: the same object as that of the bank. */
  readonly database: SqliteDatabase;
  /** Default: `console`, from the level in `STORAGE_BOX_LOGGING_LEVEL` (default `WARNING`) on. */
  readonly logger?: Logger | undefined;
}

/**
 * Who has which item, in a SQLite table. Several processes of one machine may use it at once; not over a network
 * file system.
 *
 * With an `ItemBankSqliteRepository` on the same `database` object, a claim is one transaction: assignment and
 * removal happen both or not at all. Claims of a process that come in one turn of its event loop, or while others
 * hold the lock, share a transaction, 200 at most. What becomes of one of them says nothing about the others. A
 * repeated claim, and one of which a sold-out bank has nothing, writes nothing and waits for no writer.
 *
 * Own writes (`alongside`) are a `SqliteWrite`: a function that writes on the same connection, in the transaction
 * of the call. `AlongsideRefusedError.reasons` is what it threw.
 *
 * What a claim was told survives the death of the process, and with the settings that the repositories demand a
 * loss of power, as far as the disk keeps what it has confirmed.
 *
 * All methods throw `TableNotFoundError` or `TableSchemaError` when the table is missing or is not ours,
 * `InvalidOptionError` when the connection has the wrong settings or an open transaction of yours,
 * `ContentionError` when another connection had the lock for 10 seconds, and the driver's own errors (disk full,
 * read-only, closed) as they are.
 */
export class DeduplicationSqliteRepository
  extends DeduplicationRepository<SqliteWrite>
  implements DeduplicationLooking
{
  readonly tableName: string;

  /**
   * Does no I/O.
   *
   * @throws InvalidOptionError when an option or its environment variable cannot be used
   */
  constructor(options: DeduplicationSqliteRepositoryOptions) {
    super();
    const { tableName, database, logger } = options ?? {};
    assertTableName(tableName);
    this.tableName = tableName;
    states.attach(this, {
      assignments: new AssignmentsTable(connectionOf(database), tableName),
      storedIdOf: storedIdsWith(options),
      writesByBank: new WeakMap(),
      logger: levelledLogger(logger, loggingLevelFromEnvironment()),
    });
  }

  override async getValueForDeduplicationId(deduplicationId: string): Promise<string | null> {
    return (await this.getAssignment(deduplicationId))?.item ?? null;
  }

  /**
   * @throws DeduplicationIdAlreadyAssignedError when the ID has an item; the error holds that item
   * @throws InvalidDeduplicationIdError, InvalidItemError when a value cannot be a key
   */
  override async putDeduplicationId(deduplicationId: string, item: string): Promise<void> {
    assertDeduplicationId(deduplicationId);
    assertItem(item);
    const { assignments, storedIdOf } = states.of(this);
    const storedId = storedIdOf(deduplicationId);
    const plan = (): Plan<string | null> => {
      const existing = assignments.find(storedId);
      if (existing !== null) return { answer: existing.item };
      const held = { item, itemBankName: null, assignedAt: runtime.date(), heldUntil: null };
      return { answer: null, apply: () => assignments.put(storedId, held) };
    };
    const existingItem = await assignments.connection.change({
      tableNames: [this.tableName],
      patience: new Patience(CLAIM_PATIENCE_MS),
      plan,
    });
    if (existingItem !== null) throw new DeduplicationIdAlreadyAssignedError(existingItem);
  }

  /**
   * Claims, groups, confirmations and releases in one transaction each, with an `ItemBankSqliteRepository` on the
   * same `database` object. For any other bank `null` and a warning, because a crash between the two steps of a
   * claim can then strand an item.
   */
  override async atomicWritesWith(
    itemRepo: ItemBankRepository,
  ): Promise<AtomicWrites<SqliteWrite> | null> {
    const bank = bankTables.find(itemRepo);
    const { assignments, storedIdOf, writesByBank, logger } = states.of(this);
    if (bank === undefined) {
      logger.warn(
        `The item bank is not an ItemBankSqliteRepository (its class is ${itemRepo.constructor.name}), so no ` +
          `transaction spans it and the deduplication table "${this.tableName}". ${TWO_STEP_RISK} Pass the ` +
          'repository itself, not a wrapper around it.',
      );
      return null;
    }
    if (bank.connection !== assignments.connection) {
      logger.warn(
        `The item bank "${bank.tableName}" and the deduplication table "${this.tableName}" have two ` +
          `connections: no transaction spans both. ${TWO_STEP_RISK} Pass the same \`database\` object to both.`,
      );
      return null;
    }
    const writes = writesByBank.get(bank) ?? sqliteWrites(assignments, bank, storedIdOf);
    writesByBank.set(bank, writes);
    return writes;
  }

  /**
   * The assignment of the ID as it stands. Never claims.
   *
   * @returns the assignment, or `null` when the ID has none
   * @throws InvalidDeduplicationIdError when the ID is not a non-empty, well-formed string of ≤ 2,048
   *   bytes
   */
  async getAssignment(deduplicationId: string): Promise<Assignment | null> {
    assertDeduplicationId(deduplicationId);
    const { assignments, storedIdOf } = states.of(this);
    const storedId = storedIdOf(deduplicationId);
    const held = await assignments.connection.read([this.tableName], () =>
      assignments.find(storedId),
    );
    return held && assignmentOf(deduplicationId, held);
  }

  /**
   * The ID as the table keeps it and as listings show it: itself, or its hash. In the table, U+0000 and U+0001 are
   * escaped besides: see `itemBankTable`.
   *
   * @throws InvalidDeduplicationIdError as {@link getAssignment}
   */
  storedIdOf(deduplicationId: string): string {
    assertDeduplicationId(deduplicationId);
    return states.of(this).storedIdOf(deduplicationId);
  }

  /**
   * How many IDs have an item. Exact while nobody claims or releases. Reads the table in pages of 20,000 rows; other
   * calls of the process come between them. `segments` makes no difference.
   *
   * @returns 0 when no ID has one
   * @throws InvalidOptionError when an option cannot be used
   * @throws the signal's reason once it is aborted
   */
  async countAssignments(options: CountAssignmentsOptions = {}): Promise<number> {
    assertCountAssignmentsOptions(options);
    const { assignments } = states.of(this);
    const { assignedAfter } = options;
    return countRows(
      assignments,
      (key, count) => assignments.countAfter(key, count, assignedAfter),
      options,
    );
  }

  /** The same as {@link countAssignments}: SQLite keeps no estimate. */
  async estimateAssignmentCount(): Promise<number> {
    return this.countAssignments();
  }

  /**
   * Lists who has which item, for every bank whose assignments are in this table, in the order of the IDs. An
   * assignment that is made or released meanwhile may be listed or not. `segments` makes no difference; a page has
   * 1,000 rows unless `pageSize` says otherwise.
   *
   * @throws InvalidOptionError when an option cannot be used, at once; everything else is thrown by
   *   the iteration
   */
  listAssignments(options?: ListOptions): Listing<Assignment> {
    const { assignments } = states.of(this);
    const rowsAfter = (key: string, count: number) => assignments.listAfter(key, count);
    return listRows(assignments, 'assignments', rowsAfter, options);
  }
}

const TWO_STEP_RISK = 'A crash between the two steps of a claim can strand an item.';

const states = attachedState<{
  readonly assignments: AssignmentsTable;
  readonly storedIdOf: (deduplicationId: string) => string;
  readonly writesByBank: WeakMap<BankTable, AtomicWrites<SqliteWrite>>;
  readonly logger: LevelledLogger;
}>('sqlite.deduplication-table.1');
