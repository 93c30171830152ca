// The package as it would be published, in front of the tables of sales on DynamoDB.
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  DEFAULT_CLIENT_CONFIG,
  DeduplicationDynamoDbRepository,
  Deduplicator,
  ItemBankDynamoDbRepository,
} from 'storagebox';

export function openSales({ endpoint, sales }) {
  const client = new DynamoDBClient({ ...DEFAULT_CLIENT_CONFIG, endpoint });
  return sales.map(
    ({ itemBankTableName, ledgerTableName, deduplicationTableName, holdIndexName }) =>
      new Deduplicator({
        itemRepo: new ItemBankDynamoDbRepository({
          tableName: itemBankTableName,
          ledgerTableName,
          client,
        }),
        deduplicationRepo: new DeduplicationDynamoDbRepository({
          tableName: deduplicationTableName,
          holdIndexName,
          client,
        }),
      }),
  );
}
