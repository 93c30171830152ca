// The tables that the options name, opened.
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  createTables,
  DEFAULT_CLIENT_CONFIG,
  DeduplicationDynamoDbRepository,
  Deduplicator,
  deduplicationTable,
  deduplicationTableWithHoldIndex,
  ItemBankDynamoDbRepository,
  itemBankTable,
  ledgerTable,
} from 'storagebox';
import { initialized } from '../initialized.js';
import type { Finding, InitializedTable, OpenRequest, OpenStore } from '../store.js';
import { idSecretOf } from '../table-options.js';
import { auditedTables } from './audit.js';
import { findings } from './doctor.js';
import { assertIdsAreOurs } from './id-look.js';
import { lookAtLedgerOrSayWhy } from './ledger-look.js';
import { type DynamoDbOptions, ledgerTableNameOf } from './options.js';
import type { Tables } from './tables.js';

export function openDynamoDb(request: OpenRequest): OpenStore {
  const { tables, deduplicator, options } = openTables(request);
  return openStore(tables, deduplicator, options.endpointUrl);
}

export async function* examine(request: OpenRequest): AsyncGenerator<Finding, void, void> {
  const { tables } = openTables(request);
  try {
    yield* findings(tables);
  } finally {
    tables.client.destroy();
  }
}

function openTables({ options: all, releaseBanks: names, signal }: OpenRequest) {
  const options = all as unknown as DynamoDbOptions;
  const deduplicationIdSecret = idSecretOf(options);
  const client = openClient(options);
  const ledgerTableName = ledgerTableNameOf(options);
  const itemRepo = new ItemBankDynamoDbRepository({
    tableName: options.itemBankTable,
    ledgerTableName,
    client,
  });
  const releaseBanks = names.map(
    (itemBankTable) =>
      new ItemBankDynamoDbRepository({
        tableName: itemBankTable,
        ledgerTableName: ledgerTableNameOf({ itemBankTable, ledger: options.ledger }),
        client,
      }),
  );
  const deduplicationRepo = new DeduplicationDynamoDbRepository({
    tableName: options.deduplicationTable,
    holdIndexName: options.holdIndex,
    deduplicationIdSecret,
    client,
  });
  const tables = {
    client,
    signal,
    itemRepo,
    deduplicationRepo,
    ledgerTableName,
    holdIndexName: options.holdIndex,
    hashesIds: deduplicationIdSecret !== undefined,
  };
  const deduplicator = new Deduplicator({ itemRepo, deduplicationRepo, releaseBanks });
  return { tables, deduplicator, options };
}

export function openStore(
  tables: Tables,
  deduplicator: Deduplicator,
  endpointUrl: string | undefined,
): OpenStore {
  const { client, itemRepo, deduplicationRepo, ledgerTableName } = tables;
  return {
    itemRepo,
    deduplicationRepo,
    deduplicator,
    itemBankName: itemRepo.tableName,
    ledgerName: ledgerTableName,
    audit: auditedTables(tables),
    identity: async () => ({
      itemBankTable: itemRepo.tableName,
      deduplicationTable: deduplicationRepo.tableName,
      region: await client.config.region(),
      endpointUrl: endpointUrl ?? null,
    }),
    init: () => init(tables),
    assertIdsAreOurs: () => assertIdsAreOurs(tables),
    lookAtLedger: () => lookAtLedgerOrSayWhy(tables),
    close: () => client.destroy(),
  };
}

async function init({
  client,
  itemRepo,
  deduplicationRepo,
  ledgerTableName,
  holdIndexName,
}: Tables): Promise<InitializedTable[]> {
  const { tableName: deduplication } = deduplicationRepo;
  const definitions = [
    itemBankTable(itemRepo.tableName),
    holdIndexName === undefined
      ? deduplicationTable(deduplication)
      : deduplicationTableWithHoldIndex(deduplication, holdIndexName),
    ...(ledgerTableName === undefined ? [] : [ledgerTable(ledgerTableName)]),
  ];
  const created = await createTables(definitions, { client });
  return initialized(
    definitions.map(({ TableName = '' }) => TableName),
    created,
  );
}

const SILENT_LOGGER = { debug() {}, info() {}, warn() {}, error() {} };

function openClient({ endpointUrl, region, profile }: DynamoDbOptions): DynamoDBClient {
  const { env } = process;
  // Otherwise the SDK prints eight lines at each command, about a Node.js version that we support.
  env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
  // Every release of the SDK reads this variable. The profile takes precedence over keys in the
  // environment, as in the AWS command line, so the SDK's warning about both is silenced.
  if (profile !== undefined) env.AWS_PROFILE = profile;
  // The SDK itself does not read the second variable of the AWS command line.
  const regionName = region || env.AWS_REGION || env.AWS_DEFAULT_REGION;
  return new DynamoDBClient({
    ...DEFAULT_CLIENT_CONFIG,
    ...(regionName && { region: regionName }),
    ...(endpointUrl && { endpoint: endpointUrl }),
    ...(profile !== undefined && { logger: SILENT_LOGGER }),
  });
}
