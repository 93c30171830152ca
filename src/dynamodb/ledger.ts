// The ledger: a row for every item that ever entered the bank, so that none enters a second time.
import { BatchGetItemCommand, type Update } from '@aws-sdk/client-dynamodb';
import type { ChunkedAdd, ChunkOutcome } from '../batch-add.js';
import type { LevelledLogger } from '../logger.js';
import { runtime } from '../runtime.js';
import type { SendingClient } from './client.js';
import { type ItemTable, putIfAbsent } from './put-if-absent.js';
import { sendRead } from './reads.js';
import { ENTERED_AT_ATTRIBUTE, ITEM_KEY, RETIRED_AT_ATTRIBUTE } from './tables.js';

type AddChunk = ChunkedAdd['addChunk'];

export class Ledger implements ItemTable {
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
   * The action that notes that the item was retired. An item that never entered is known from then
   * on, and so cannot enter any more.
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
   * For the chunks of one batch: sends only what the ledger does not know. A look costs half a read
   * unit an item, a write that a condition refuses 4 write units. As long as everything is new the
   * look is left out, for it takes time.
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
   * Eventually consistent, and perhaps not all of them: what it misses is caught by the conditions.
   * A row that it finds was written, and no row ever leaves.
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
      const { client } = this;
      const { Responses = {} } = await sendRead({ client, tables: [this] }, () =>
        client.send(command),
      );
      return new Set(
        Object.values(Responses)
          .flat()
          .map((row) => row[ITEM_KEY]?.S),
      );
    } catch (error) {
      // The write that follows has the patience for what passes, and tells what does not.
      this.#logger.debug(`"${this.tableName}" could not be looked at before writing: ${error}`);
      return new Set();
    }
  }
}
