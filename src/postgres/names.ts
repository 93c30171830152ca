// Names of tables, and texts, as they are written into SQL.
import { assertOption } from '../contracts/validation.js';

/** See "SQL Syntax", "Identifiers and Key Words" in PostgreSQL's documentation. */
const MAX_IDENTIFIER_BYTES = 63;

/** Of the ledger, after that of its bank. */
const LEDGER_SUFFIX = '_ledger';

export function ledgerNameOf(itemBankTableName: string): string {
  return itemBankTableName + LEDGER_SUFFIX;
}

const A_NAME = `the name of a PostgreSQL table, with or without its schema, each at most ${MAX_IDENTIFIER_BYTES} bytes`;
const PASS_IT = 'Pass it as { tableName }.';

export function assertTableName(tableName: unknown): asserts tableName is string {
  assertOption(isTableName(tableName), 'tableName', A_NAME, tableName, PASS_IT);
}

/** Its ledger has a name as well. */
export function assertBankName(tableName: unknown): asserts tableName is string {
  assertOption(
    isTableName(tableName) && isTableName(ledgerNameOf(tableName)),
    'tableName',
    `${A_NAME} with "${LEDGER_SUFFIX}" after it`,
    tableName,
    PASS_IT,
  );
}

function isTableName(name: unknown): name is string {
  if (typeof name !== 'string' || !name.isWellFormed() || name.includes('\u0000')) return false;
  const parts = name.split('.');
  const isPart = (part: string) =>
    part !== '' && new TextEncoder().encode(part).length <= MAX_IDENTIFIER_BYTES;
  return parts.length <= 2 && parts.every(isPart);
}

export function quotedName(tableName: string): string {
  return tableName
    .split('.')
    .map((part) => `"${part.replaceAll('"', '""')}"`)
    .join('.');
}

/** As a constant of a statement. */
export function quotedText(text: string): string {
  const quoted = text.replaceAll("'", "''");
  return quoted.includes('\\') ? `E'${quoted.replaceAll('\\', '\\\\')}'` : `'${quoted}'`;
}
