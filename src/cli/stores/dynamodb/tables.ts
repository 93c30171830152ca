import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  type DeduplicationDynamoDbRepository,
  deduplicationTable,
  type ItemBankDynamoDbRepository,
  itemBankTable,
} from 'storagebox';
import type { OwnRequest } from './patience.js';

/** The opened tables, and what sends requests to them besides the repositories. */
export interface Tables {
  readonly client: DynamoDBClient;
  /** Aborted when the command is stopped. */
  readonly signal: AbortSignal;
  readonly itemRepo: ItemBankDynamoDbRepository;
  readonly deduplicationRepo: DeduplicationDynamoDbRepository;
  readonly ledgerTableName: string | undefined;
  /** An index of the deduplication table; without one, ended holds are looked for in all of it. */
  readonly holdIndexName?: string | undefined;
  /** Whether the deduplication table keeps hashes of IDs. */
  readonly hashesIds: boolean;
}

export const ITEM_KEY = keyOf(itemBankTable('any'));
export const DEDUPLICATION_KEY = keyOf(deduplicationTable('any'));
export const ITEM_ATTRIBUTE = 'item_string';
export const ITEM_BANK_TABLE_ATTRIBUTE = 'item_bank_table';
export const HELD_UNTIL_ATTRIBUTE = 'held_until';
export const RETIRED_AT_ATTRIBUTE = 'retired_at';

/** A transaction on all of the tables. */
export function requestToAll(tables: Tables): OwnRequest {
  const { client, signal, itemRepo, deduplicationRepo, ledgerTableName } = tables;
  const tableNames = [itemRepo.tableName, deduplicationRepo.tableName, ledgerTableName ?? []];
  return { client, signal, tableNames: tableNames.flat() };
}

/** The key of a table that the library defines. */
export function keyOf({ KeySchema }: ReturnType<typeof itemBankTable>): string {
  return String(KeySchema?.[0]?.AttributeName);
}
