// Claims with the package as it would be published.
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  DEFAULT_CLIENT_CONFIG,
  DeduplicationDynamoDbRepository,
  Deduplicator,
  ItemBankDynamoDbRepository,
} from 'storagebox';
import { runWorker } from './worker-loop.mjs';

runWorker(({ endpoint, sales }, ask) => {
  const client = new DynamoDBClient({ ...DEFAULT_CLIENT_CONFIG, endpoint });
  const deduplicators = sales.map(
    ({ itemBankTableName, deduplicationTableName }) =>
      new Deduplicator({
        itemRepo: new ItemBankDynamoDbRepository({ tableName: itemBankTableName, client }),
        deduplicationRepo: new DeduplicationDynamoDbRepository({
          tableName: deduplicationTableName,
          client,
        }),
      }),
  );
  return (planned) =>
    ask(planned, () => deduplicators[planned.sale].fetchItemForDeduplicationId(planned.id));
});
