import type { TestProject } from 'vitest/node';
import { useDynamoDb } from './endpoint.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where this run's DynamoDB answers. */
    dynamoDbEndpoint: string;
  }
}

/** One server for the whole run. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { endpoint, stop } = await useDynamoDb();
  project.provide('dynamoDbEndpoint', endpoint);
  return stop;
}
