// The tables in the database that the options name, opened.
import {
  createTables,
  DeduplicationPostgresRepository,
  Deduplicator,
  deduplicationTable,
  ItemBankPostgresRepository,
  itemBankTable,
} from 'storagebox/postgres';
import {
  assertIdsFit,
  firstAssignments,
  ID_SAMPLE_SIZE,
  type SampledAssignment,
} from '../id-look.js';
import { initialized } from '../initialized.js';
import type { Finding, InitializedTable, OpenRequest, OpenStore } from '../store.js';
import { idSecretOf } from '../table-options.js';
import { auditedTables } from './audit.js';
import { type Connections, postgresDriver } from './connection.js';
import { examination } from './doctor.js';
import { failedBecause } from './failures.js';
import { lookAtLedgerOrSayWhy } from './ledger-look.js';
import { type PostgresOptions, urlOf } from './options.js';
import type { Tables } from './tables.js';

export function openPostgres(request: OpenRequest): OpenStore {
  const tables = openTables(request);
  const { connections, itemRepo, deduplicationRepo } = tables;
  const { client } = connections;
  const releaseBanks = request.releaseBanks.map(
    (tableName) => new ItemBankPostgresRepository({ tableName, client }),
  );
  return {
    itemRepo,
    deduplicationRepo,
    deduplicator: new Deduplicator({ itemRepo, deduplicationRepo, releaseBanks }),
    itemBankName: itemRepo.tableName,
    ledgerName: itemRepo.ledgerTableName,
    audit: auditedTables(tables),
    identity: () => identityOf(tables),
    init: () => init(tables),
    assertIdsAreOurs: () => assertIdsAreOurs(tables),
    lookAtLedger: () => lookAtLedgerOrSayWhy(tables),
    close: () => connections.close(),
  };
}

export async function* examine(request: OpenRequest): AsyncGenerator<Finding, void, void> {
  let connections: Connections | undefined;
  try {
    yield* examination(() => {
      const tables = openTables(request);
      connections = tables.connections;
      return tables;
    });
  } finally {
    await connections?.close();
  }
}

function openTables({ location, options: all, signal }: OpenRequest): Tables {
  const options = all as unknown as PostgresOptions;
  const url = urlOf(location);
  const deduplicationIdSecret = idSecretOf(options);
  const connections = postgresDriver().connect(url);
  const { client } = connections;
  return {
    connections,
    signal,
    itemRepo: new ItemBankPostgresRepository({ tableName: options.itemBankTable, client }),
    deduplicationRepo: new DeduplicationPostgresRepository({
      tableName: options.deduplicationTable,
      deduplicationIdSecret,
      client,
    }),
    hashesIds: deduplicationIdSecret !== undefined,
  };
}

async function identityOf({ connections, itemRepo, deduplicationRepo }: Tables) {
  const { host, port } = connections.place;
  // As the server says it: the environment, or a pooler, may have named it otherwise.
  const [row] = await connections.query(
    'select current_database() as name, current_schema() as schema',
  );
  return {
    store: 'postgres',
    host,
    port: String(port),
    database: String(row?.name),
    schema: String(row?.schema),
    itemBankTable: itemRepo.tableName,
    deduplicationTable: deduplicationRepo.tableName,
  };
}

async function init({
  connections: { client },
  itemRepo,
  deduplicationRepo,
}: Tables): Promise<InitializedTable[]> {
  const definitions = [
    itemBankTable(itemRepo.tableName),
    deduplicationTable(deduplicationRepo.tableName),
  ];
  const created = await createTables(definitions, { client });
  return initialized(
    definitions.map(({ tableName }) => tableName),
    created,
  );
}

/** The check is optional for a role that may not read the table whole. */
async function assertIdsAreOurs(tables: Tables): Promise<string | null> {
  const { deduplicationRepo, signal } = tables;
  let sample: readonly SampledAssignment[];
  try {
    sample = await firstAssignments(deduplicationRepo, ID_SAMPLE_SIZE, signal);
  } catch (error) {
    if (failedBecause(error, 'insufficient_privilege')) return LOOK_REFUSED;
    throw error;
  }
  assertIdsFit(
    sample.map(({ deduplicationId }) => deduplicationId),
    tables,
  );
  return null;
}

const LOOK_REFUSED =
  'Could not check whether the table keeps its IDs as they are or hashed: this needs the permission to select ' +
  'from the deduplication table.';
