// Results go to standard output, or to a file once they are complete; all else to standard error.
import { open, rename, rm, stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { csvRow } from './csv.js';
import { EXIT_CODES } from './exit-codes.js';
import { CommandFailure, type Failure } from './failures.js';

/** Waits until it is written, and rejects when nobody reads any more. */
export function print(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(`${text}\n`, (error) => (error ? reject(error) : resolve()));
  });
}

export function printJson(value: unknown): Promise<void> {
  return print(JSON.stringify(value));
}

/** A remark that is no result. */
export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

export function printFailure(failure: Failure, isJson: boolean): void {
  // Whoever closed the pipe has seen enough.
  if (failure.exitCode === EXIT_CODES.brokenPipe) return;
  if (isJson) {
    const { code, message, remedy, exitCode, details } = failure;
    note(JSON.stringify({ error: { code, message, remedy, exitCode, ...details } }));
    return;
  }
  note(`storagebox: ${failure.message}`);
  if (failure.remedy !== null) note(`  remedy: ${failure.remedy}`);
}

export type Row = Readonly<Record<string, string | null>>;
export type RowFormat = 'csv' | 'jsonl';

export interface RowsDestination {
  readonly columns: readonly string[];
  readonly format: RowFormat;
  /** Standard output when absent. */
  readonly file?: string | undefined;
}

/**
 * Writes the rows as they come, no faster than they are read. A file gets its name once all rows
 * are in, so that half a file is never taken for a whole one.
 */
export async function writeRows(
  rows: AsyncIterable<Row>,
  { columns, format, file }: RowsDestination,
): Promise<void> {
  const text = Readable.from(linesOf(rows, columns, format));
  if (file === undefined) {
    await pipeline(text, process.stdout, { end: false });
    return;
  }
  const partial = `${file}.partial`;
  await assertNoFolder(file);
  // Opened before the first row is asked for: rows may be claims.
  const handle = await open(partial, 'w');
  try {
    await pipeline(text, handle.createWriteStream());
    await rename(partial, file);
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}

/** Found out only when the file gets its name, it would cost all rows. */
async function assertNoFolder(file: string): Promise<void> {
  const existing = await stat(file).catch(() => null);
  if (!existing?.isDirectory()) return;
  throw new CommandFailure({
    code: 'EISDIR',
    message: `"${file}" is a folder.`,
    remedy: 'Name a file in it.',
    exitCode: EXIT_CODES.file,
  });
}

async function* linesOf(
  rows: AsyncIterable<Row>,
  columns: readonly string[],
  format: RowFormat,
): AsyncGenerator<string, void, void> {
  if (format === 'csv') yield csvRow(columns);
  for await (const row of rows) {
    yield format === 'csv'
      ? csvRow(columns.map((column) => row[column] ?? ''))
      : `${JSON.stringify(row)}\n`;
  }
}
