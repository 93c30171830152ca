// What this package's own errors mean on a store whose tables are in a database.
import type { AnyStorageBoxError } from 'storagebox/core';
import { EXIT_CODES } from '../exit-codes.js';
import type { Failure } from '../failures.js';

export const RUN_AGAIN = 'Run the same command again.';

/**
 * @param place where tables are looked for: `in this file`
 * @param address what leads there, for remedies
 */
export function describeStoreError(
  error: AnyStorageBoxError,
  place: string,
  address: string,
): Failure | null {
  const { code } = error;
  switch (error.code) {
    case 'STORAGEBOX_TABLE_NOT_FOUND': {
      const names = error.tableNames.map((name) => `"${name}"`).join(' or ');
      return {
        code,
        message: `The table ${names} does not exist ${place}.`,
        remedy: `Check the name and ${address}. "storagebox init" creates the tables.`,
        exitCode: EXIT_CODES.setUp,
      };
    }
    case 'STORAGEBOX_TABLE_SCHEMA':
      return {
        code,
        message: `The table "${error.tableName}" has other columns, or another key.`,
        remedy: 'Name the right table. "storagebox doctor" checks all of them.',
        exitCode: EXIT_CODES.setUp,
      };
    default:
      return null;
  }
}
