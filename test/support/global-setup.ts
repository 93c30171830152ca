import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { useDynamoDb } from '../../examples/quickstart/endpoint.js';
import { startPostgres, URL_VARIABLE } from '../../examples/quickstart/postgres-server.js';
import { makeBetterSqlite3Loadable } from './better-sqlite3.js';
import { tellLeftOut } from './left-out.js';
import { type NeededServer, neededBy } from './needs.js';
import { buildPackage, SHARED_BUILD_VARIABLE } from './packed-package.js';
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

/** Whoever uses the build of the package imports it, by packed-package.ts. */
const BUNDLER = 'tsup';
const ENDPOINT_VARIABLE = 'AWS_ENDPOINT_URL_DYNAMODB';

export interface Servers {
  readonly dynamoDbEndpoint: string | null;
  readonly postgresUrl: string | null;
}

interface Started {
  readonly url: string;
  stop(): Promise<void>;
}

/** The servers and drivers that the files of this run need, got side by side, and one build for all of them. */
export default async function setup(
  project: TestProject,
): Promise<(() => Promise<void>) | undefined> {
  // Once for all projects, which inherit the setup and what it provides.
  if (!project.isRootProject()) return undefined;
  const isNeeded = await wantedBy(project);
  const isWanted = (key: string) => isNeeded(key) || isNeeded('servers');
  const leftOut: string[] = [];
  const orLeftOut = async <Got>(name: string, start: () => Promise<Got>, variable?: string) => {
    try {
      return await start();
    } catch (error) {
      // Whoever names a server wants its tests to run.
      if (variable !== undefined && (process.env[variable] ?? '') !== '') throw error;
      const reason = error instanceof Error ? error.message : String(error);
      leftOut.push(`${name}: ${reason.replaceAll(/\s*\n\s*/g, ' ')}`);
      return null;
    }
  };
  const startBehind = async () => {
    const postgres = await orLeftOut('PostgreSQL', startPostgres, URL_VARIABLE);
    const { url } = postgres ?? {};
    const pgBouncer =
      url === undefined || !isWanted('pgBouncerUrl')
        ? null
        : await orLeftOut('PgBouncer', () => startPgBouncer(url));
    return { postgres, pgBouncer };
  };
  const [dynamoDb, { postgres, pgBouncer }] = await Promise.all([
    isWanted('dynamoDbEndpoint') ? orLeftOut('DynamoDB', startDynamoDb, ENDPOINT_VARIABLE) : null,
    isWanted('postgresUrl') || isWanted('pgBouncerUrl')
      ? startBehind()
      : { postgres: null, pgBouncer: null },
    isNeeded('better-sqlite3') && orLeftOut('better-sqlite3', makeBetterSqlite3Loadable),
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
  // Begun at once, because those that need it wait for it. They tell why it failed.
  const building = isNeeded(BUNDLER) && buildPackage(buildFolder).catch(() => {});
  const removeBuild = () => rm(buildFolder, { recursive: true, force: true });
  // In watch mode: of the sources as they are by then.
  project.onTestsRerun(async () => {
    await removeBuild();
    await mkdir(buildFolder);
  });
  return async () => {
    await building;
    await Promise.all([stopAll(), removeBuild()]);
    tell();
  };
}

async function startDynamoDb(): Promise<Started> {
  const { endpoint, stop } = await useDynamoDb();
  return { url: endpoint, stop };
}

/** Whether a file of this run needs it; in watch mode any file may be next. */
async function wantedBy({ vitest }: TestProject): Promise<(name: string) => boolean> {
  const files = vitest.config.watch
    ? (await vitest.globTestSpecifications()).map(({ moduleId }) => moduleId)
    : vitest.state.getPaths();
  const needs = files.map(neededBy);
  return (name) => needs.some((names) => names.has(name));
}
