// Only its types are checked, against those of the installed SDK.
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  createTables,
  DEFAULT_CLIENT_CONFIG,
  DeduplicationDynamoDbRepository,
  Deduplicator,
  ItemBankDynamoDbRepository,
  itemBankTable,
} from 'storagebox';
import { conformanceSuite } from 'storagebox/testing';

const client = new DynamoDBClient({ ...DEFAULT_CLIENT_CONFIG, region: 'eu-west-1' });
export const created: Promise<string[]> = createTables([itemBankTable('codes')], { client });
export const item: Promise<string | null> = new Deduplicator({
  itemRepo: new ItemBankDynamoDbRepository({ tableName: 'codes', client }),
  deduplicationRepo: new DeduplicationDynamoDbRepository({
    tableName: 'ids',
    clientConfig: { ...DEFAULT_CLIENT_CONFIG, maxAttempts: 5 },
  }),
}).fetchItemForDeduplicationId('user');
export const suite: typeof conformanceSuite = conformanceSuite;
