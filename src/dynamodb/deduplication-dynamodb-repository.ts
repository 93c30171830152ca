import type { AtomicWrites } from '../contracts/atomic-writes.js';
import { DeduplicationRepository } from '../contracts/deduplication-repository.js';
import { DeduplicationIdAlreadyAssignedError, OutcomeUnknownError } from '../contracts/errors.js';
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
import { CLAIM_PATIENCE_MS } from '../store-kit/patience.js';
import { type DeduplicationIdOptions, storedIdsWith } from '../store-kit/stored-ids.js';
import { claimItem } from './claim/atomic-claim.js';
import {
  confirmItem,
  type OwnWrites,
  releaseExpiredHold,
  releaseItem,
} from './claim/change-assignment.js';
import { claimItems } from './claim/group-claim.js';
import {
  GroupedClaims,
  MAX_BULK_GROUP_SIZE,
  MAX_TRANSACTIONS_UNDER_WAY,
} from './claim/grouped-claims.js';
import { type ClientOptions, placeOf, resolveClient } from './client.js';
import { DeduplicationTable } from './deduplication-table.js';
import { type ItemBankTable, itemBankTables } from './item-bank-table.js';
import { estimateRowCount } from './listing.js';
import { assertTableName } from './tables.js';
import { sendTransaction } from './transaction.js';

export type DeduplicationDynamoDbRepositoryOptions = ClientOptions &
  DeduplicationIdOptions & {
    /** The table, by name or ARN. Its key is `deduplication_id` (String): see `deduplicationTable`. */
    readonly tableName: string;
    /**
     * An index of the table from which expired holds are read: see `deduplicationTableWithHoldIndex`. Default:
     * none, so that the whole table is read for them.
     */
    readonly holdIndexName?: string | undefined;
    /** Default: `console`, from the level in `STORAGE_BOX_LOGGING_LEVEL` (default `WARNING`) on. */
    readonly logger?: Logger | undefined;
  };

/**
 * Who has which item, in a DynamoDB table: `deduplication_id`, `item_string`, `assigned_at` (ISO 8601),
 * `item_bank_table` and, of a hold, `held_until` (ISO 8601). Nodes of the Python module may use the table at
 * the same time; they and version 0.1 take a hold for final.
 *
 * With an `ItemBankDynamoDbRepository` in the same Region and at the same endpoint, a claim is one
 * transaction: assignment and removal happen both or not at all. In a rush, claims of a process that have
 * to wait share one, 25 at most, or 50 of a bulk hand-out. What becomes of one of them says nothing about the
 * others. See "TransactWriteItems" in the API reference.
 *
 * Own writes (`alongside`) are `TransactWriteItem[]`, the type of the SDK's low-level client; `marshall` of
 * `@aws-sdk/util-dynamodb` makes attribute values. With those of the call they are 100 at most, and none may touch
 * the tables of the pair or its ledger. `AlongsideRefusedError.reasons` are their `CancellationReason`s.
 *
 * All methods throw `TableNotFoundError` or `TableSchemaError` when the table is missing or has the
 * wrong key, `ServiceUnreachableError` when nothing could be sent, and AWS's own errors (access
 * denied, no credentials, throttling that does not pass) as they are.
 */
