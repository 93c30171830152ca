// The PostgreSQL pair and what its users need besides.
export type { PostgresWrite } from './claim/own-writes.js';
export type { PostgresClient, PostgresJsSql, PostgresQueryable } from './client.js';
export {
  DeduplicationPostgresRepository,
  type DeduplicationPostgresRepositoryOptions,
} from './deduplication-postgres-repository.js';
export {
  ItemBankPostgresRepository,
  type ItemBankPostgresRepositoryOptions,
} from './item-bank-postgres-repository.js';
export { createTables, deduplicationTable, itemBankTable, type TableDefinition } from './tables.js';
