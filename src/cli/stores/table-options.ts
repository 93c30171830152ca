// Options that stores have in common: which tables, and how deduplication IDs are kept in them.
import { type Command, Option } from 'commander';
import { wrongOptions } from '../options.js';

const DEFAULT_ITEM_BANK_TABLE = 'storage_box_item_bank';
const DEFAULT_DEDUPLICATION_TABLE = 'storage_box_deduplication_table';
/** Not an option: arguments are in the list of processes. */
export const SECRET_VARIABLE = 'STORAGE_BOX_DEDUPLICATION_ID_SECRET';
const MIN_SECRET_BYTES = 32;

export interface TableOptions {
  readonly itemBankTable: string;
  readonly deduplicationTable: string;
  readonly hashIds?: true;
}

/**
 * @param namedBy what a table may be named by, for the help
 * @param parse checks the name of a table; throws Commander's `InvalidArgumentError`
 * @param parseBank checks that of an item bank, if more is asked of it
 */
export function addTableOptions(
  program: Command,
  namedBy: string,
  parse: (text: string) => string,
  parseBank = parse,
): void {
  program
    .addOption(
      tableOption(
        '--item-bank-table <name>',
        `the table with the items, ${namedBy}`,
        'STORAGE_BOX_ITEM_BANK_TABLE',
        parseBank,
      ).default(DEFAULT_ITEM_BANK_TABLE),
    )
    .addOption(
      tableOption(
        '--deduplication-table <name>',
        'the table that records who has which item',
        'STORAGE_BOX_DEDUPLICATION_TABLE',
        parse,
      ).default(DEFAULT_DEDUPLICATION_TABLE),
    );
}

export function tableOption(
  flags: string,
  description: string,
  variable: string,
  parse: (text: string) => string,
): Option {
  // In a Compose file, "${NAME}" becomes the empty string if NAME is not set.
  if (process.env[variable] === '') delete process.env[variable];
  return new Option(flags, description).env(variable).argParser(parse);
}

export function addHashIdsOption(program: Command): void {
  program.option(
    '--hash-ids',
    `the table keeps hashes of IDs, made with the secret in ${SECRET_VARIABLE}`,
  );
}

/** The secret with which IDs are hashed; `undefined` if they are kept as they are. */
export function idSecretOf({ hashIds }: Pick<TableOptions, 'hashIds'>): string | undefined {
  if (!hashIds) return undefined;
  const secret = process.env[SECRET_VARIABLE] ?? '';
  if (Buffer.byteLength(secret) >= MIN_SECRET_BYTES) return secret;
  throw wrongOptions(
    `--hash-ids needs a secret of ${MIN_SECRET_BYTES} bytes or more in ${SECRET_VARIABLE}.`,
    'Set it to the secret that the programs of the sale use. For a new table, make one by "openssl rand -hex 32".',
  );
}
