// Items and deduplication IDs from files: a line each, or a column of a CSV file.
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream';
import { parse } from 'csv-parse';
import { EXIT_CODES } from './exit-codes.js';
import { CommandFailure } from './failures.js';

/** What stands for standard input in place of a file. */
const STANDARD_INPUT = '-';

export interface Input extends AsyncIterable<string> {
  /** How much of the file has been read, from 0 to 1; `null` for what has no size. */
  fraction(): number | null;
}

/**
 * The values in a file, read in constant memory. With a column: a name looks for it in the first row,
 * a number counts columns from 1 in a file without such a row.
 */
export async function openInput(file: string, column: string | undefined): Promise<Input> {
  let bytesRead = 0;
  const source =
    file === STANDARD_INPUT ? { bytes: process.stdin, size: null } : await openFile(file);
  async function* text(): AsyncGenerator<string, void, void> {
    // Drops a byte order mark. What is no UTF-8 must not become one and the same character.
    const decoder = new TextDecoder('utf-8', { fatal: true });
    try {
      for await (const chunk of source.bytes) {
        bytesRead += (chunk as Uint8Array).length;
        yield decoder.decode(chunk as Uint8Array, { stream: true });
      }
      yield decoder.decode();
    } catch (error) {
      throw error instanceof TypeError ? notUtf8(file) : error;
    }
  }
  const values = column === undefined ? linesOf(text()) : cellsOf(text(), column, file);
  return {
    [Symbol.asyncIterator]: () => values,
    fraction: () => (source.size ? Math.min(1, bytesRead / source.size) : null),
  };
}

async function openFile(file: string) {
  const handle = await open(file);
  const stat = await handle.stat();
  if (stat.isDirectory()) {
    await handle.close();
    throw new CommandFailure({
      code: 'EISDIR',
      message: `"${file}" is a folder.`,
      remedy: 'Name a file in it.',
      exitCode: EXIT_CODES.file,
    });
  }
  return { bytes: handle.createReadStream(), size: stat.isFile() ? stat.size : null };
}

function notUtf8(file: string): CommandFailure {
  return new CommandFailure({
    code: 'NOT_UTF_8',
    message: `"${file}" is not in UTF-8.`,
    remedy: 'Convert it, for example by "iconv -f LATIN1 -t UTF-8".',
    exitCode: EXIT_CODES.file,
  });
}

async function* linesOf(text: AsyncIterable<string>): AsyncGenerator<string, void, void> {
  let rest = '';
  for await (const chunk of text) {
    const lines = `${rest}${chunk}`.split(/\r?\n/);
    rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') yield line;
  }
  if (rest !== '') yield rest;
}

async function* cellsOf(
  text: AsyncIterable<string>,
  column: string,
  file: string,
): AsyncGenerator<string, void, void> {
  const isNumber = /^[1-9]\d*$/.test(column);
  let position = Number(column) - 1;
  let isHeader = !isNumber;
  const rows = parse({ skipEmptyLines: true, relaxColumnCount: true });
  // What goes wrong reaches the loop through the parser.
  pipeline(text, rows, () => {});
  for await (const row of rows as AsyncIterable<string[]>) {
    if (isHeader) {
      position = row.indexOf(column);
      isHeader = false;
      if (position === -1) throw noSuchColumn(file, column, row);
      continue;
    }
    yield row[position] ?? '';
  }
}

function noSuchColumn(file: string, column: string, header: readonly string[]): CommandFailure {
  return new CommandFailure({
    code: 'NO_SUCH_COLUMN',
    message: `"${file}" has no column "${column}" in its first row.`,
    remedy: `It has ${header.join(', ')}. Where there is no such row, count the column from 1.`,
    exitCode: EXIT_CODES.file,
  });
}

/** One row as RFC 4180 has it, but for the end of line, which is that of the other tools around. */
export function csvRow(cells: readonly string[]): string {
  return `${cells.map(csvCell).join(',')}\n`;
}

function csvCell(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
