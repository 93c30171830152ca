// What the DynamoDB deduplication table can do, for its repository and for claims and releases.
import {
  type AttributeValue,
  type CancellationReason,
  type Delete,
  GetItemCommand,
  type Put,
} from '@aws-sdk/client-dynamodb';
import type {
  Assignment,
  CountAssignmentsOptions,
  Listing,
  ListOptions,
} from '../contracts/looking.js';
import { runtime } from '../environment/runtime.js';
import { TransactionalReads } from './claim/transactional-reads.js';
import type { SendingClient } from './client.js';
import { countRows, listTable } from './listing.js';
import { type ReadOptions, sendRead } from './reads.js';
import { keyOf, type Row, schemaError, type Table } from './table.js';
import {
  ASSIGNED_AT_ATTRIBUTE,
  DEDUPLICATION_KEY,
  ITEM_ATTRIBUTE,
  ITEM_BANK_TABLE_ATTRIBUTE,
} from './tables.js';

/**
 * At DynamoDB's usual latency, one process cannot keep more reads than this under way. Above it, reads
 * are sent together: that saves work and costs one more read unit for each.
 */
export const MAX_READS_BY_THEMSELVES = 16;

/** The item that an ID has. */
export interface HeldItem {
  readonly item: string;
  /** `null` if the row does not name the bank, as in rows of the Python module. */
  readonly itemBankName: string | null;
}

type ReadLimits = Pick<ReadOptions, 'signal' | 'patience'>;

export class DeduplicationTable implements Table {
  readonly key = DEDUPLICATION_KEY;
  readonly client: SendingClient;
  readonly tableName: string;
  readonly #transactionalReads: TransactionalReads;
  #readsByThemselves = 0;

  constructor(client: SendingClient, tableName: string) {
    this.client = client;
    this.tableName = tableName;
    this.#transactionalReads = new TransactionalReads(this);
  }

  /** The action that assigns the item if the ID has none; a refusal brings the existing row. */
  assignment(deduplicationId: string, item: string, itemBankTableName?: string): Put {
    return {
      TableName: this.tableName,
      Item: {
        [DEDUPLICATION_KEY]: { S: deduplicationId },
        [ITEM_ATTRIBUTE]: { S: item },
        [ASSIGNED_AT_ATTRIBUTE]: { S: runtime.date().toISOString() },
        ...(itemBankTableName !== undefined && {
          [ITEM_BANK_TABLE_ATTRIBUTE]: { S: itemBankTableName },
        }),
      },
      ConditionExpression: 'attribute_not_exists(#id)',
      ExpressionAttributeNames: { '#id': DEDUPLICATION_KEY },
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    };
  }

  /**
   * The action that ends the assignment in the row, and no later one: not even one of the same item
   * to the same ID, which differs in its time.
   */
  unassignment(row: Row): Delete {
    const assignedAt = row[ASSIGNED_AT_ATTRIBUTE];
    const isSameItem = '#item = :item';
    const isSameTime = assignedAt === undefined ? 'attribute_not_exists(#time)' : '#time = :time';
    return {
      TableName: this.tableName,
      Key: { [DEDUPLICATION_KEY]: row[DEDUPLICATION_KEY] as AttributeValue },
      ConditionExpression: [isSameItem, isSameTime].join(' AND '),
      ExpressionAttributeNames: { '#item': ITEM_ATTRIBUTE, '#time': ASSIGNED_AT_ATTRIBUTE },
      ExpressionAttributeValues: {
        ':item': row[ITEM_ATTRIBUTE] as AttributeValue,
        ...(assignedAt !== undefined && { ':time': assignedAt }),
      },
    };
  }

  /** The item of the ID, or `null`. */
  async readItem(deduplicationId: string, limits?: ReadLimits): Promise<HeldItem | null> {
    const row = await this.readRow(deduplicationId, limits);
    return row === undefined ? null : this.#heldItemOf(row);
  }

  /** Like {@link readItem}; in a rush, or when many IDs are asked for at once, requests are shared. */
  async readItemAmongMany(
    deduplicationId: string,
    isRush: boolean,
    limits: ReadLimits,
  ): Promise<HeldItem | null> {
    const isAlone =
      !isRush &&
      this.#transactionalReads.isIdle &&
      this.#readsByThemselves < MAX_READS_BY_THEMSELVES;
    if (!isAlone) return this.readItemInTransaction(deduplicationId);
    this.#readsByThemselves++;
    try {
      return await this.readItem(deduplicationId, limits);
    } finally {
      this.#readsByThemselves--;
    }
  }

