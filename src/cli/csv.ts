// Items and deduplication IDs from files: a line each, or a column of a CSV file.
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream';
import { parse } from 'csv-parse';
import { MAX_KEY_BYTES } from 'storagebox/core';
import { EXIT_CODES } from './exit-codes.js';
import { CommandFailure } from './failures.js';
import { InputFile, type InputOptions } from './input-file.js';

/** The file name that means standard input. */
const STANDARD_INPUT = '-';

/** Longer than any real row. Without a limit, a quote that is never closed would read in the whole file. */
const MAX_RECORD_BYTES = 1_048_576;

export interface Input extends AsyncIterable<string> {
  /** How much of the file was read, from 0 to 1; `null` for input without a size. */
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
 * The values in a file, read in constant memory. A column is given by its name in the first row, or by
 * its number, from 1, if the file has no such row.
 */
export async function openInput(name: string, options: InputOptions): Promise<Input> {
  const file = new InputFile(name, options);
  const { column } = options;
  if (column === undefined) file.assertIsNoCsv();
  const { bytes, size } =
    name === STANDARD_INPUT ? { bytes: process.stdin, size: null } : await openFile(name);
  const reach = { bytes: 0 };
  const chunks = decoded(bytes, file);
  const values =
    column === undefined ? linesOf(chunks, file, reach) : cellsOf(chunks, column, file, reach);
  return {
    [Symbol.asyncIterator]: () => values,
    fraction: () => (size ? Math.min(1, reach.bytes / size) : null),
  };
}

async function openFile(name: string) {
  const handle = await open(name);
  const stat = await handle.stat();
  if (stat.isDirectory()) {
    await handle.close();
    throw new CommandFailure({
      code: 'EISDIR',
      message: `"${name}" is a folder.`,
      remedy: 'Name a file in it.',
      exitCode: EXIT_CODES.file,
    });
  }
  return { bytes: handle.createReadStream(), size: stat.isFile() ? stat.size : null };
}

async function* decoded(
  bytes: AsyncIterable<Uint8Array>,
  file: InputFile,
): AsyncGenerator<Chunk, void, void> {
  // Drops a byte order mark. Invalid UTF-8 must not be decoded: all of it would become one character.
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let start: Uint8Array = new Uint8Array();
  try {
    for await (const chunk of bytes) {
      if (start.length < 2) {
        start = Buffer.concat([start, chunk]).subarray(0, 2);
        file.assertIsNotUtf16(start);
      }
      yield { text: decoder.decode(chunk, { stream: true }), bytes: chunk.length };
    }
    yield { text: decoder.decode(), bytes: 0 };
  } catch (error) {
    throw error instanceof TypeError ? file.notUtf8() : error;
  }
}

async function* linesOf(
  chunks: AsyncIterable<Chunk>,
  file: InputFile,
  reach: Reach,
): AsyncGenerator<string, void, void> {
  let rest = '';
  let lineNumber = 0;
  for await (const { text, bytes } of chunks) {
    const lines = `${rest}${text}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      reach.bytes += bytes / lines.length;
      lineNumber++;
      const value = withoutCr(line);
      if (value !== '') yield file.checked(value, lineNumber);
    }
    // The line is too long already. Without this check, a file without line ends would be read in whole.
    if (rest.length > MAX_KEY_BYTES + 1) file.checked(rest, lineNumber + 1);
  }
  const value = withoutCr(rest);
  if (value !== '') yield file.checked(value, lineNumber + 1);
}

/** Windows ends lines with CR and LF. */
function withoutCr(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}

async function* cellsOf(
  chunks: AsyncIterable<Chunk>,
  column: string,
  file: InputFile,
  reach: Reach,
): AsyncGenerator<string, void, void> {
  const isNumber = /^[1-9]\d*$/.test(column);
  let position = Number(column) - 1;
  let isHeader = !isNumber;
  const parser = parse({
    skipEmptyLines: true,
    relaxColumnCount: true,
    info: true,
    maxRecordSize: MAX_RECORD_BYTES,
    // All of them: a delimiter detected in the first line would hide rows that end in another way.
    recordDelimiter: ['\r\n', '\n', '\r'],
  });
  // Errors reach the loop through the parser.
  pipeline(textsOf(chunks), parser, () => {});
  for await (const { record, info } of parser as AsyncIterable<ParsedRow>) {
    reach.bytes = info.bytes;
    if (isHeader) {
      position = record.indexOf(column);
      isHeader = false;
      if (position === -1) throw file.noSuchHeader(record.length);
      continue;
    }
    // The parser's count of lines is wrong after a cell with CR and LF in it.
    const row = info.records + info.empty_lines;
    const value = record[position];
    if (value === undefined) throw file.noSuchColumn(row, record.length);
    yield file.checked(value, row);
  }
}

interface ParsedRow {
  readonly record: readonly string[];
  readonly info: {
    readonly bytes: number;
    readonly records: number;
    readonly empty_lines: number;
  };
}

async function* textsOf(chunks: AsyncIterable<Chunk>): AsyncGenerator<string, void, void> {
  for await (const { text } of chunks) yield text;
}
