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
import { loggingLevelFromEnvironment } from '../environment/settings.js';
import { attachedState } from '../store-kit/attached-state.js';
import { textToKey } from '../store-kit/key-text.js';
import { assertCountAssignmentsOptions } from '../store-kit/listing.js';
import { type DeduplicationIdOptions, storedIdsWith } from '../store-kit/stored-ids.js';
import { confirmItem, releaseHold, releaseItem } from './claim/change-assignment.js';
import { claimItem } from './claim/claim-item.js';
import { claimItems } from './claim/claim-items.js';
import { BULK_CONCURRENCY, GroupedClaims } from './claim/grouped-claims.js';
import type { PostgresWrite } from './claim/own-writes.js';
import { newPair } from './claim/pair.js';
import { assertClient, type PostgresClient } from './client.js';
import { assignmentOf, DeduplicationTable } from './deduplication-table.js';
import { type ItemBankTable, itemBankTables } from './item-bank-table.js';
import { storedId } from './keys.js';
import { assertTableName } from './names.js';

export interface DeduplicationPostgresRepositoryOptions extends DeduplicationIdOptions {
  /** The table, with or without its schema: see `deduplicationTable`. */
  readonly tableName: string;
  /** Used as it is, never closed. The same as that of the item bank, so that a claim is one statement. */
  readonly client: PostgresClient;
  /** Default: `console`, from the level in `STORAGE_BOX_LOGGING_LEVEL` (default `WARNING`) on. */
  readonly logger?: Logger | undefined;
}

/**
 * Who has which item, in a PostgreSQL table. Several banks may share it.
 *
 * With an `ItemBankPostgresRepository` on the same `client`, a claim is one statement: assignment and item change
 * both or not at all, under any default isolation level. In a rush, claims of a process that have to wait share one,
 * 200 at most. What becomes of one of them says nothing about the others.
 *
 * Own writes (`alongside`) are a {@link PostgresWrite}. With `within`, a call is a part of your own transaction. It
 * holds the rows that it wrote until you commit or roll back, and another call for the same ID waits for that, up to
 * 10 seconds. Errors that end the transaction, such as `40001` and `40P01`, reach you as the driver threw them:
 * repeat all of it. `exhausted` holds for what your transaction sees.
 *
 * An ID or item whose text has U+0000 or U+0001 is stored with these escaped, as U+0001 and a digit; escaped it may
 * have 2,680 bytes.
 *
 * All methods throw `TableNotFoundError` or `TableSchemaError` when a table is missing or has other columns,
 * `ServiceUnreachableError` when no connection was established, `OutcomeUnknownError` when one broke during a write,
 * and all other errors of the driver (no permission, a timeout of its own) as they are.
 */
