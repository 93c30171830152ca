import { TableNotFoundError } from 'storagebox/core';
import type {
  DeduplicationSqliteRepository,
  ItemBankSqliteRepository,
  SqliteDatabase,
} from 'storagebox/sqlite';
import { whileBusy } from './patience.js';

/** The opened tables, and what runs statements besides the repositories. */
export interface Tables {
  readonly database: SqliteDatabase;
  /** Aborted when the command is stopped. */
  readonly signal: AbortSignal;
  readonly itemRepo: ItemBankSqliteRepository;
  readonly deduplicationRepo: DeduplicationSqliteRepository;
  /** Whether the deduplication table keeps hashes of IDs. */
  readonly hashesIds: boolean;
}

export type Row = Readonly<Record<string, unknown>>;

/**
 * One statement, which sees the database as it is at one moment.
 *
 * @throws TableNotFoundError; the error of the driver as it is
 */
export async function query(
  tables: Tables,
  sql: string,
  ...values: readonly (string | number)[]
): Promise<Row[]> {
  const { database, signal } = tables;
  try {
    return await whileBusy(signal, () => database.prepare(sql).all(...values) as Row[]);
  } catch (error) {
    throw missingTableIn(tables, error) ?? error;
  }
}

function missingTableIn(
  { itemRepo, deduplicationRepo }: Tables,
  cause: unknown,
): TableNotFoundError | null {
  const { message = '' } = cause as { readonly message?: string };
  const missing = /no such table: (?:main\.)?(.*)$/s.exec(message)?.[1];
  const { tableName, ledgerTableName } = itemRepo;
  const names = [[tableName], [tableName, ledgerTableName], [deduplicationRepo.tableName]];
  const named = names.find((each) => each.at(-1) === missing);
  return named === undefined ? null : new TableNotFoundError(named, 'this file', { cause });
}

/** As in the statements of a repository. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
