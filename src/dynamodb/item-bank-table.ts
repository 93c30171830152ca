// What the DynamoDB item bank can do, for its repository and for claims and releases.
import { type Delete, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { ItemStrandedError } from '../contracts/errors.js';
import type { Listing, ListOptions } from '../contracts/looking.js';
import type { LevelledLogger } from '../environment/logger.js';
import { attachedState } from '../store-kit/attached-state.js';
import type { ChunkOutcome } from '../store-kit/batch-add.js';
import { CLAIM_PATIENCE_MS, Patience } from '../store-kit/patience.js';
import { CandidatePool, type Page } from './claim/candidate-pool.js';
import { GroupTurns } from './claim/group-turns.js';
import { Turns } from './claim/turns.js';
import type { SendingClient } from './client.js';
import type { LedgerTable } from './ledger-table.js';
import { listTable } from './listing.js';
import { type ItemTable, isOutcomeUnknownError, putIfAbsent } from './put-if-absent.js';
import { sendRead } from './reads.js';
import { hasName } from './refusals.js';
import { scanRows } from './scan.js';
import { keyOf, type Row } from './table.js';
import { ITEM_KEY } from './tables.js';
import { sendTransaction } from './transaction.js';

export class ItemBankTable implements ItemTable {
  readonly key = ITEM_KEY;
  readonly client: SendingClient;
  readonly tableName: string;
  /** `null` without a ledger: then an item may enter more than once. */
  readonly ledger: LedgerTable | null;
  readonly candidates = new CandidatePool((startKey, demand, onThrottled) =>
    this.readPage(startKey, demand, onThrottled),
  );
  /** Turns of the claims that check whether a bank that was found empty is still empty. */
  readonly emptinessTurns = new Turns();
  readonly groupTurns = new GroupTurns();
  readonly #fetchLimit: number;
  readonly #logger: LevelledLogger;

  constructor(
    client: SendingClient,
    tableName: string,
    ledger: LedgerTable | null,
    fetchLimit: number,
    logger: LevelledLogger,
  ) {
    this.client = client;
    this.tableName = tableName;
    this.ledger = ledger;
    this.#fetchLimit = fetchLimit;
    this.#logger = logger;
  }

  /** The action that removes an item if it is there: one half of a claim. */
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

  /** All items of the chunk or none enter, except those that the bank or its ledger knows. */
  addChunk(items: readonly string[], signal?: AbortSignal): Promise<ChunkOutcome> {
    return putIfAbsent(items, this.ledger === null ? [this] : [this, this.ledger], signal);
  }

  /** Puts back an item that was taken out. The ledger is not checked, because it knows the item. */
  returnItem(item: string): Promise<ChunkOutcome> {
    return putIfAbsent([item], [this]);
  }

  listItems(options: ListOptions | undefined): Listing<string> {
    const contents = {
      noun: 'items',
      attributes: [ITEM_KEY],
      elementOf: (row: Row) => keyOf(this, row),
    };
    return listTable(this, contents, options);
  }

  /** Whether the item is in the bank, as its own client sees it. */
  async has(item: string): Promise<boolean> {
    const command = new GetItemCommand({
      TableName: this.tableName,
      Key: { [ITEM_KEY]: { S: item } },
      ConsistentRead: true,
    });
    const { Item } = await sendRead(this, () => this.client.send(command));
    return Item !== undefined;
  }

  /** Reads one page, with `demand` items or more if there are so many: see `ReadPage`. */
  async readPage(
    startKey: string | null,
    demand: number,
    onThrottled: () => void = () => {},
  ): Promise<Page> {
    const limit = Math.max(this.#fetchLimit, demand);
    try {
      return await this.#scan(startKey, limit, onThrottled);
    } catch (error) {
      const isKeyRefused = startKey !== null && hasName(error, 'ValidationException');
      if (!isKeyRefused) throw error;
      // DynamoDB starts a scan behind any key; some of its emulators want one that exists.
      this.#logger.debug(`"${this.tableName}" refuses made-up start keys: scanning from its head.`);
      return this.#scan(null, limit, onThrottled);
    }
  }

  async #scan(startKey: string | null, limit: number, onThrottled: () => void): Promise<Page> {
    const { rows, nextKey } = await scanRows(this, { startKey, limit, onThrottled }, [ITEM_KEY]);
    return { items: rows.map((row) => keyOf(this, row)), nextKey };
  }
}

export const itemBankTables = attachedState<ItemBankTable>('dynamodb.item-bank.4');