  /** The assignment of the ID, or `null`. */
  async readAssignment(deduplicationId: string): Promise<Assignment | null> {
    const row = await this.readRow(deduplicationId);
    return row === undefined ? null : this.assignmentOf(row);
  }

  countAssignments(options: CountAssignmentsOptions = {}): Promise<number> {
    const { assignedAfter } = options;
    if (assignedAfter === undefined) return countRows(this, options);
    // Times in ISO 8601, all of them in UTC, sort as text.
    return countRows(this, options, {
      FilterExpression: '#time > :time',
      ExpressionAttributeNames: { '#time': ASSIGNED_AT_ATTRIBUTE },
      ExpressionAttributeValues: { ':time': { S: assignedAfter.toISOString() } },
    });
  }

  listAssignments(options: ListOptions | undefined): Listing<Assignment> {
    const contents = {
      noun: 'assignments',
      attributes: [
        DEDUPLICATION_KEY,
        ITEM_ATTRIBUTE,
        ASSIGNED_AT_ATTRIBUTE,
        ITEM_BANK_TABLE_ATTRIBUTE,
      ],
      elementOf: (row: Row) => this.assignmentOf(row),
    };
    return listTable(this, contents, options);
  }

  /**
   * Strongly consistent: an eventually consistent read can show an item that was released, and that
   * another ID has by now.
   */
  async readRow(deduplicationId: string, limits?: ReadLimits): Promise<Row | undefined> {
    const command = new GetItemCommand({
      TableName: this.tableName,
      Key: this.#keyOf(deduplicationId),
      ConsistentRead: true,
    });
    const { Item } = await sendRead(this, () => this.client.send(command), limits);
    return Item;
  }

  /**
   * Like {@link readRow}, serialised against transactions. While one commits, a plain consistent
   * read can see its delete in the bank before its put here. See "Amazon DynamoDB Transactions: How
   * it works" in the Developer Guide, section "Isolation levels".
   *
   * @throws ContentionError when a transaction on the ID did not end in bounded time
   */
  readRowInTransaction(deduplicationId: string): Promise<Row | undefined> {
    return this.#transactionalReads.read(deduplicationId);
  }

  /** The item that {@link readRowInTransaction} finds, or `null`. */
  async readItemInTransaction(deduplicationId: string): Promise<HeldItem | null> {
    const row = await this.readRowInTransaction(deduplicationId);
    return row === undefined ? null : this.#heldItemOf(row);
  }

  /**
   * The item of an ID whose assignment was refused: from the refusal, or, if it does not contain the
   * ID's row, from another read. `null` if the row has been deleted since.
   */
  async existingItem(
    deduplicationId: string,
    reason: CancellationReason | undefined,
  ): Promise<HeldItem | null> {
    const row = reason?.Item;
    const isItsOwn = row?.[DEDUPLICATION_KEY]?.S === deduplicationId;
    return row !== undefined && isItsOwn ? this.#heldItemOf(row) : this.readItem(deduplicationId);
  }

  /** The Python module writes neither the bank nor the time. */
  assignmentOf(row: Row): Assignment {
    const assignedAt = new Date(row[ASSIGNED_AT_ATTRIBUTE]?.S ?? '');
    const { item, itemBankName } = this.#heldItemOf(row);
    return {
      deduplicationId: keyOf(this, row),
      item,
      itemBankName,
      itemBankTableName: itemBankName,
      assignedAt: Number.isNaN(assignedAt.getTime()) ? null : assignedAt,
    };
  }

  #heldItemOf(row: Row): HeldItem {
    const item = row[ITEM_ATTRIBUTE]?.S;
    if (item === undefined) {
      const expected = `a String "${ITEM_ATTRIBUTE}" in every row`;
      throw schemaError(this.tableName, expected, 'a row without it');
    }
    return { item, itemBankName: row[ITEM_BANK_TABLE_ATTRIBUTE]?.S ?? null };
  }

  #keyOf(deduplicationId: string): Row {
    return { [DEDUPLICATION_KEY]: { S: deduplicationId } };
  }
}
