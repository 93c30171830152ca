// What the DynamoDB item bank can do, for its repository and for the atomic claim.
import {
  type AttributeValue,
  type Delete,
  ScanCommand,
  type TransactWriteItem,
} from '@aws-sdk/client-dynamodb';
import { attachedState } from '../attached-state.js';
import type { ChunkOutcome } from '../batch-add.js';
import {
  ItemStrandedError,
  isStorageBoxError,
  MalformedReplyError,
  TableSchemaError,
} from '../errors.js';
import type { LevelledLogger } from '../logger.js';
import { Patience } from '../patience.js';
import { CandidatePool, type Page } from './candidate-pool.js';
import type { SendingClient } from './client.js';
import { explainRefusal, hasName, type TableReference } from './refusals.js';
import { ITEM_KEY } from './tables.js';
import { CLAIM_PATIENCE_MS, hasConditionFailed, sendTransaction } from './transaction.js';

/** A new table's capacity can take a while to grow to what a large batch asks for. */
const SEEDING_PATIENCE_MS = 60_000;

export class ItemBank implements TableReference {
  readonly key = ITEM_KEY;
  readonly client: SendingClient;
  readonly tableName: string;
  readonly candidates = new CandidatePool((startKey, demand) =>
    this.#readPage(startKey, Math.max(this.#fetchLimit, demand)),
  );
  readonly #fetchLimit: number;
  readonly #logger: LevelledLogger;

  constructor(
    client: SendingClient,
    tableName: string,
    fetchLimit: number,
    logger: LevelledLogger,
  ) {
    this.client = client;
    this.tableName = tableName;
    this.#fetchLimit = fetchLimit;
    this.#logger = logger;
  }

  /** The action that removes an item if it is there: together with it, the claim's other half. */
  removal(item: string): Delete {
    return {
      TableName: this.tableName,
      Key: { [ITEM_KEY]: { S: item } },
      ConditionExpression: 'attribute_exists(#item)',
      ExpressionAttributeNames: { '#item': ITEM_KEY },
    };
  }

  /**
   * A transaction even for one row: a plain conditional delete whose response is lost looks like a
   * lost race when the SDK sends it again.
   */
  async takeItem(): Promise<string | null> {
    const mark = this.candidates.mark();
    const patience = new Patience(CLAIM_PATIENCE_MS);
    for (;;) {
      patience.assertLeft();
      const candidate = await this.candidates.take(mark, patience);
      if (candidate === null) return null;
      const { item } = candidate;
      const outcome = await sendTransaction({
        client: this.client,
        tables: [this],
        actions: [{ Delete: this.removal(item) }],
        patienceMs: CLAIM_PATIENCE_MS,
      });
      switch (outcome.status) {
        case 'committed':
          this.candidates.settle(candidate, 'won');
          return item;
        case 'conditionFailed':
          this.candidates.settle(candidate, 'gone');
          break;
        case 'failed':
          this.candidates.settle(candidate, 'kept');
          throw isOutcomeUnknownError(outcome.error)
            ? new ItemStrandedError(item, { cause: outcome.error })
            : outcome.error;
      }
    }
  }

  /**
   * All items of the chunk or none enter, except those that the bank holds already. Never plain or
   * batched puts: one that is sent again after its response was lost puts back what was claimed in
   * between.
   */
  async addChunk(items: readonly string[], signal?: AbortSignal): Promise<ChunkOutcome> {
    let absent = items;
    while (absent.length > 0) {
      const outcome = await sendTransaction({
        client: this.client,
        tables: [this],
        actions: absent.map((item) => this.#addition(item)),
        patienceMs: SEEDING_PATIENCE_MS,
        signal,
      });
      const alreadyKnown = items.length - absent.length;
      switch (outcome.status) {
        case 'committed':
          return { added: absent.length, alreadyKnown, notAdded: [], unconfirmed: [] };
        case 'conditionFailed': {
          const { reasons } = outcome;
          absent = absent.filter((_, position) => !hasConditionFailed(reasons[position]));
          break;
        }
        case 'failed': {
          const { error } = outcome;
          const parts = isOutcomeUnknownError(error)
            ? { notAdded: [], unconfirmed: absent }
            : { notAdded: absent, unconfirmed: [] };
          return { added: 0, alreadyKnown, ...parts, error };
        }
      }
    }
    return { added: 0, alreadyKnown: items.length, notAdded: [], unconfirmed: [] };
  }

  #addition(item: string): TransactWriteItem {
    return {
      Put: {
        TableName: this.tableName,
        Item: { [ITEM_KEY]: { S: item } },
        ConditionExpression: 'attribute_not_exists(#item)',
        ExpressionAttributeNames: { '#item': ITEM_KEY },
      },
    };
  }

  /** Strongly consistent: a page must not miss what is in the bank, nor show what has left it. */
  async #readPage(startKey: string | null, limit: number): Promise<Page> {
    try {
      return await this.#scan(startKey, limit);
    } catch (error) {
      const explained = await explainRefusal(error, this.client, [this]);
      const isKeyRefused =
        startKey !== null && explained === error && hasName(error, 'ValidationException');
      if (!isKeyRefused) throw explained;
      // DynamoDB starts a scan behind any key; some of its emulators want one that exists.
      this.#logger.debug(`"${this.tableName}" refuses made-up start keys: scanning from its head.`);
      return this.#scan(null, limit);
    }
  }

  async #scan(startKey: string | null, limit: number): Promise<Page> {
    const { Items, LastEvaluatedKey } = await this.client.send(
      new ScanCommand({
        TableName: this.tableName,
        ConsistentRead: true,
        Limit: limit,
        ProjectionExpression: '#item',
        ExpressionAttributeNames: { '#item': ITEM_KEY },
        ...(startKey !== null && { ExclusiveStartKey: { [ITEM_KEY]: { S: startKey } } }),
      }),
    );
    // DynamoDB sends it even when it is empty; a reply without it says nothing about the bank.
    if (Items === undefined) throw new MalformedReplyError('Scan', 'Items');
    return {
      items: Items.map((row) => this.#itemOf(row)),
      nextKey: LastEvaluatedKey === undefined ? null : this.#itemOf(LastEvaluatedKey),
    };
  }

  #itemOf(row: Record<string, AttributeValue>): string {
    const item = row[ITEM_KEY]?.S;
    if (item === undefined) {
      throw new TableSchemaError(this.tableName, `the key "${ITEM_KEY}" (S)`, 'a row without it');
    }
    return item;
  }
}

function isOutcomeUnknownError(error: unknown): boolean {
  return isStorageBoxError(error) && error.code === 'STORAGEBOX_OUTCOME_UNKNOWN';
}

export const itemBanks = attachedState<ItemBank>('dynamodb.item-bank.1');
