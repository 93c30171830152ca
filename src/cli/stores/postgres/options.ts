// The options that say which tables, and which database they are in.
import { type Command, InvalidArgumentError } from 'commander';
import { wrongOptions } from '../../options.js';
import { addHashIdsOption, addTableOptions, type TableOptions } from '../table-options.js';

export type PostgresOptions = TableOptions;

export function addOptions(program: Command): void {
  addTableOptions(program, 'with or without its schema', tableName, bankName);
  addHashIdsOption(program);
}

/** See "Identifiers and Key Words" in PostgreSQL's documentation. */
const MAX_IDENTIFIER_BYTES = 63;

/** Its ledger has a name as well. */
export function bankName(text: string): string {
  assertName(`${text}_ledger`, ', with "_ledger" after it');
  return tableName(text);
}

function tableName(text: string): string {
  assertName(text, '');
  return text;
}

function assertName(name: string, what: string): void {
  const parts = name.split('.');
  const isPart = (part: string) =>
    part !== '' &&
    part.isWellFormed() &&
    !part.includes('\u0000') &&
    Buffer.byteLength(part) <= MAX_IDENTIFIER_BYTES;
  if (parts.length <= 2 && parts.every(isPart)) return;
  throw new InvalidArgumentError(
    `Expected the name of a table, or its schema, "." and its name, each up to ${MAX_IDENTIFIER_BYTES} bytes${what}.`,
  );
}

/**
 * The URL of the database; `undefined` where the environment tells everything. No message repeats it: it can have
 * a password in it.
 */
export function urlOf(location: string): string | undefined {
  if (location === '') return undefined;
  const url = `postgres:${location}`;
  if (location.startsWith('//') && isReadable(url)) return url;
  throw wrongOptions(
    'The URL of PostgreSQL cannot be read.',
    'Pass --store postgres://USER@HOST:PORT/DATABASE, and write other characters of a password as in "%2F".',
  );
}

function isReadable(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { username, password, pathname } = new URL(url);
  return [username, password, pathname].every(isDecodable);
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
