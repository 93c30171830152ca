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

/** One statement, which sees the database as it is at one moment. */
export function query(
  { database, signal }: Pick<Tables, 'database' | 'signal'>,
  sql: string,
  ...values: readonly (string | number)[]
): Promise<Row[]> {
  return whileBusy(signal, () => database.prepare(sql).all(...values) as Row[]);
}

/** As in the statements of a repository. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
