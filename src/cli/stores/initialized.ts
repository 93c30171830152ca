import type { InitializedTable } from './store.js';

/** @param created those of the tables that were not there before */
export function initialized(
  tableNames: readonly string[],
  created: readonly string[],
): InitializedTable[] {
  return tableNames.map((tableName) => ({ tableName, isCreated: created.includes(tableName) }));
}