export class DeduplicationDynamoDbRepository
  extends DeduplicationRepository<OwnWrites>
  implements DeduplicationLooking
{
  readonly tableName: string;

  /**
   * Does no I/O.
   *
   * @throws InvalidOptionError when an option or its environment variable cannot be used
   */
  constructor(options: DeduplicationDynamoDbRepositoryOptions) {
    super();
    const { tableName, holdIndexName, logger } = options ?? {};
    assertTableName(tableName);
    if (holdIndexName !== undefined) assertTableName(holdIndexName, 'holdIndexName');
    this.tableName = tableName;
    states.attach(this, {
      table: new DeduplicationTable(resolveClient(options), tableName, holdIndexName),
      storedIdOf: storedIdsWith(options ?? {}),
      writesByBank: new WeakMap(),
      logger: levelledLogger(logger, loggingLevelFromEnvironment()),
    });
  }

  override async getValueForDeduplicationId(deduplicationId: string): Promise<string | null> {
    assertDeduplicationId(deduplicationId);
    const { table, storedIdOf } = states.of(this);
    return (await table.readItem(storedIdOf(deduplicationId)))?.item ?? null;
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
    const storedId = storedIdOf(deduplicationId);
    const startMs = runtime.nowMs();
    for (let isInDoubt = false; ; ) {
      // A transaction even for one row: a plain conditional put whose response is lost looks like
      // "already assigned" when the SDK sends it again.
      const outcome = await sendTransaction({
        tables: [table],
        actions: [{ Put: table.assignment(storedId, item) }],
        patienceMs: CLAIM_PATIENCE_MS,
        isInDoubt,
      });
      if (outcome.status === 'failed') throw outcome.error;
      if (outcome.status === 'committed') return;
      ({ isInDoubt } = outcome);
      const [reason] = outcome.reasons;
      const existing = await table.existingRow(storedId, reason).catch((cause: unknown) => {
        // The row in the way can be that of an attempt that got no answer.
        throw isInDoubt ? new OutcomeUnknownError(runtime.nowMs() - startMs, { cause }) : cause;
      });
      if (existing !== undefined) {
        const written = isInDoubt ? 'unknown' : 'nothing';
        const { item: existingItem } = table.heldItemOf(existing);
        throw new DeduplicationIdAlreadyAssignedError(existingItem, { written });
      }
      // The row that was in the way has been deleted since, so put again.
    }
  }

  /**
   * Claims, groups, confirmations and releases in one transaction each, with an `ItemBankDynamoDbRepository` in the same Region
   * and at the same endpoint. For any other bank `null` and a warning, because a crash between the two
   * steps of a claim can then strand an item.
   */
  override async atomicWritesWith(
    itemRepo: ItemBankRepository,
  ): Promise<AtomicWrites<OwnWrites> | null> {
    const bank = itemBankTables.find(itemRepo);
    const { table, storedIdOf, writesByBank, logger } = states.of(this);
    if (bank === undefined) {
      logger.warn(
        `The item bank is not an ItemBankDynamoDbRepository (its class is ${itemRepo.constructor.name}), ` +
          `so no transaction spans it and the deduplication table "${table.tableName}". ` +
          `${TWO_STEP_RISK} Pass the repository itself, not a wrapper around it.`,
      );
      return null;
    }
    // Deduplicators of one pair share them, so that their claims can travel together.
    const atomicWrites = () => {
      const writes = writesByBank.get(bank) ?? newAtomicWrites(bank, table, storedIdOf);
      writesByBank.set(bank, writes);
      return writes;
    };
    if (bank.client === table.client) return atomicWrites();
    const [bankPlace, tablePlace] = await Promise.all([
      placeOf(bank.client),
      placeOf(table.client),
    ]);
    if (bankPlace === tablePlace) return atomicWrites();
    logger.warn(
      `The item bank "${bank.tableName}" is in ${bankPlace}, the deduplication table ` +
        `"${table.tableName}" in ${tablePlace}: no transaction spans both. ${TWO_STEP_RISK} ` +
        'Keep both tables in one Region.',
    );
    return null;
  }

  /** @deprecated The earlier name of {@link atomicWritesWith}. */
  override atomicClaimWith(itemRepo: ItemBankRepository): Promise<AtomicWrites<OwnWrites> | null> {
    // A user may have taken it away, to claim in two steps.
    return this.atomicWritesWith?.(itemRepo) ?? Promise.resolve(null);
  }

  /**
   * The assignment of the ID as it stands, strongly consistent. Never claims.
   *
   * @returns the assignment, or `null` when the ID has none
   * @throws InvalidDeduplicationIdError when the ID is not a non-empty, well-formed string of ≤ 2,048
   *   bytes
   */
  async getAssignment(deduplicationId: string): Promise<Assignment | null> {
    assertDeduplicationId(deduplicationId);
    const { table, storedIdOf } = states.of(this);
    const assignment = await table.readAssignment(storedIdOf(deduplicationId));
    return assignment && { ...assignment, deduplicationId };
  }

  /**
   * The ID as the table keeps it and as listings show it: itself, or its hash.
   *
   * @throws InvalidDeduplicationIdError as {@link getAssignment}
   */
  storedIdOf(deduplicationId: string): string {
    assertDeduplicationId(deduplicationId);
    return states.of(this).storedIdOf(deduplicationId);
  }

  /**
   * How many IDs have an item. Exact while nobody claims: every row is counted, by strongly
   * consistent scans, which cost one read unit for 4 KB.
   *
   * @throws InvalidOptionError when an option cannot be used
   * @throws the signal's reason once it is aborted
   */
  async countAssignments(options: CountAssignmentsOptions = {}): Promise<number> {
    assertCountAssignmentsOptions(options);
    return states.of(this).table.countAssignments(options);
  }

  /**
   * DynamoDB's own estimate: about how many IDs had an item some hours ago, free of charge. See
   * "DescribeTable" in the API reference, `ItemCount`.
   */
  async estimateAssignmentCount(): Promise<number> {
    return estimateRowCount(states.of(this).table);
  }

  /**
   * Lists who has which item, for every bank whose assignments are in this table. Strongly consistent,
   * one read unit for 4 KB. An assignment that is made or released meanwhile may be listed or not.
   *
   * @throws InvalidOptionError when an option cannot be used, at once; everything else is thrown by
   *   the iteration
   */
  listAssignments(options?: ListOptions): Listing<Assignment> {
    return states.of(this).table.listAssignments(options);
  }
}

/** Enough for full transactions while as many claims read their IDs. */
const BULK_CONCURRENCY = 2 * MAX_TRANSACTIONS_UNDER_WAY * MAX_BULK_GROUP_SIZE;

function newAtomicWrites(
  bank: ItemBankTable,
  table: DeduplicationTable,
  storedIdOf: (deduplicationId: string) => string,
): AtomicWrites<OwnWrites> {
  const claims = new GroupedClaims(bank, table);
  return {
    features: ['item', 'holdForMs', 'alongside'],
    bulkConcurrency: BULK_CONCURRENCY,
    claimItem: (deduplicationId, options) =>
      claimItem(claims, storedIdOf(deduplicationId), options),
    claimItems: (deduplicationIds, options) =>
      claimItems(claims, deduplicationIds, storedIdOf, options),
    confirmItem: (deduplicationId, options) =>
      confirmItem(claims, storedIdOf(deduplicationId), options),
    releaseItem: (deduplicationId, options) =>
      releaseItem(claims, storedIdOf(deduplicationId), options),
    expiredHolds: async function* ({ at, signal }) {
      for await (const deduplicationId of table.expiredHolds(at, signal)) {
        yield {
          deduplicationId,
          release: (options) => releaseExpiredHold(claims, deduplicationId, at, options),
        };
      }
    },
  };
}

const TWO_STEP_RISK = 'A crash between the two steps of a claim can strand an item.';

const states = attachedState<{
  readonly table: DeduplicationTable;
  readonly storedIdOf: (deduplicationId: string) => string;
  readonly writesByBank: WeakMap<ItemBankTable, AtomicWrites<OwnWrites>>;
  readonly logger: LevelledLogger;
}>('dynamodb.deduplication-table.3');
