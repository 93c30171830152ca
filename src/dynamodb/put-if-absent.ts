// Lets items enter: transactions of puts, each on the condition that its row is absent.
import type { Put } from '@aws-sdk/client-dynamodb';
import type { ChunkOutcome } from '../batch-add.js';
import { isStorageBoxError } from '../errors.js';
import type { SendingClient } from './client.js';
import type { TableReference } from './refusals.js';
import { ITEM_KEY } from './tables.js';
import { hasConditionFailed, sendTransaction } from './transaction.js';

/** The most actions that a transaction takes ("Constraints in Amazon DynamoDB", Developer Guide). */
export const MAX_ACTIONS_PER_TRANSACTION = 100;

/** A new table's capacity can take a while to grow to what a large batch asks for. */
const SEEDING_PATIENCE_MS = 60_000;

/** A table that has a row for each item, with the item as its key. */
export interface ItemTable extends TableReference {
  readonly client: SendingClient;
  /** What stands in the row besides its key. */
  attributes?(): Put['Item'];
}

/**
 * All items of the chunk or none enter all of the tables, except those that one of them holds
 * already: these stay as they are. Never plain or batched puts: one that is sent again after its
 * response was lost puts back what was claimed in between.
 */
export async function putIfAbsent(
  items: readonly string[],
  tables: readonly [ItemTable, ...ItemTable[]],
  signal?: AbortSignal,
): Promise<ChunkOutcome> {
  let absent = items;
  while (absent.length > 0) {
    const outcome = await sendTransaction({
      client: tables[0].client,
      tables,
      actions: absent.flatMap((item) => tables.map((table) => ({ Put: addition(table, item) }))),
      patienceMs: SEEDING_PATIENCE_MS,
      signal,
    });
    const alreadyKnown = items.length - absent.length;
    switch (outcome.status) {
      case 'committed':
        return { added: absent.length, alreadyKnown, notAdded: [], unconfirmed: [] };
      case 'conditionFailed': {
        const { reasons } = outcome;
        absent = absent.filter((_, position) => {
          const ofTheItem = reasons.slice(position * tables.length, (position + 1) * tables.length);
          return !ofTheItem.some(hasConditionFailed);
        });
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

export function isOutcomeUnknownError(error: unknown): boolean {
  return isStorageBoxError(error) && error.code === 'STORAGEBOX_OUTCOME_UNKNOWN';
}

function addition({ tableName, attributes }: ItemTable, item: string): Put {
  return {
    TableName: tableName,
    Item: { [ITEM_KEY]: { S: item }, ...attributes?.() },
    ConditionExpression: 'attribute_not_exists(#item)',
    ExpressionAttributeNames: { '#item': ITEM_KEY },
  };
}
