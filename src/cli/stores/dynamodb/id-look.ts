// Detects a table that keeps deduplication IDs in another way than the options say: whoever has an item there
// would count as new, and get a second one.
import { EXIT_CODES } from '../../exit-codes.js';
import { CommandFailure } from '../../failures.js';
import { SECRET_VARIABLE } from './options.js';
import { scanPage, type TableRow } from './scan.js';
import { DEDUPLICATION_KEY, type Tables } from './tables.js';

const SAMPLE_SIZE = 100;

/** See `deduplicationIdSecret`: the check of the secret, and the hash of the ID. */
const HASHED_ID = /^h1:[0-9a-f]{8}:[0-9a-f]{64}$/;

export interface IdFault {
  readonly code: string;
  /** What the table has. */
  readonly found: string;
  readonly remedy: string;
}

/** Some rows of the deduplication table, with these attributes: those that are first in its own order. */
export async function sampleAssignments(
  tables: Tables,
  limit: number,
  attributes: readonly string[],
): Promise<readonly TableRow[]> {
  const names = attributes.map((attribute, index) => [`#${index}`, attribute] as const);
  const { rows } = await scanPage(tables, {
    TableName: tables.deduplicationRepo.tableName,
    Limit: limit,
    ProjectionExpression: names.map(([placeholder]) => placeholder).join(),
    ExpressionAttributeNames: Object.fromEntries(names),
  });
  return rows;
}

/** What is wrong with the IDs of the rows, or `null`. */
export function idFaultOf(
  rows: readonly TableRow[],
  { hashesIds = false, deduplicationRepo }: Tables,
): IdFault | null {
  // A row without the key is of another table, which the command itself tells.
  const ids = rows.flatMap((row) => row[DEDUPLICATION_KEY]?.S ?? []);
  const isHashed = (id: string) => HASHED_ID.test(id);
  if (!hashesIds) return ids.some(isHashed) ? HASHED : null;
  if (!ids.every(isHashed)) return NOT_HASHED;
  const [version, secretCheck] = deduplicationRepo.storedIdOf('any').split(':');
  const isOwn = (id: string) => id.startsWith(`${version}:${secretCheck}:`);
  return ids.every(isOwn) ? null : OTHER_SECRET;
}

const HASHED: IdFault = {
  code: 'IDS_HASHED',
  found: 'IDs that are hashed',
  remedy: `Pass --hash-ids, and the secret of this table in ${SECRET_VARIABLE}.`,
};

const NOT_HASHED: IdFault = {
  code: 'IDS_NOT_HASHED',
  found: 'IDs that are not hashed',
  remedy:
    'Leave out --hash-ids, or use a new table: IDs that are in a table already cannot be hashed afterwards.',
};

const OTHER_SECRET: IdFault = {
  code: 'IDS_HASHED_OTHERWISE',
  found: 'IDs that are hashed with another secret',
  remedy: `Set ${SECRET_VARIABLE} to the secret of this table. A new secret needs a new table.`,
};

export const SECOND_ITEM = 'whoever has an item there would get a second one';

/**
 * Looks at a sample. The check is optional for a role that may not read the table whole. A missing or wrong
 * table is told, with its name, by the command itself.
 *
 * @returns why it could not be checked, or `null`
 * @throws CommandFailure when the IDs are kept in another way
 */
export async function assertIdsAreOurs(tables: Tables): Promise<string | null> {
  const { tableName } = tables.deduplicationRepo;
  let fault: IdFault | null;
  try {
    fault = idFaultOf(await sampleAssignments(tables, SAMPLE_SIZE, [DEDUPLICATION_KEY]), tables);
  } catch (error) {
    const { name } = error as { readonly name?: string };
    if (name === 'TableNotFoundError' || name === 'ValidationException') return null;
    if (name === 'AccessDeniedException') return LOOK_REFUSED;
    throw error;
  }
  if (fault === null) return null;
  const { code, found, remedy } = fault;
  throw new CommandFailure({
    code,
    message: `"${tableName}" has ${found}: ${SECOND_ITEM}. Nothing was done.`,
    remedy,
    exitCode: EXIT_CODES.setUp,
  });
}

const LOOK_REFUSED =
  'Could not check whether the table keeps its IDs as they are or hashed: this needs dynamodb:Scan on the ' +
  'deduplication table.';
