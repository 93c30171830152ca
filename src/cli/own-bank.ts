// Which assignments are of a bank: several banks can share the deduplication table.

/**
 * Two ARNs mean the same bank if they are equal; a name and an ARN, or two names, if the name is the
 * same. A row that names no bank, such as those of the Python module, counts as this bank's own.
 */
export function isOwnBank(named: string | null | undefined, bank: string): boolean {
  if (named === null || named === undefined) return true;
  return isArn(named) && isArn(bank) ? named === bank : shortName(named) === shortName(bank);
}

/** The name alone, of a table that can be named by its ARN as well. */
export function shortName(tableName: string): string {
  return isArn(tableName) ? tableName.slice(tableName.lastIndexOf('/') + 1) : tableName;
}

function isArn(tableName: string): boolean {
  return tableName.startsWith('arn:');
}
