// What the DynamoDB deduplication table can do, for its repository and for claims and releases.
import {
  type AttributeValue,
  type CancellationReason,
  type ConditionCheck,
  type Delete,
  GetItemCommand,
  type Put,
  type Update,
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
import { scanExpiredHolds } from './scan.js';
import { keyOf, type Row, schemaError, type Table } from './table.js';
import {
  ASSIGNED_AT_ATTRIBUTE,
  DEDUPLICATION_KEY,
  HELD_UNTIL_ATTRIBUTE,
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
  /** `null` if the ID has it for good. */
  readonly heldUntil: Date | null;
}

type ReadLimits = Pick<ReadOptions, 'signal' | 'patience'>;

export class DeduplicationTable implements Table {
  readonly key = DEDUPLICATION_KEY;
  readonly client: SendingClient;
  readonly tableName: string;
  /** An index of the holds; `null`: the whole table is read for them. */
  readonly holdIndexName: string | null;
  readonly #transactionalReads: TransactionalReads;
  #readsByThemselves = 0;

  constructor(client: SendingClient, tableName: string, holdIndexName: string | null = null) {
    this.client = client;
    this.tableName = tableName;
    this.holdIndexName = holdIndexName;
    this.#transactionalReads = new TransactionalReads(this);
  }

  /** The action that assigns the item if the ID has none; a refusal brings the existing row. */
  assignment(
    deduplicationId: string,
    item: string,
    itemBankTableName?: string,
    heldUntil: Date | null = null,
  ): Put {
    return {
      TableName: this.tableName,
      Item: {
        [DEDUPLICATION_KEY]: { S: deduplicationId },
        [ITEM_ATTRIBUTE]: { S: item },
        [ASSIGNED_AT_ATTRIBUTE]: { S: runtime.date().toISOString() },
        ...(itemBankTableName !== undefined && {
          [ITEM_BANK_TABLE_ATTRIBUTE]: { S: itemBankTableName },
        }),
        ...(heldUntil !== null && { [HELD_UNTIL_ATTRIBUTE]: { S: heldUntil.toISOString() } }),
      },
      ConditionExpression: 'attribute_not_exists(#id)',
      ExpressionAttributeNames: { '#id': DEDUPLICATION_KEY },
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    };
  }

  /**
   * The action that ends the assignment in the row, and no later one: not even one of the same item
   * to the same ID, which differs in its time. Nor one whose hold was confirmed or extended since.
   */
  unassignment(row: Row): Delete {
    return this.#ifAsRead(row, [ITEM_ATTRIBUTE, ASSIGNED_AT_ATTRIBUTE, HELD_UNTIL_ATTRIBUTE]);
  }

  /** The action that makes the hold in the row permanent, if the row is unchanged. */
  confirmation(row: Row): Update {
    return { ...this.unassignment(row), UpdateExpression: 'REMOVE #held_until' } as Update;
  }

  /** The action that gives the hold in the row another end, if the row is unchanged. */
  extension(row: Row, heldUntil: Date): Update {
    const condition = this.unassignment(row);
    return {
      ...condition,
      UpdateExpression: 'SET #held_until = :end',
      ExpressionAttributeValues: {
        ...condition.ExpressionAttributeValues,
        ':end': { S: heldUntil.toISOString() },
      },
    } as Update;
  }

  /** The condition that the ID has the item in the row still. */
  presence(row: Row): ConditionCheck {
    return this.#ifAsRead(row, [ITEM_ATTRIBUTE, ASSIGNED_AT_ATTRIBUTE]);
  }

  /** The condition that the attributes of the row are as it shows them. */
  #ifAsRead(row: Row, attributes: readonly string[]) {
    const values = attributes.flatMap((attribute) => {
      const value = row[attribute];
      return value === undefined ? [] : [[`:${attribute}`, value] as const];
    });
    return {
      TableName: this.tableName,
      Key: { [DEDUPLICATION_KEY]: row[DEDUPLICATION_KEY] as AttributeValue },
      ConditionExpression: attributes
        .map((attribute) =>
          row[attribute] === undefined
            ? `attribute_not_exists(#${attribute})`
            : `#${attribute} = :${attribute}`,
        )
        .join(' AND '),
      ExpressionAttributeNames: Object.fromEntries(
        attributes.map((attribute) => [`#${attribute}`, attribute]),
      ),
      ExpressionAttributeValues: Object.fromEntries(values),
    };
  }

  /** The item of the ID, or `null`. */
  async readItem(deduplicationId: string): Promise<HeldItem | null> {
    const row = await this.readRow(deduplicationId);
    return row === undefined ? null : this.heldItemOf(row);
  }

  /** Like {@link readRow}; in a rush, or when many IDs are asked for at once, requests are shared. */
  async readRowAmongMany(
    deduplicationId: string,
    isRush: boolean,
    limits: ReadLimits,
  ): Promise<Row | undefined> {
    const isAlone =
      !isRush &&
      this.#transactionalReads.isIdle &&
      this.#readsByThemselves < MAX_READS_BY_THEMSELVES;
    if (!isAlone) return this.readRowInTransaction(deduplicationId);
    this.#readsByThemselves++;
    try {
      return await this.readRow(deduplicationId, limits);
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
        HELD_UNTIL_ATTRIBUTE,
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

  /** The rows of all IDs at one moment, in their order. */
  readRowsInTransaction(
    deduplicationIds: readonly string[],
  ): Promise<readonly (Row | undefined)[]> {
    return this.#transactionalReads.readTogether(deduplicationIds);
  }

  /**
   * The row of an ID whose assignment was refused: from the refusal, or, if it does not contain the
   * ID's row, from another read. `undefined` if the row has been deleted since.
   */
  async existingRow(
    deduplicationId: string,
    reason: CancellationReason | undefined,
  ): Promise<Row | undefined> {
    const row = reason?.Item;
    const isItsOwn = row?.[DEDUPLICATION_KEY]?.S === deduplicationId;
    return isItsOwn ? row : this.readRow(deduplicationId);
  }

  /** The IDs whose holds had ended at that time. With an index, a hint. */
  expiredHolds(at: Date, signal: AbortSignal | undefined): AsyncIterable<string> {
    return scanExpiredHolds(this, this.holdIndexName, at, signal);
  }

  /** The Python module writes neither the bank nor the time. */
  assignmentOf(row: Row): Assignment {
    const assignedAt = timeIn(row[ASSIGNED_AT_ATTRIBUTE]);
    const { item, itemBankName, heldUntil } = this.heldItemOf(row);
    return {
      deduplicationId: keyOf(this, row),
      item,
      itemBankName,
      itemBankTableName: itemBankName,
      assignedAt,
      heldUntil,
    };
  }

  heldItemOf(row: Row): HeldItem {
    const item = row[ITEM_ATTRIBUTE]?.S;
    if (item === undefined) {
      const expected = `a String "${ITEM_ATTRIBUTE}" in every row`;
      throw schemaError(this.tableName, expected, 'a row without it');
    }
    const itemBankName = row[ITEM_BANK_TABLE_ATTRIBUTE]?.S ?? null;
    return { item, itemBankName, heldUntil: timeIn(row[HELD_UNTIL_ATTRIBUTE]) };
  }

  #keyOf(deduplicationId: string): Row {
    return { [DEDUPLICATION_KEY]: { S: deduplicationId } };
  }
}

/** `null` if there is none, or no time can be read from it. */
function timeIn(value: AttributeValue | undefined): Date | null {
  const time = new Date(value?.S ?? '');
  return Number.isNaN(time.getTime()) ? null : time;
}
