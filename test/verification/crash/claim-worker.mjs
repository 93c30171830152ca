// Claims with the package as it would be published.
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  DEFAULT_CLIENT_CONFIG,
  DeduplicationDynamoDbRepository,
  Deduplicator,
  ItemBankDynamoDbRepository,
} from 'storagebox';
import { runWorker } from './worker-loop.mjs';

let client;

runWorker((endpoint, { itemBankTableName, deduplicationTableName }) => {
  client ??= new DynamoDBClient({ ...DEFAULT_CLIENT_CONFIG, endpoint });
  const deduplicator = new Deduplicator({
    itemRepo: new ItemBankDynamoDbRepository({ tableName: itemBankTableName, client }),
    deduplicationRepo: new DeduplicationDynamoDbRepository({
      tableName: deduplicationTableName,
      client,
    }),
  });
  return (id) => deduplicator.fetchItemForDeduplicationId(id);
});
