// The options that say which tables, named as those of the AWS command line where it has them.
import { type Command, InvalidArgumentError, Option } from 'commander';
import { wrongOptions } from '../../options.js';

const DEFAULT_ITEM_BANK_TABLE = 'storage_box_item_bank';
const DEFAULT_DEDUPLICATION_TABLE = 'storage_box_deduplication_table';
/** By default, the name of a ledger is that of its bank with this suffix. */
const LEDGER_SUFFIX = '_ledger';
/** Not an option: arguments are in the list of processes. */
export const SECRET_VARIABLE = 'STORAGE_BOX_DEDUPLICATION_ID_SECRET';
const MIN_SECRET_BYTES = 32;

export interface DynamoDbOptions {
  readonly itemBankTable: string;
  readonly deduplicationTable: string;
  readonly ledgerTable?: string;
  /** `false` by `--no-ledger`. */
  readonly ledger: boolean;
  readonly holdIndex?: string;
  readonly hashIds?: true;
  readonly endpointUrl?: string;
  readonly region?: string;
  readonly profile?: string;
}

export function addOptions(program: Command): void {
  program
    .addOption(
      tableOption(
        '--item-bank-table <name>',
        'the table with the items, by name or ARN',
        'STORAGE_BOX_ITEM_BANK_TABLE',
      ).default(DEFAULT_ITEM_BANK_TABLE),
    )
    .addOption(
      tableOption(
        '--deduplication-table <name>',
        'the table that records who has which item',
        'STORAGE_BOX_DEDUPLICATION_TABLE',
      ).default(DEFAULT_DEDUPLICATION_TABLE),
    )
    .addOption(
      tableOption(
        '--ledger-table <name>',
        `the table of all items that were ever added (default: that of the bank, with "${LEDGER_SUFFIX}")`,
        'STORAGE_BOX_LEDGER_TABLE',
      ),
    )
    .option('--no-ledger', 'work without a ledger: an item that is added again can be given twice')
    .option(
      '--hold-index <name>',
      'the index of the deduplication table from which ended holds are read (default: the whole table)',
      indexName,
    )
    .option(
      '--hash-ids',
      `the table keeps hashes of IDs, made with the secret in ${SECRET_VARIABLE}`,
    )
    .option(
      '--endpoint-url <url>',
      'the endpoint of DynamoDB, for example http://localhost:8000',
      url,
    )
    .option('--region <region>', 'default: AWS_REGION, AWS_DEFAULT_REGION, or that of the profile')
    .option('--profile <name>', 'a profile of the AWS command line; default: AWS_PROFILE');
}

function tableOption(flags: string, description: string, variable: string): Option {
  // In a Compose file, "${NAME}" becomes the empty string if NAME is not set.
  if (process.env[variable] === '') delete process.env[variable];
  return new Option(flags, description).env(variable).argParser(tableName);
}

export function ledgerTableNameOf(
  options: Pick<DynamoDbOptions, 'itemBankTable' | 'ledgerTable' | 'ledger'>,
): string | undefined {
  if (!options.ledger) return undefined;
  if (options.ledgerTable !== undefined) return options.ledgerTable;
  const name = `${options.itemBankTable}${LEDGER_SUFFIX}`;
  if (isTableName(name)) return name;
  throw wrongOptions(
    `The name of the item bank is too long to add "${LEDGER_SUFFIX}" to it.`,
    'Name the ledger with --ledger-table, or pass --no-ledger to work without one.',
  );
}

/** The secret with which IDs are hashed; `undefined` if they are kept as they are. */
export function idSecretOf({ hashIds }: Pick<DynamoDbOptions, 'hashIds'>): string | undefined {
  if (!hashIds) return undefined;
  const secret = process.env[SECRET_VARIABLE] ?? '';
  if (Buffer.byteLength(secret) >= MIN_SECRET_BYTES) return secret;
  throw wrongOptions(
    `--hash-ids needs a secret of ${MIN_SECRET_BYTES} bytes or more in ${SECRET_VARIABLE}.`,
    'Set it to the secret that the programs of the sale use. For a new table, make one by "openssl rand -hex 32".',
  );
}

/** "Naming rules" in DynamoDB's Developer Guide. */
const TABLE_NAME = /^[a-zA-Z0-9_.-]{3,255}$/;
const TABLE_ARN = /^arn:aws[a-z-]*:dynamodb:[a-z0-9-]+:\d{12}:table\/([^/]*)$/;

function isTableName(text: string): boolean {
  return TABLE_NAME.test(TABLE_ARN.exec(text)?.[1] ?? text);
}

export function tableName(text: string): string {
  if (isTableName(text)) return text;
  throw new InvalidArgumentError(
    'Expected 3 to 255 of the characters a-z, A-Z, 0-9, "_", "-" and ".", or the ARN of a table.',
  );
}

function indexName(text: string): string {
  if (TABLE_NAME.test(text)) return text;
  throw new InvalidArgumentError(
    'Expected 3 to 255 of the characters a-z, A-Z, 0-9, "_", "-" and ".".',
  );
}

function url(text: string): string {
  if (!/^https?:/.test(text) || !URL.canParse(text)) {
    throw new InvalidArgumentError('Expected a URL with http:// or https://.');
  }
  return text;
}
