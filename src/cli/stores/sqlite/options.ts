// The options that say which tables, and which file they are in.
import { resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { wrongOptions } from '../../options.js';
import { addHashIdsOption, addTableOptions, type TableOptions } from '../table-options.js';

export type SqliteOptions = TableOptions;

export function addOptions(program: Command): void {
  addTableOptions(program, 'by name', tableName);
  addHashIdsOption(program);
}

export function tableName(text: string): string {
  const isUsable = text !== '' && text.isWellFormed() && !text.includes('\u0000');
  if (isUsable && !/^sqlite_/i.test(text)) return text;
  throw new InvalidArgumentError('Expected a name that does not begin with "sqlite_".');
}

/** The full path of the file. */
export function pathOf(location: string): string {
  if (location === '' || location.startsWith('//')) {
    throw wrongOptions(
      'SQLite needs the path of the database file after "sqlite:".',
      'Pass --store sqlite:./sale.db, or --store sqlite:/var/lib/sale.db.',
    );
  }
  if (location === ':memory:') {
    throw wrongOptions(
      'A database in memory ends with the command.',
      'Name a file, such as --store sqlite:./sale.db.',
    );
  }
  // As a full path it cannot be taken for a URI.
  return resolve(location);
}
