// The SQLite pair and what its users need besides.
export {
  DeduplicationSqliteRepository,
  type DeduplicationSqliteRepositoryOptions,
} from './deduplication-sqlite-repository.js';
export type { SqliteDatabase, SqliteStatement } from './driver.js';
export {
  ItemBankSqliteRepository,
  type ItemBankSqliteRepositoryOptions,
} from './item-bank-sqlite-repository.js';
export type { SqliteWrite } from './own-writes.js';
export {
  createTables,
  deduplicationTable,
  itemBankTable,
  type TableDefinition,
} from './tables.js';
