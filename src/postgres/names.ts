// Names of tables, and texts, as they are written into SQL.
import { assertOption } from '../contracts/validation.js';

/** See "SQL Syntax", "Identifiers and Key Words" in PostgreSQL's documentation. */
const MAX_IDENTIFIER_BYTES = 63;

/** Of the ledger, after that of its bank. */
const LEDGER_SUFFIX = '_ledger';

export function ledgerNameOf(itemBankTableName: string): string {
  return itemBankTableName + LEDGER_SUFFIX;
}

export function assertTableName(
  tableName: unknown,
  maxBytes = MAX_IDENTIFIER_BYTES,
): asserts tableName is string {
  assertOption(
    isTableName(tableName, maxBytes),
    'tableName',
    `the name of a PostgreSQL table, with or without its schema, each at most ${maxBytes} bytes`,
    tableName,
    'Pass it as { tableName }.',
  );
}

/** Its ledger has a name as well. */
export function assertBankName(tableName: unknown): asserts tableName is string {
  assertTableName(tableName, MAX_IDENTIFIER_BYTES - LEDGER_SUFFIX.length);
}

function isTableName(name: unknown, maxBytes: number): name is string {
  if (typeof name !== 'string' || !name.isWellFormed() || name.includes('\u0000')) return false;
  const parts = name.split('.');
  const isPart = (part: string) => part !== '' && new TextEncoder().encode(part).length <= maxBytes;
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
