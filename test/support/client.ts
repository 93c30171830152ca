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
export function patientConfigFor(endpoint: string): DynamoDBClientConfig {
  const requestHandler = {
    ...DEFAULT_CLIENT_CONFIG.requestHandler,
    connectionTimeout: 60_000,
    requestTimeout: 60_000,
    socketTimeout: 60_000,
  };
  return { ...clientConfigFor(endpoint), requestHandler };
}

export function clientFor(endpoint: string): DynamoDBClient {
  return new DynamoDBClient(patientConfigFor(endpoint));
}
