// The control. A harness that finds nothing wrong with this one finds nothing.
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { originalClaim } from './original.mjs';
import { runWorker } from './worker-loop.mjs';

const TIMEOUTS = { connectionTimeout: 3_000, requestTimeout: 5_000, throwOnRequestTimeout: true };

let client;

runWorker((endpoint, tableNames) => {
  client ??= new DynamoDBClient({ endpoint, requestHandler: TIMEOUTS });
  return originalClaim(client, tableNames);
});
