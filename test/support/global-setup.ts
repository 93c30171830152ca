import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { useDynamoDb } from '../../examples/quickstart/endpoint.js';
import { SHARED_BUILD_VARIABLE } from './packed-package.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where this run's DynamoDB answers. */
    dynamoDbEndpoint: string;
  }
}

/** One server and, where tests ask for it, one build for the whole run. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { endpoint, stop } = await useDynamoDb();
  project.provide('dynamoDbEndpoint', endpoint);
  const buildFolder = await mkdtemp(join(tmpdir(), 'storagebox-build-'));
  process.env[SHARED_BUILD_VARIABLE] = buildFolder;
  const removeBuild = () => rm(buildFolder, { recursive: true, force: true });
  // In watch mode: of the sources as they are by then.
  project.onTestsRerun(async () => {
    await removeBuild();
    await mkdir(buildFolder);
  });
  return async () => {
    await Promise.all([stop(), removeBuild()]);
  };
}
