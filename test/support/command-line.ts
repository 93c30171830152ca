// The built command line in front of this run's DynamoDB.
import { randomUUID } from 'node:crypto';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { inject } from 'vitest';
import { BuiltCommandLine, buildProgram } from './built-command-line.js';
import { patientConfigFor } from './client.js';
import { makeTables, openPair, type Tables } from './tables.js';

export { type Ended, ended } from './built-command-line.js';

export class CommandLine extends BuiltCommandLine {
  // DynamoDB Local keeps the tables of each access key apart, so their names can be the defaults.
  readonly #accessKeyId: string;

  constructor(folder: string, program: string, accessKeyId = newAccessKeyId()) {
    super(folder, program);
    this.#accessKeyId = accessKeyId;
  }

  /** The same program in front of a DynamoDB without tables. */
  withoutTables(): CommandLine {
    return new CommandLine(this.folder, this.program);
  }

  /** The same program in front of the three tables that `init` makes, with these items. */
  async withTables(items: readonly string[] = []): Promise<CommandLine> {
    const cli = this.withoutTables();
    const tables = cli.tables();
    await makeTables(tables);
    await openPair(tables).itemRepo.batchAddItems(items);
    return cli;
  }

  override get environment(): NodeJS.ProcessEnv {
    return {
      ...super.environment,
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
      AWS_EC2_METADATA_DISABLED: 'true',
      AWS_ENDPOINT_URL_DYNAMODB: inject('dynamoDbEndpoint'),
      AWS_REGION: 'eu-west-1',
      AWS_ACCESS_KEY_ID: this.#accessKeyId,
      AWS_SECRET_ACCESS_KEY: 'local',
    };
  }

  /** A client that sees the same tables. */
  client(): DynamoDBClient {
    return new DynamoDBClient({
      ...patientConfigFor(inject('dynamoDbEndpoint')),
      credentials: { accessKeyId: this.#accessKeyId, secretAccessKey: 'local' },
    });
  }

  /** Those that commands use when none is named. */
  tables(): Required<Tables> {
    return {
      client: this.client(),
      itemBankTableName: 'storage_box_item_bank',
      deduplicationTableName: 'storage_box_deduplication_table',
      ledgerTableName: 'storage_box_item_bank_ledger',
    };
  }
}

export async function buildCommandLine(): Promise<CommandLine> {
  const { folder, program } = await buildProgram();
  return new CommandLine(folder, program);
}

function newAccessKeyId(): string {
  return randomUUID().replaceAll('-', '');
}
