// The control. A harness that finds nothing wrong with this one finds nothing.
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { originalClaim } from './original.mjs';
import { runWorker } from './worker-loop.mjs';

const TIMEOUTS = { connectionTimeout: 3_000, requestTimeout: 5_000, throwOnRequestTimeout: true };

runWorker(({ endpoint, sales }, ask) => {
  const client = new DynamoDBClient({ endpoint, requestHandler: TIMEOUTS });
  const claims = sales.map((tableNames) => originalClaim(client, tableNames));
  return (planned) => ask(planned, () => claims[planned.sale](planned.id));
});
