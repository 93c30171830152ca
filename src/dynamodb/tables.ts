// The tables: their schema (for the first two that of the Python module), and how to create them.
import {
  CreateTableCommand,
  type CreateTableCommandInput,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb';
import { assertOption } from '../contracts/validation.js';
import { type ClientOptions, resolveClient } from './client.js';
import { hasName } from './refusals.js';

// DynamoDB's limit for such a key is that of the package, `MAX_KEY_BYTES`: see "Constraints in Amazon
// DynamoDB" in the Developer Guide.

/** The key of an item bank, its only attribute, and of a ledger. */
export const ITEM_KEY = 'item';
/** The key of a deduplication table. */
export const DEDUPLICATION_KEY = 'deduplication_id';
/** The item that an ID has. */
export const ITEM_ATTRIBUTE = 'item_string';
/** When it was assigned, in ISO 8601. The Python module neither writes nor reads it. */
export const ASSIGNED_AT_ATTRIBUTE = 'assigned_at';
/** The table name of the bank that it came from. The Python module neither writes nor reads it. */
export const ITEM_BANK_TABLE_ATTRIBUTE = 'item_bank_table';
/**
 * When the hold on it ends, in ISO 8601; absent if the ID has the item for good. It is a String, so that a time
 * to live, which needs a Number, cannot act on it. The Python module neither writes nor reads it.
 */
export const HELD_UNTIL_ATTRIBUTE = 'held_until';
/** When an item entered the ledger, in ISO 8601. */
export const ENTERED_AT_ATTRIBUTE = 'entered_at';
/** When it was retired, in ISO 8601; only in the rows of items that were. */
export const RETIRED_AT_ATTRIBUTE = 'retired_at';

/** How long a new table may take to become active. */
const MAX_TABLE_CREATION_SECONDS = 120;

/**
 * The definition of an item bank: key `item` (String), on-demand capacity. For a sale, add
 * `DeletionProtectionEnabled: true` to a copy of it; switch point-in-time recovery on afterwards with
 * `UpdateContinuousBackups`, since `CreateTable` cannot. See "CreateTable" and "Point-in-time backups
 * for DynamoDB" in DynamoDB's documentation.
 *
 * @throws InvalidOptionError when the name is empty or no string
 */
export function itemBankTable(tableName: string): CreateTableCommandInput {
  return tableDefinition(tableName, ITEM_KEY);
}

/**
 * The definition of a deduplication table: key `deduplication_id` (String), on-demand capacity. What
 * {@link itemBankTable} says of protection and recovery holds here even more: this table alone knows
 * who has what. Give it no time to live, or an ID can get a second item.
 *
 * @throws InvalidOptionError when the name is empty or no string
 */
export function deduplicationTable(tableName: string): CreateTableCommandInput {
  return tableDefinition(tableName, DEDUPLICATION_KEY);
}

/**
 * {@link deduplicationTable} with a global secondary index of the holds, for a table that is too large to be
 * read whole each time that expired holds are looked for. Its key is the end of a hold (`held_until`, String), so
 * only rows of holds are in it, and no two ends share a partition. Pass its name to the repository as
 * `holdIndexName`.
 *
 * @throws InvalidOptionError when a name is empty or no string
 */
export function deduplicationTableWithHoldIndex(
  tableName: string,
  holdIndexName: string,
): CreateTableCommandInput {
  assertTableName(holdIndexName, 'holdIndexName');
  const { AttributeDefinitions = [], ...definition } = deduplicationTable(tableName);
  return {
    ...definition,
    AttributeDefinitions: [
      ...AttributeDefinitions,
      { AttributeName: HELD_UNTIL_ATTRIBUTE, AttributeType: 'S' },
    ],
    GlobalSecondaryIndexes: [
      {
        IndexName: holdIndexName,
        KeySchema: [{ AttributeName: HELD_UNTIL_ATTRIBUTE, KeyType: 'HASH' }],
        Projection: { ProjectionType: 'KEYS_ONLY' },
      },
    ],
  };
}

/**
 * The definition of a ledger: key `item` (String), on-demand capacity. It keeps a row for every item
 * that ever entered the bank, also for those that were handed out; give it no time to live, or an
 * item can enter again. What {@link itemBankTable} says of protection and recovery holds here, too.
 *
 * @throws InvalidOptionError when the name is empty or no string
 */
export function ledgerTable(tableName: string): CreateTableCommandInput {
  return tableDefinition(tableName, ITEM_KEY);
}

function tableDefinition(tableName: string, key: string): CreateTableCommandInput {
  assertTableName(tableName);
  return {
    TableName: tableName,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: [{ AttributeName: key, AttributeType: 'S' }],
    KeySchema: [{ AttributeName: key, KeyType: 'HASH' }],
  };
}

/**
 * Creates the tables that do not exist yet and waits until they can be used: for development and
 * tests. Nothing else in the package creates a table.
 *
 * @returns the names of the tables that this call created; the others existed and were left alone
 * @throws InvalidOptionError when an option cannot be used
 * @throws the SDK's own errors (access denied, limits) as they are
 */
export async function createTables(
  definitions: readonly CreateTableCommandInput[],
  options?: ClientOptions,
): Promise<string[]> {
  assertOption(
    Array.isArray(definitions),
    'definitions',
    'an array of table definitions',
    definitions,
    'Pass [itemBankTable(name), deduplicationTable(name)].',
  );
  const client = resolveClient(options);
  const create = async (definition: CreateTableCommandInput) => {
    const isCreated = await client.send(new CreateTableCommand(definition)).then(
      () => true,
      (error: unknown) => {
        if (hasName(error, 'ResourceInUseException')) return false;
        throw error;
      },
    );
    await waitUntilTableExists(
      { client, maxWaitTime: MAX_TABLE_CREATION_SECONDS, minDelay: 1, maxDelay: 5 },
      { TableName: definition.TableName },
    );
    return isCreated ? [String(definition.TableName)] : [];
  };
  return (await Promise.all(definitions.map(create))).flat();
}

export function assertTableName(
  tableName: unknown,
  option = 'tableName',
): asserts tableName is string {
  assertOption(
    typeof tableName === 'string' && tableName !== '',
    option,
    'the name or ARN of a DynamoDB table',
    tableName,
    `Pass it as { ${option} }.`,
  );
}

/**
 * Whether two names or ARNs can mean the same table: two ARNs if they are equal; a name and an ARN, or
 * two names, if the name is the same.
 */
export function canBeSameTable(one: string, other: string): boolean {
  return isArn(one) && isArn(other) ? one === other : shortTableName(one) === shortTableName(other);
}

/** The name alone, of a table that was named by its ARN as well. */
export function shortTableName(tableName: string): string {
  return isArn(tableName) ? tableName.slice(tableName.lastIndexOf('/') + 1) : tableName;
}

function isArn(tableName: string): boolean {
  return tableName.startsWith('arn:');
}
