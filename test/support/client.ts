import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import { DEFAULT_CLIENT_CONFIG } from 'storagebox';
import { isLocal } from './endpoint.js';

/** DynamoDB Local takes any credentials; elsewhere the SDK finds the real ones. */
export function clientConfigFor(endpoint: string): DynamoDBClientConfig {
  if (!isLocal(endpoint)) return { ...DEFAULT_CLIENT_CONFIG, endpoint };
  return {
    ...DEFAULT_CLIENT_CONFIG,
    endpoint,
    region: 'eu-west-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  };
}

export function clientFor(endpoint: string): DynamoDBClient {
  return new DynamoDBClient(clientConfigFor(endpoint));
}
