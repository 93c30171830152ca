// What the DynamoDB deduplication table can do, for its repository and for the atomic claim.
import { type CancellationReason, GetItemCommand, type Put } from '@aws-sdk/client-dynamodb';
import { TableSchemaError } from '../errors.js';
import { runtime } from '../runtime.js';
import type { SendingClient } from './client.js';
import { explainRefusal, type TableReference } from './refusals.js';
import {
  ASSIGNED_AT_ATTRIBUTE,
  DEDUPLICATION_KEY,
  ITEM_ATTRIBUTE,
  ITEM_BANK_TABLE_ATTRIBUTE,
} from './tables.js';
import { type Row, TransactionalReads } from './transactional-reads.js';

export class DeduplicationTable implements TableReference {
  readonly key = DEDUPLICATION_KEY;
  readonly client: SendingClient;
  readonly tableName: string;
  readonly transactionalReads: TransactionalReads;

  constructor(client: SendingClient, tableName: string) {
    this.client = client;
    this.tableName = tableName;
    this.transactionalReads = new TransactionalReads(client, this);
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

  /** The item of the ID, or `null`. An eventually consistent read costs half and may miss a new row. */
  async readItem(
    deduplicationId: string,
    { isConsistent }: { readonly isConsistent: boolean },
  ): Promise<string | null> {
    const command = new GetItemCommand({
      TableName: this.tableName,
      Key: this.#keyOf(deduplicationId),
      ConsistentRead: isConsistent,
    });
    try {
      const { Item } = await this.client.send(command);
      return Item === undefined ? null : this.#itemOf(Item);
    } catch (error) {
      throw await explainRefusal(error, this.client, [this]);
    }
  }

  /**
   * Like {@link readItem}, serialised against transactions. While one commits, a plain consistent
   * read can see its delete in the bank before its put here. See "Amazon DynamoDB Transactions: How
   * it works" in the Developer Guide, section "Isolation levels".
   *
   * @throws ContentionError when a transaction on the ID did not end in bounded time
   */
  async readItemInTransaction(deduplicationId: string): Promise<string | null> {
    const row = await this.transactionalReads.read(deduplicationId);
    return row === undefined ? null : this.#itemOf(row);
  }

  /**
   * The item of an ID whose assignment was refused: from the refusal, or read where the refusal does
   * not bring it. `null` when the row has gone since.
   */
  async existingItem(
    deduplicationId: string,
    reason: CancellationReason | undefined,
  ): Promise<string | null> {
    const row = reason?.Item;
    return row === undefined
      ? this.readItem(deduplicationId, { isConsistent: true })
      : this.#itemOf(row);
  }

  #itemOf(row: Row): string {
    const item = row[ITEM_ATTRIBUTE]?.S;
    if (item === undefined) {
      throw new TableSchemaError(
        this.tableName,
        `a String "${ITEM_ATTRIBUTE}" in every row`,
        'a row without it',
      );
    }
    return item;
  }

  #keyOf(deduplicationId: string): Row {
    return { [DEDUPLICATION_KEY]: { S: deduplicationId } };
  }
}
