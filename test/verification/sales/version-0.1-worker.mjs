// Claims as a process of version 0.1 does.
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { openVersion01 } from './version-0.1.mjs';
import { runWorker } from './worker-loop.mjs';

const TIMEOUTS = { connectionTimeout: 3_000, requestTimeout: 5_000, throwOnRequestTimeout: true };

runWorker(({ endpoint, sales }, ask) => {
  const client = new DynamoDBClient({ endpoint, requestHandler: TIMEOUTS });
  const nodes = sales.map((sale) => openVersion01(client, sale));
  return (planned) => ask(planned, () => nodes[planned.sale].claim(planned.id));
});
