// Lets items enter: transactions of puts, each on the condition that its row is absent.
import type { CancellationReason, Put } from '@aws-sdk/client-dynamodb';
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

/** The tables in which an item is put together. The last one is the judge: what it has is known. */
type ItemTables = readonly [ItemTable, ...ItemTable[]];

/** An item, and the tables that still have to get it. */
interface Addition {
  readonly item: string;
  readonly tables: readonly ItemTable[];
}

/**
 * All items of the chunk enter all of the tables or none does, except for those that the last table
 * knows: these stay as they are. An item that only an earlier table holds has entered that one, so
 * from then on it is put into the others alone: a bank that was seeded without a ledger. That holds
 * whatever becomes of it in between, since an item that is handed out meanwhile did enter.
 *
 * Never plain or batched puts: one that is sent again after its response was lost puts back what was
 * claimed in between.
 */
export async function putIfAbsent(
  items: readonly string[],
  tables: ItemTables,
  signal?: AbortSignal,
): Promise<ChunkOutcome> {
  let additions: readonly Addition[] = items.map((item) => ({ item, tables }));
  // An attempt without an answer can be applied after a later transaction was refused.
  let isInDoubt = false;
  while (additions.length > 0) {
    const outcome = await sendTransaction({
      client: tables[0].client,
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

/** Without what the last table knows, and each of the others without the tables that hold it. */
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
