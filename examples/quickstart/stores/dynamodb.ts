import { randomUUID } from 'node:crypto';
import { DeleteTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  createTables,
  DEFAULT_CLIENT_CONFIG,
  DeduplicationDynamoDbRepository,
  deduplicationTable,
  ItemBankDynamoDbRepository,
  itemBankTable,
} from 'storagebox';
import { isLocal, useDynamoDb } from '../endpoint.js';
import { countRequests } from '../request-count.js';
import type { OpenStore, StartedStore } from './store.js';

export async function start(): Promise<StartedStore> {
  const server = await useDynamoDb();
  // Every AWS client looks there, in the processes that are started from now on, too.
  process.env.AWS_ENDPOINT_URL_DYNAMODB = server.endpoint;
  if (isLocal(server.endpoint)) {
    process.env.AWS_REGION ??= 'eu-west-1';
    process.env.AWS_ACCESS_KEY_ID ??= 'local';
    process.env.AWS_SECRET_ACCESS_KEY ??= 'local';
  }
  // Otherwise the SDK warns in each of the five processes that support for this Node.js will end.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';

  const client = new DynamoDBClient(DEFAULT_CLIENT_CONFIG);
  // The server may have tables of somebody else.
  const location = randomUUID().slice(0, 8);
  const { itemBank, deduplication } = tableNames(location);
  await createTables([itemBankTable(itemBank), deduplicationTable(deduplication)], { client });
  const stop = async () => {
    await client.send(new DeleteTableCommand({ TableName: itemBank }));
    await client.send(new DeleteTableCommand({ TableName: deduplication }));
    await server.stop();
  };
  return { location, stop };
}

export function open(location: string): OpenStore {
  const client = new DynamoDBClient(DEFAULT_CLIENT_CONFIG);
  const { itemBank, deduplication } = tableNames(location);
  return {
    itemRepo: new ItemBankDynamoDbRepository({ tableName: itemBank, client }),
    deduplicationRepo: new DeduplicationDynamoDbRepository({ tableName: deduplication, client }),
    requests: countRequests(client),
    close: async () => client.destroy(),
  };
}

function tableNames(location: string): { itemBank: string; deduplication: string } {
  return {
    itemBank: `voucher_codes_${location}`,
    deduplication: `storage_box_deduplication_table_${location}`,
  };
}
