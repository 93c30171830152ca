// Looks at a sample of the deduplication table.
import { assertIdsFit, ID_SAMPLE_SIZE } from '../id-look.js';
import { scanPage, type TableRow } from './scan.js';
import { DEDUPLICATION_KEY, type Tables } from './tables.js';

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

/** A row without the key is of another table, which the command itself tells. */
export function idsOf(rows: readonly TableRow[]): string[] {
  return rows.flatMap((row) => row[DEDUPLICATION_KEY]?.S ?? []);
}

/**
 * The check is optional for a role that may not read the table whole. A missing or wrong table is told, with
 * its name, by the command itself.
 *
 * @returns why it could not be checked, or `null`
 * @throws CommandFailure when the IDs are kept in another way
 */
export async function assertIdsAreOurs(tables: Tables): Promise<string | null> {
  let rows: readonly TableRow[];
  try {
    rows = await sampleAssignments(tables, ID_SAMPLE_SIZE, [DEDUPLICATION_KEY]);
  } catch (error) {
    const { name } = error as { readonly name?: string };
    if (name === 'TableNotFoundError' || name === 'ValidationException') return null;
    if (name === 'AccessDeniedException') return LOOK_REFUSED;
    throw error;
  }
  assertIdsFit(idsOf(rows), tables);
  return null;
}

const LOOK_REFUSED =
  'Could not check whether the table keeps its IDs as they are or hashed: this needs dynamodb:Scan on the ' +
  'deduplication table.';