export class DeduplicationPostgresRepository
  extends DeduplicationRepository<PostgresWrite>
  implements DeduplicationLooking
{
  readonly tableName: string;

  /**
   * Does no I/O.
   *
   * @throws InvalidOptionError when an option or its environment variable cannot be used
   */
  constructor(options: DeduplicationPostgresRepositoryOptions) {
    super();
    const { tableName, client, logger } = options ?? {};
    assertTableName(tableName);
    assertClient(client);
    this.tableName = tableName;
    const hashed = storedIdsWith(options);
    states.attach(this, {
      table: new DeduplicationTable(client, tableName),
      storedIdOf: (deduplicationId) => storedId(hashed(deduplicationId)),
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
   * @throws ContentionError when other transactions were in the way until the time limit
   * @throws OutcomeUnknownError when no answer said whether the assignment was written
   */
  override async putDeduplicationId(deduplicationId: string, item: string): Promise<void> {
    assertDeduplicationId(deduplicationId);
    assertItem(item);
    const { table, storedIdOf } = states.of(this);
    const existing = await table.put(storedIdOf(deduplicationId), item);
    if (existing !== null) {
      throw new DeduplicationIdAlreadyAssignedError(textToKey(existing.item));
    }
  }

  /**
   * Claims, confirmations and releases in one statement each, with an `ItemBankPostgresRepository` on the same
   * `client`. For any other bank `null` and a warning, because a crash between the two steps of a claim can then
   * strand an item.
   */
  override async atomicWritesWith(
    itemRepo: ItemBankRepository,
  ): Promise<AtomicWrites<PostgresWrite> | null> {
    const bank = itemBankTables.find(itemRepo);
    const { table, storedIdOf, writesByBank, logger } = states.of(this);
    if (bank === undefined || bank.client !== table.client) {
      const fault =
        bank === undefined
          ? `The item bank is not an ItemBankPostgresRepository (its class is ${itemRepo.constructor.name})`
          : `The item bank "${bank.tableName}" has another client than "${table.tableName}"`;
      logger.warn(
        `${fault}, so no statement spans both. A crash between the two steps of a claim can strand an item. ` +
          'Make both repositories with one client, and pass them as they are.',
      );
      return null;
    }
    // Deduplicators of one pair share them, so that their claims can travel together.
    const writes = writesByBank.get(bank) ?? newAtomicWrites(bank, table, storedIdOf);
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
    const { table, storedIdOf } = states.of(this);
    const row = await table.find(storedIdOf(deduplicationId));
    return row && { ...assignmentOf(row), deduplicationId };
  }

  /**
   * The ID as listings show it: itself, or its hash.
   *
   * @throws InvalidDeduplicationIdError as {@link getAssignment}
   */
  storedIdOf(deduplicationId: string): string {
    assertDeduplicationId(deduplicationId);
    return textToKey(states.of(this).storedIdOf(deduplicationId));
  }

  /**
   * How many IDs have an item, at one moment: it reads the whole table.
   *
   * @throws InvalidOptionError when an option cannot be used
   * @throws the signal's reason if it is aborted beforehand
   */
  async countAssignments(options: CountAssignmentsOptions = {}): Promise<number> {
    assertCountAssignmentsOptions(options);
    options.signal?.throwIfAborted();
    return states.of(this).table.count(options);
  }

  /**
   * What the planner expects, at the cost of planning: as good as the last `analyze`. See "Statistics Used by the
   * Planner" in PostgreSQL's documentation.
   */
  async estimateAssignmentCount(): Promise<number> {
    return states.of(this).table.estimate();
  }

  /**
   * Lists who has which item, for every bank whose assignments are in this table, each page as of one moment. An
   * assignment that is made or released meanwhile may be listed or not. All rows belong to one segment.
   *
   * @throws InvalidOptionError when an option cannot be used, at once; everything else is thrown by
   *   the iteration
   */
  listAssignments(options?: ListOptions): Listing<Assignment> {
    return states.of(this).table.list(options);
  }
}

function newAtomicWrites(
  bank: ItemBankTable,
  table: DeduplicationTable,
  storedIdOf: (deduplicationId: string) => string,
): AtomicWrites<PostgresWrite> {
  const pair = newPair(bank, table);
  const claims = new GroupedClaims(pair);
  return {
    features: ['item', 'holdForMs', 'alongside', 'within'],
    bulkConcurrency: BULK_CONCURRENCY,
    claimItem: async (deduplicationId, options) =>
      claimItem(pair, claims, storedIdOf(deduplicationId), options),
    claimItems: (deduplicationIds, options) =>
      claimItems(pair, deduplicationIds, storedIdOf, options),
    confirmItem: async (deduplicationId, options) =>
      confirmItem(pair, storedIdOf(deduplicationId), options),
    releaseItem: async (deduplicationId, options) =>
      releaseItem(pair, storedIdOf(deduplicationId), options),
    expiredHolds: async function* ({ at, signal }) {
      for await (const row of table.expiredHolds(at, signal)) {
        const release = (options: Parameters<typeof releaseHold>[2]) =>
          releaseHold(pair, row, options);
        yield { deduplicationId: textToKey(row.deduplicationId), release };
      }
    },
  };
}

const states = attachedState<{
  readonly table: DeduplicationTable;
  readonly storedIdOf: (deduplicationId: string) => string;
  readonly writesByBank: WeakMap<ItemBankTable, AtomicWrites<PostgresWrite>>;
  readonly logger: LevelledLogger;
}>('postgres.deduplication-table.1');
