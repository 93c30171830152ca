import type {
  DeduplicationPostgresRepository,
  ItemBankPostgresRepository,
} from 'storagebox/postgres';
import { untilAborted } from '../../until-aborted.js';
import type { Connections, Row } from './connection.js';

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

/** One statement, which sees the database as it is at one moment. */
export function query(
  { connections, signal }: Pick<Tables, 'connections' | 'signal'>,
  sql: string,
  ...values: readonly string[]
): Promise<readonly Row[]> {
  return untilAborted(connections.query(sql, values), signal);
}

/** As in the statements of a repository. */
export function quoted(tableName: string): string {
  return tableName
    .split('.')
    .map((part) => `"${part.replaceAll('"', '""')}"`)
    .join('.');
}
