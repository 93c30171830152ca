// Results go to standard output, or to a file once they are complete; all else to standard error.
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { EXIT_CODES } from './exit-codes.js';
import type { Failure } from './failures.js';
import { openPartialFile, STANDARD_OUTPUT } from './partial-file.js';
import { isRisky, type Row, type RowFormat, RowText } from './rows.js';
import { visible } from './visible.js';

/** Waits until the lines are written, and rejects when nobody reads any more. */
export function print(...lines: readonly string[]): Promise<void> {
  const shown = process.stdout.isTTY ? lines.map(visible) : lines;
  return new Promise((resolve, reject) => {
    process.stdout.write(`${shown.join('\n')}\n`, (error) => (error ? reject(error) : resolve()));
  });
}

export function printJson(value: unknown): Promise<void> {
  return print(JSON.stringify(value));
}

/** Prints a note, which is not a result. It is for people, so control characters are always escaped. */
export function note(text: string): void {
  process.stderr.write(`${visible(text)}\n`);
}

/** Waits until all output has left the process, or nobody reads it any more. */
export async function flush(): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) {
    await new Promise<void>((resolve) => stream.write('', () => resolve()));
  }
}

export function printFailure(failure: Failure, isJson: boolean): void {
  // Whoever closed the pipe wants no more output.
  if (failure.exitCode === EXIT_CODES.brokenPipe) return;
  if (isJson) {
    const { code, message, remedy, exitCode, details } = failure;
    note(JSON.stringify({ error: { code, message, remedy, exitCode, ...details } }));
    return;
  }
  note(`storagebox: ${failure.message}`);
  if (failure.remedy !== null) note(`  remedy: ${failure.remedy}`);
}

export interface RowsDestination {
  readonly columns: readonly string[];
  readonly format: RowFormat;
  /** Standard output when absent or `-`. */
  readonly file?: string | undefined;
  readonly isForSpreadsheet?: boolean | undefined;
}

/** Writes the rows as they come, no faster than they are read. */
export async function writeRows(
  rows: AsyncIterable<Row>,
  destination: RowsDestination,
): Promise<void> {
  const { file = STANDARD_OUTPUT } = destination;
  const text = rowTextFor(destination);
  const lines = Readable.from(linesOf(rows, text));
  if (file === STANDARD_OUTPUT) {
    await pipeline(lines, process.stdout, { end: false });
  } else {
    // Opened before the first row is asked for: rows may be claims.
    const partial = await openPartialFile(file);
    try {
      await pipeline(lines, partial.handle.createWriteStream());
      await partial.complete();
    } catch (error) {
      await partial.remove();
      throw error;
    }
  }
  noteRiskyCells(text);
}

export function rowTextFor({
  columns,
  format,
  file = STANDARD_OUTPUT,
  isForSpreadsheet = false,
}: RowsDestination): RowText {
  const isForTerminal = file === STANDARD_OUTPUT && process.stdout.isTTY === true;
  return new RowText({ columns, format, isForSpreadsheet, isForTerminal });
}

const RISK =
  'has the beginning of a spreadsheet formula (= + - @ tab CR), at its start or after ";", "|" or a tab, or ' +
  'control characters';

export function noteRiskyCells({ riskyCells }: RowText): void {
  if (riskyCells === 0) return;
  note(
    `Risky cells: ${riskyCells}. Each ${RISK}. They are written as they are; for a spreadsheet, pass ` +
      '--spreadsheet.',
  );
}

/** Prints an item alone, as a result. */
export async function printItem(item: string): Promise<void> {
  await print(item);
  const isExact = process.stdout.isTTY !== true;
  if (isExact && isRisky(item)) note(`The item ${RISK}. It is written as it is.`);
}

async function* linesOf(
  rows: AsyncIterable<Row>,
  text: RowText,
): AsyncGenerator<string, void, void> {
  // An empty string would end the stream.
  if (text.head !== '') yield text.head;
  for await (const row of rows) yield text.of([row]);
}
