import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import { DEFAULT_CLIENT_CONFIG } from 'storagebox';
import { isLocal } from '../../examples/quickstart/endpoint.js';

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

/** Waits longer for an answer than the default client: other tests can keep the machine busy. */
export function clientFor(endpoint: string): DynamoDBClient {
  const requestHandler = {
    ...DEFAULT_CLIENT_CONFIG.requestHandler,
    requestTimeout: 60_000,
    socketTimeout: 60_000,
  };
  return new DynamoDBClient({ ...clientConfigFor(endpoint), requestHandler });
}
