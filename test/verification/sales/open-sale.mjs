// The package as it would be published, in front of the tables of a sale.
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  DEFAULT_CLIENT_CONFIG,
  DeduplicationDynamoDbRepository,
  Deduplicator,
  ItemBankDynamoDbRepository,
} from 'storagebox';

export function openSale({ endpoint, sale }) {
  const client = new DynamoDBClient({ ...DEFAULT_CLIENT_CONFIG, endpoint });
  const { itemBankTableName, ledgerTableName, deduplicationTableName, holdIndexName } = sale;
  return new Deduplicator({
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
  });
}
