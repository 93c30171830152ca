// Adds items: transactions of puts, each on the condition that its row is absent.
import type { CancellationReason, Put } from '@aws-sdk/client-dynamodb';
import { isStorageBoxError } from '../contracts/errors.js';
import type { ChunkOutcome } from '../store-kit/batch-add.js';
import type { Table } from './table.js';
import { ITEM_KEY } from './tables.js';
import { hasConditionFailed, sendTransaction } from './transaction.js';

/** The most actions that a transaction takes ("Constraints in Amazon DynamoDB", Developer Guide). */
export const MAX_ACTIONS_PER_TRANSACTION = 100;

/** A new table's capacity can take a while to grow to what a large batch asks for. */
const SEEDING_PATIENCE_MS = 60_000;

/** A table that has a row for each item, with the item as its key. */
export interface ItemTable extends Table {
  /** The attributes of the row besides its key. */
  attributes?(): Put['Item'];
}

/** The tables that an item is put into together. The last one decides: an item that it has is known. */
type ItemTables = readonly [ItemTable, ...ItemTable[]];

/** An item, and the tables that still lack it. */
interface Addition {
  readonly item: string;
  readonly tables: readonly ItemTable[];
}

/**
 * Puts all items of the chunk into all of the tables, or none of them. Items that the last table knows
 * stay as they are. An item that only an earlier table holds (a bank that was seeded without a ledger)
 * is from then on put only into the other tables, even if it is handed out meanwhile: it did enter.
 *
 * Plain or batched puts are never used: a put that is sent again after its response was lost would put
 * back an item that was claimed in between.
 */
export async function putIfAbsent(
  items: readonly string[],
  tables: ItemTables,
  signal?: AbortSignal,
): Promise<ChunkOutcome> {
  let additions: readonly Addition[] = items.map((item) => ({ item, tables }));
  // An attempt that got no answer can still be applied after a later transaction was refused.
  let isInDoubt = false;
  while (additions.length > 0) {
    const outcome = await sendTransaction({
      tables,
      actions: additions.flatMap(putsOf),
      patienceMs: SEEDING_PATIENCE_MS,
      signal,
      isInDoubt,
    });
    switch (outcome.status) {
      case 'committed': {
        const added = additions.filter((addition) => addition.tables === tables).length;
        return { added, alreadyKnown: items.length - added, notAdded: [], unconfirmed: [] };
      }
      case 'conditionFailed':
        additions = stillToPut(additions, outcome.reasons);
        isInDoubt = outcome.isInDoubt;
        break;
      case 'failed': {
        const { error } = outcome;
        const left = additions.map(({ item }) => item);
        const parts = isOutcomeUnknownError(error)
          ? { notAdded: [], unconfirmed: left }
          : { notAdded: left, unconfirmed: [] };
        return { added: 0, alreadyKnown: items.length - left.length, ...parts, error };
      }
    }
  }
  return { added: 0, alreadyKnown: items.length, notAdded: [], unconfirmed: [] };
}

export function isOutcomeUnknownError(error: unknown): boolean {
  return isStorageBoxError(error) && error.code === 'STORAGEBOX_OUTCOME_UNKNOWN';
}

/** Drops the items that the last table knows, and for each other item the tables that hold it. */
function stillToPut(
  additions: readonly Addition[],
  reasons: readonly CancellationReason[],
): readonly Addition[] {
  let position = 0;
  return additions.flatMap((addition) => {
    const { item, tables } = addition;
    const lacking = tables.filter(() => !hasConditionFailed(reasons[position++]));
    if (lacking.length === tables.length) return [addition];
    const isKnown = lacking.at(-1) !== tables.at(-1);
    return isKnown ? [] : [{ item, tables: lacking }];
  });
}

function putsOf({ item, tables }: Addition): { Put: Put }[] {
  return tables.map(({ tableName, attributes }) => ({
    Put: {
      TableName: tableName,
      Item: { [ITEM_KEY]: { S: item }, ...attributes?.() },
      ConditionExpression: 'attribute_not_exists(#item)',
      ExpressionAttributeNames: { '#item': ITEM_KEY },
    },
  }));
}
