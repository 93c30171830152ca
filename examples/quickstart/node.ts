// One of the servers of the sale: this is the code that a backend needs.
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  DEFAULT_CLIENT_CONFIG,
  DeduplicationDynamoDbRepository,
  Deduplicator,
  ItemBankDynamoDbRepository,
} from 'storagebox';
import type { Click, Report, Start } from './messages.js';
import { countRequests } from './request-count.js';

process.once('message', async ({ tableNames, userIds }: Start) => {
  const client = new DynamoDBClient(DEFAULT_CLIENT_CONFIG);
  const requests = countRequests(client);
  const deduplicator = new Deduplicator({
    itemRepo: new ItemBankDynamoDbRepository({ tableName: tableNames.itemBank, client }),
    deduplicationRepo: new DeduplicationDynamoDbRepository({
      tableName: tableNames.deduplication,
      client,
    }),
  });

  /** This is what a request handler does. */
  async function click(userId: string): Promise<Click> {
    const voucherCode = await deduplicator.fetchItemForDeduplicationId(userId);
    return { userId, voucherCode };
  }

  process.send?.('ready');
  process.once('message', async () => {
    const clicks = await Promise.all(userIds.map(click));
    const report: Report = { clicks, requests };
    process.send?.(report, () => process.disconnect());
  });
});
