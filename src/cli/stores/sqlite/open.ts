// The tables in the file that the options name, opened.
import {
  createTables,
  DeduplicationSqliteRepository,
  Deduplicator,
  deduplicationTable,
  ItemBankSqliteRepository,
  itemBankTable,
} from 'storagebox/sqlite';
import { assertIdsFit, firstAssignments, ID_SAMPLE_SIZE } from '../id-look.js';
import { initialized } from '../initialized.js';
import type { InitializedTable, OpenRequest, OpenStore } from '../store.js';
import { idSecretOf } from '../table-options.js';
import { auditedTables } from './audit.js';
import { applySettings, assertFileIsThere, type OpenDatabase, sqliteDriver } from './connection.js';
import { lookAtLedger } from './ledger-look.js';
import { pathOf, type SqliteOptions } from './options.js';
import type { Tables } from './tables.js';

export async function openSqlite(request: OpenRequest): Promise<OpenStore> {
  const { location, isCreating, releaseBanks: names, signal } = request;
  const path = pathOf(location);
  const secret = idSecretOf(optionsOf(request));
  const driver = sqliteDriver();
  if (!isCreating) await assertFileIsThere(path);
  const database = driver.open(path);
  await applySettings(database, signal);
  const tables = tablesOn(database, request, secret);
  const { itemRepo, deduplicationRepo } = tables;
  const releaseBanks = names.map(
    (tableName) => new ItemBankSqliteRepository({ tableName, database }),
  );
  return {
    itemRepo,
    deduplicationRepo,
    deduplicator: new Deduplicator({ itemRepo, deduplicationRepo, releaseBanks }),
    itemBankName: itemRepo.tableName,
    ledgerName: itemRepo.ledgerTableName,
    audit: auditedTables(tables),
    identity: async () => ({
      store: 'sqlite',
      file: path,
      itemBankTable: itemRepo.tableName,
      deduplicationTable: deduplicationRepo.tableName,
    }),
    init: () => init(tables),
    assertIdsAreOurs: () => assertIdsAreOurs(tables),
    lookAtLedger: () => lookAtLedger(tables),
    close: () => database.close(),
  };
}

export function optionsOf({ options }: OpenRequest): SqliteOptions {
  return options as unknown as SqliteOptions;
}

export function tablesOn(
  database: OpenDatabase,
  request: OpenRequest,
  deduplicationIdSecret: string | undefined,
): Tables {
  const { itemBankTable: bank, deduplicationTable: deduplication } = optionsOf(request);
  return {
    database,
    signal: request.signal,
    itemRepo: new ItemBankSqliteRepository({ tableName: bank, database }),
    deduplicationRepo: new DeduplicationSqliteRepository({
      tableName: deduplication,
      deduplicationIdSecret,
      database,
    }),
    hashesIds: deduplicationIdSecret !== undefined,
  };
}

async function init({
  database,
  itemRepo,
  deduplicationRepo,
}: Tables): Promise<InitializedTable[]> {
  const definitions = [
    itemBankTable(itemRepo.tableName),
    deduplicationTable(deduplicationRepo.tableName),
  ];
  const created = await createTables(definitions, { database });
  return initialized(
    definitions.map(({ tableName }) => tableName),
    created,
  );
}

async function assertIdsAreOurs(tables: Tables): Promise<null> {
  const { deduplicationRepo, signal } = tables;
  const sample = await firstAssignments(deduplicationRepo, ID_SAMPLE_SIZE, signal);
  const ids = sample.map(({ deduplicationId }) => deduplicationId);
  assertIdsFit(ids, tables);
  return null;
}
