import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';

/** Counts what the client sends from now on, retries included, by DynamoDB operation. */
export function countRequests(client: DynamoDBClient): Record<string, number> {
  const counts: Record<string, number> = {};
  client.middlewareStack.add(
    (next, { commandName = 'other' }) =>
      (args) => {
        const operation = commandName.replace(/Command$/, '');
        counts[operation] = (counts[operation] ?? 0) + 1;
        return next(args);
      },
    // After the SDK's own retry, so that each attempt counts.
    { step: 'finalizeRequest', priority: 'low' },
  );
  return counts;
}
