// The ledger: a row for every item that ever entered the bank, so that none enters a second time.
import { BatchGetItemCommand, type Update } from '@aws-sdk/client-dynamodb';
import type { LevelledLogger } from '../environment/logger.js';
import { runtime } from '../environment/runtime.js';
import type { ChunkedAdd, ChunkOutcome } from '../store-kit/batch-add.js';
import type { SendingClient } from './client.js';
import { type ItemTable, putIfAbsent } from './put-if-absent.js';
import { sendRead } from './reads.js';
import { ENTERED_AT_ATTRIBUTE, ITEM_KEY, RETIRED_AT_ATTRIBUTE } from './tables.js';

type AddChunk = ChunkedAdd['addChunk'];

export class LedgerTable implements ItemTable {
  readonly key = ITEM_KEY;
  readonly client: SendingClient;
  readonly tableName: string;
  readonly #logger: LevelledLogger;

  constructor(client: SendingClient, tableName: string, logger: LevelledLogger) {
    this.client = client;
    this.tableName = tableName;
    this.#logger = logger;
  }

  attributes() {
    return { [ENTERED_AT_ATTRIBUTE]: { S: runtime.date().toISOString() } };
  }

  /**
   * The action that notes that the item was retired. An item that was not in the ledger is in it from
   * then on, and so cannot be added any more.
   */
  retirement(item: string): Update {
    return {
      TableName: this.tableName,
      Key: { [ITEM_KEY]: { S: item } },
      UpdateExpression: 'SET #retiredAt = :now',
      ExpressionAttributeNames: { '#retiredAt': RETIRED_AT_ATTRIBUTE },
      ExpressionAttributeValues: { ':now': { S: runtime.date().toISOString() } },
    };
  }

  /** Enters items that are in the bank or handed out, and touches no other table. */
  addChunk(items: readonly string[], signal?: AbortSignal): Promise<ChunkOutcome> {
    return putIfAbsent(items, [this], signal);
  }

  /**
   * For the chunks of one batch: reads the ledger first and sends only what it does not know. The read
   * costs half a read unit per item, a write whose condition fails 4 write units. As long as all items
   * are new, the read is left out to save time.
   */
  lookingFirst(addChunk: AddChunk): AddChunk {
    let isWorthwhile = true;
    return async (chunk) => {
      const known = isWorthwhile ? await this.#findKnown(chunk) : new Set();
      const outcome = await addChunk(chunk.filter((item) => !known.has(item)));
      const alreadyKnown = known.size + outcome.alreadyKnown;
      isWorthwhile = alreadyKnown > 0;
      return { ...outcome, alreadyKnown };
    };
  }

  /**
   * Eventually consistent, and may miss some: the conditions of the writes catch these. What it finds is
   * certain, because rows are never deleted.
   */
  async #findKnown(items: readonly string[]): Promise<ReadonlySet<unknown>> {
    const command = new BatchGetItemCommand({
      RequestItems: {
        [this.tableName]: {
          Keys: items.map((item) => ({ [ITEM_KEY]: { S: item } })),
          ProjectionExpression: '#item',
          ExpressionAttributeNames: { '#item': ITEM_KEY },
        },
      },
    });
    try {
      const { Responses = {} } = await sendRead(this, () => this.client.send(command));
      return new Set(
        Object.values(Responses)
          .flat()
          .map((row) => row[ITEM_KEY]?.S),
      );
    } catch (error) {
      // The write that follows retries temporary failures and reports the others.
      this.#logger.debug(`"${this.tableName}" could not be looked at before writing: ${error}`);
      return new Set();
    }
  }
}
