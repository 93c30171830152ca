// Detects a table that keeps deduplication IDs in another way than the options say: whoever has an item there
// would count as new, and get a second one.
import type { DeduplicationLooking } from 'storagebox/core';
import { EXIT_CODES } from '../exit-codes.js';
import { CommandFailure } from '../failures.js';
import { SECRET_VARIABLE } from './table-options.js';

/** How many IDs are looked at before a command that takes IDs. */
export const ID_SAMPLE_SIZE = 100;

/** See `deduplicationIdSecret`: the check of the secret, and the hash of the ID. */
const HASHED_ID = /^h1:[0-9a-f]{8}:[0-9a-f]{64}$/;

/** How the options say that the table keeps its IDs. */
export interface IdKeeping {
  readonly hashesIds: boolean;
  readonly deduplicationRepo: {
    readonly tableName: string;
    storedIdOf(deduplicationId: string): string;
  };
}

export interface IdFault {
  readonly code: string;
  /** What the table has. */
  readonly found: string;
  readonly remedy: string;
}

/** What is wrong with these IDs of the table, or `null`. */
export function idFaultOf(
  ids: readonly string[],
  { hashesIds, deduplicationRepo }: IdKeeping,
): IdFault | null {
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

/** @throws CommandFailure when these IDs of the table are kept in another way */
export function assertIdsFit(ids: readonly string[], keeping: IdKeeping): void {
  const fault = idFaultOf(ids, keeping);
  if (fault === null) return;
  const { code, found, remedy } = fault;
  throw new CommandFailure({
    code,
    message: `"${keeping.deduplicationRepo.tableName}" has ${found}: ${SECOND_ITEM}. Nothing was done.`,
    remedy,
    exitCode: EXIT_CODES.setUp,
  });
}

export interface SampledAssignment {
  readonly deduplicationId: string;
  readonly heldUntil?: Date | null | undefined;
}

/** The first so many assignments, in the order of the table. */
export async function firstAssignments(
  deduplicationRepo: DeduplicationLooking,
  limit: number,
  signal: AbortSignal,
): Promise<readonly SampledAssignment[]> {
  const sample: SampledAssignment[] = [];
  for await (const assignment of deduplicationRepo.listAssignments({ pageSize: limit, signal })) {
    sample.push(assignment);
    if (sample.length === limit) break;
  }
  return sample;
}
