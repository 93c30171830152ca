import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { useDynamoDb } from '../../examples/quickstart/endpoint.js';
import { startPostgres } from '../../examples/quickstart/postgres-server.js';
import { tellLeftOut } from './left-out.js';
import { injectedBy, type NeededServer } from './needed-servers.js';
import { SHARED_BUILD_VARIABLE } from './packed-package.js';
import { startPgBouncer } from './pgbouncer.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** Where this run's DynamoDB answers. Files that inject it are left out where there is none. */
    dynamoDbEndpoint: string;
    /** This run's PostgreSQL. Files that inject it are left out where there is none. */
    postgresUrl: string;
    /** In front of this run's PostgreSQL. Files that inject it are left out where there is none. */
    pgBouncerUrl: string;
    /** For files that have tests of several stores, and leave out themselves what cannot run. */
    servers: Servers;
    /** What cannot be had, by what would be injected: its name. */
    missing: Readonly<Partial<Record<NeededServer, string>>>;
  }
}

export interface Servers {
  readonly dynamoDbEndpoint: string | null;
  readonly postgresUrl: string | null;
}

interface Started {
  readonly url: string;
  stop(): Promise<void>;
}

/** The servers that the files of this run need, started side by side, and one build for all of them. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const isWanted = wantedBy(project);
  const leftOut: string[] = [];
  const orLeftOut = async (name: string, start: () => Promise<Started>) => {
    try {
      return await start();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      leftOut.push(`${name}: ${reason.replaceAll(/\s*\n\s*/g, ' ')}`);
      return null;
    }
  };
  const startBehind = async () => {
    const postgres = await orLeftOut('PostgreSQL', startPostgres);
    const { url } = postgres ?? {};
    const pgBouncer =
      url === undefined || !isWanted('pgBouncerUrl')
        ? null
        : await orLeftOut('PgBouncer', () => startPgBouncer(url));
    return { postgres, pgBouncer };
  };
  const [dynamoDb, { postgres, pgBouncer }] = await Promise.all([
    isWanted('dynamoDbEndpoint') ? orLeftOut('DynamoDB', startDynamoDb) : null,
    isWanted('postgresUrl') || isWanted('pgBouncerUrl')
      ? startBehind()
      : { postgres: null, pgBouncer: null },
  ]);
  const stopAll = async () => {
    await Promise.all([dynamoDb?.stop(), pgBouncer?.stop()]);
    await postgres?.stop();
  };
  const tell = await tellLeftOut(leftOut).catch(async (error) => {
    await stopAll();
    throw error;
  });
  // What did not run is not covered.
  if (leftOut.length > 0) delete project.vitest.config.coverage.thresholds;

  if (dynamoDb !== null) project.provide('dynamoDbEndpoint', dynamoDb.url);
  if (postgres !== null) project.provide('postgresUrl', postgres.url);
  if (pgBouncer !== null) project.provide('pgBouncerUrl', pgBouncer.url);
  project.provide('servers', {
    dynamoDbEndpoint: dynamoDb?.url ?? null,
    postgresUrl: postgres?.url ?? null,
  });
  project.provide('missing', {
    ...(dynamoDb === null && { dynamoDbEndpoint: 'DynamoDB' }),
    ...(postgres === null && { postgresUrl: 'PostgreSQL' }),
    ...(pgBouncer === null && { pgBouncerUrl: 'PgBouncer' }),
  });

  const buildFolder = await mkdtemp(join(tmpdir(), 'storagebox-build-'));
  process.env[SHARED_BUILD_VARIABLE] = buildFolder;
  const removeBuild = () => rm(buildFolder, { recursive: true, force: true });
  // In watch mode: of the sources as they are by then.
  project.onTestsRerun(async () => {
    await removeBuild();
    await mkdir(buildFolder);
  });
  return async () => {
    await Promise.all([stopAll(), removeBuild()]);
    tell();
  };
}

async function startDynamoDb(): Promise<Started> {
  const { endpoint, stop } = await useDynamoDb();
  return { url: endpoint, stop };
}

/** In watch mode any file may be next. */
function wantedBy({ vitest }: TestProject): (key: string) => boolean {
  if (vitest.config.watch) return () => true;
  const injected = vitest.state.getPaths().map(injectedBy);
  return (key) => injected.some((keys) => keys.has(key) || keys.has('servers'));
}
