// The tables that the options name, opened.
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  DEFAULT_CLIENT_CONFIG,
  DeduplicationDynamoDbRepository,
  Deduplicator,
  ItemBankDynamoDbRepository,
} from 'storagebox';
import { ledgerTableNameOf, type SharedOptions } from './options.js';

export interface Box {
  readonly client: DynamoDBClient;
  readonly itemRepo: ItemBankDynamoDbRepository;
  readonly deduplicationRepo: DeduplicationDynamoDbRepository;
  readonly deduplicator: Deduplicator;
  readonly ledgerTableName: string | undefined;
}

export function openBox(options: SharedOptions): Box {
  const client = openClient(options);
  const ledgerTableName = ledgerTableNameOf(options);
  const itemRepo = new ItemBankDynamoDbRepository({
    tableName: options.itemBankTable,
    ledgerTableName,
    client,
  });
  const releaseBanks = (options.releaseBank ?? []).map(
    (itemBankTable) =>
      new ItemBankDynamoDbRepository({
        tableName: itemBankTable,
        ledgerTableName: ledgerTableNameOf({ itemBankTable, ledger: options.ledger }),
        client,
      }),
  );
  const deduplicationRepo = new DeduplicationDynamoDbRepository({
    tableName: options.deduplicationTable,
    client,
  });
  const deduplicator = new Deduplicator({ itemRepo, deduplicationRepo, releaseBanks });
  return { client, itemRepo, deduplicationRepo, deduplicator, ledgerTableName };
}

const SILENT_LOGGER = { debug() {}, info() {}, warn() {}, error() {} };

function openClient({ endpointUrl, region, profile }: SharedOptions): DynamoDBClient {
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
