import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { SaleTables } from '../crash/sale-tables.js';

export function openVersion01(
  client: DynamoDBClient,
  sale: SaleTables,
): {
  claim(id: string): Promise<string | null>;
  release(id: string): Promise<string | null>;
};
