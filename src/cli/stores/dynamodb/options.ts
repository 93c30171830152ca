// The options that say which tables, named as those of the AWS command line where it has them.
import { type Command, InvalidArgumentError } from 'commander';
import { wrongOptions } from '../../options.js';
import {
  addHashIdsOption,
  addTableOptions,
  type TableOptions,
  tableOption,
} from '../table-options.js';

/** By default, the name of a ledger is that of its bank with this suffix. */
const LEDGER_SUFFIX = '_ledger';

export interface DynamoDbOptions extends TableOptions {
  readonly ledgerTable?: string;
  /** `false` by `--no-ledger`. */
  readonly ledger: boolean;
  readonly holdIndex?: string;
  readonly endpointUrl?: string;
  readonly region?: string;
  readonly profile?: string;
}

export function addOptions(program: Command): void {
  addTableOptions(program, 'by name or ARN', tableName);
  program
    .addOption(
      tableOption(
        '--ledger-table <name>',
        `the table of all items that were ever added (default: that of the bank, with "${LEDGER_SUFFIX}")`,
        'STORAGE_BOX_LEDGER_TABLE',
        tableName,
      ),
    )
    .option('--no-ledger', 'work without a ledger: an item that is added again can be given twice')
    .option(
      '--hold-index <name>',
      'the index of the deduplication table from which ended holds are read (default: the whole table)',
      indexName,
    );
  addHashIdsOption(program);
  program
    .option(
      '--endpoint-url <url>',
      'the endpoint of DynamoDB, for example http://localhost:8000',
      url,
    )
    .option('--region <region>', 'default: AWS_REGION, AWS_DEFAULT_REGION, or that of the profile')
    .option('--profile <name>', 'a profile of the AWS command line; default: AWS_PROFILE');
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
