// Items and deduplication IDs from files: a line each, or a column of a CSV file.
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream';
import { parse } from 'csv-parse';
import { EXIT_CODES } from './exit-codes.js';
import { CommandFailure } from './failures.js';

/** What stands for standard input in place of a file. */
const STANDARD_INPUT = '-';

export interface Input extends AsyncIterable<string> {
  /** How far the values handed out reach into the file, from 0 to 1; `null` for what has no size. */
  fraction(): number | null;
}

/** The bytes of the file up to the last value that was handed out. */
interface Reach {
  bytes: number;
}

interface Chunk {
  readonly text: string;
  readonly bytes: number;
}

/**
 * The values in a file, read in constant memory. With a column: a name looks for it in the first row,
 * a number counts columns from 1 in a file without such a row.
 */
export async function openInput(file: string, column: string | undefined): Promise<Input> {
  const { bytes, size } =
    file === STANDARD_INPUT ? { bytes: process.stdin, size: null } : await openFile(file);
  const reach = { bytes: 0 };
  const chunks = decoded(bytes, file);
  const values =
    column === undefined ? linesOf(chunks, reach) : cellsOf(chunks, column, file, reach);
  return {
    [Symbol.asyncIterator]: () => values,
    fraction: () => (size ? Math.min(1, reach.bytes / size) : null),
  };
}

async function* decoded(
  bytes: AsyncIterable<Uint8Array>,
  file: string,
): AsyncGenerator<Chunk, void, void> {
  // Drops a byte order mark. What is no UTF-8 must not become one and the same character.
  const decoder = new TextDecoder('utf-8', { fatal: true });
  try {
    for await (const chunk of bytes) {
      yield { text: decoder.decode(chunk, { stream: true }), bytes: chunk.length };
    }
    yield { text: decoder.decode(), bytes: 0 };
  } catch (error) {
    throw error instanceof TypeError ? notUtf8(file) : error;
  }
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

async function* linesOf(
  chunks: AsyncIterable<Chunk>,
  reach: Reach,
): AsyncGenerator<string, void, void> {
  let rest = '';
  for await (const { text, bytes } of chunks) {
    const lines = `${rest}${text}`.split(/\r?\n/);
    rest = lines.pop() ?? '';
    for (const line of lines) {
      reach.bytes += bytes / lines.length;
      if (line !== '') yield line;
    }
  }
  if (rest !== '') yield rest;
}

async function* cellsOf(
  chunks: AsyncIterable<Chunk>,
  column: string,
  file: string,
  reach: Reach,
): AsyncGenerator<string, void, void> {
  const isNumber = /^[1-9]\d*$/.test(column);
  let position = Number(column) - 1;
  let isHeader = !isNumber;
  const parser = parse({ skipEmptyLines: true, relaxColumnCount: true, info: true });
  // What goes wrong reaches the loop through the parser.
  pipeline(textsOf(chunks), parser, () => {});
  for await (const { record, info } of parser as AsyncIterable<ParsedRow>) {
    reach.bytes = info.bytes;
    if (isHeader) {
      position = record.indexOf(column);
      isHeader = false;
      if (position === -1) throw noSuchColumn(file, column, record);
      continue;
    }
    yield record[position] ?? '';
  }
}

interface ParsedRow {
  readonly record: readonly string[];
  readonly info: { readonly bytes: number };
}

async function* textsOf(chunks: AsyncIterable<Chunk>): AsyncGenerator<string, void, void> {
  for await (const { text } of chunks) yield text;
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
