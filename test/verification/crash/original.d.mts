import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';

export function originalClaim(
  client: DynamoDBClient,
  tableNames: { readonly itemBankTableName: string; readonly deduplicationTableName: string },
): (deduplicationId: string) => Promise<string | null>;
