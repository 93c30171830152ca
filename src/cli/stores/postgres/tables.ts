import { TableNotFoundError } from 'storagebox/core';
import type {
  DeduplicationPostgresRepository,
  ItemBankPostgresRepository,
} from 'storagebox/postgres';
import { untilAborted } from '../../until-aborted.js';
import type { Connections, Row } from './connection.js';
import { failedBecause } from './failures.js';

/** The opened tables, and what sends statements to them besides the repositories. */
export interface Tables {
  readonly connections: Connections;
  /** Aborted when the command is stopped. */
  readonly signal: AbortSignal;
  readonly itemRepo: ItemBankPostgresRepository;
  readonly deduplicationRepo: DeduplicationPostgresRepository;
  /** Whether the deduplication table keeps hashes of IDs. */
  readonly hashesIds: boolean;
}

/**
 * One statement, which sees the database as it is at one moment.
 *
 * @throws TableNotFoundError; the error of the driver as it is
 */
export async function query(
  tables: Tables,
  sql: string,
  ...values: readonly string[]
): Promise<readonly Row[]> {
  const { connections, signal } = tables;
  try {
    return await untilAborted(connections.query(sql, values), signal);
  } catch (error) {
    throw missingTableIn(tables, error) ?? error;
  }
}

function missingTableIn(
  { itemRepo, deduplicationRepo }: Tables,
  cause: unknown,
): TableNotFoundError | null {
  if (!failedBecause(cause, 'undefined_table')) return null;
  const { message = '' } = cause as { readonly message?: string };
  const { tableName, ledgerTableName } = itemRepo;
  const names = [tableName, deduplicationRepo.tableName];
  const missing = message.includes(`"${ledgerTableName}"`)
    ? [tableName, ledgerTableName]
    : names.filter((name) => message.includes(`"${name}"`));
  return new TableNotFoundError(missing.length > 0 ? missing : names, 'this database', { cause });
}

/** As in the statements of a repository. */
export function quoted(tableName: string): string {
  return tableName
    .split('.')
    .map((part) => `"${part.replaceAll('"', '""')}"`)
    .join('.');
}
