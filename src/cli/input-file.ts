// Finds what looks like a mistake in a file. Messages name the line, or the row of a CSV file, and never
// its content: items are worth money, and deduplication IDs are personal data.
import { MAX_KEY_BYTES } from 'storagebox/core';
import { EXIT_CODES, type ExitCode } from './exit-codes.js';
import { CommandFailure } from './failures.js';

export interface InputOptions {
  readonly column?: string | undefined;
  /** Accept what looks like a mistake. */
  readonly asIs?: true | undefined;
}

const CONTROL_CHARACTER = /\p{Cc}/u;
const IF_MEANT = 'If it is intended, pass --as-is.';

export class InputFile {
  readonly #name: string;
  readonly #options: InputOptions;
  /** What is counted in it, from 1, empty ones included. A row of CSV can have several lines. */
  readonly #unit: 'Line' | 'Row';

  constructor(name: string, options: InputOptions) {
    this.#name = name === '-' ? 'standard input' : `"${name}"`;
    this.#options = options;
    this.#unit = options.column === undefined ? 'Line' : 'Row';
  }

  /** Read as lines, the first row of a CSV file would get an item, too. */
  assertIsNoCsv(): void {
    if (this.#options.asIs || !/\.csv"$/i.test(this.#name)) return;
    throw this.#failure(
      'CSV_WITHOUT_COLUMN',
      `${this.#name} is a CSV file, and no column is named.`,
      'Pass --column with a name from its first row, or a number from 1 if there is no such row. ' +
        'To take whole lines, pass --as-is.',
      EXIT_CODES.usage,
    );
  }

  /** Recognised by its byte order mark, or by the zero byte of each ASCII letter. */
  assertIsNotUtf16([first, second]: Uint8Array): void {
    const hasMark = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
    const hasZero = second !== undefined && (first === 0) !== (second === 0);
    if (!hasMark && (!hasZero || this.#options.asIs)) return;
    throw this.#failure(
      'NOT_UTF_8',
      `${this.#name} is in UTF-16, not in UTF-8.`,
      'Convert it, for example by "iconv -f UTF-16 -t UTF-8".',
    );
  }

  /** Returns the value if it can be an item or an ID and does not look like a mistake. */
  checked(value: string, position: number): string {
    const fault = value === '' ? 'has no value in the column' : this.#faultOf(value);
    if (fault === null) return value;
    const [text, remedy] = [fault].flat();
    throw this.#failure(
      'UNUSABLE_LINE',
      `${this.#unit} ${position} of ${this.#name} ${text}.`,
      remedy ?? 'Fix the file and run the same command again.',
    );
  }

  #faultOf(value: string): readonly [string, string] | string | null {
    if (!this.#options.asIs) {
      if (value.includes('\r')) {
        const toLines = `tr '\\r' '\\n'`;
        return ['has a CR in it', `If CR ends its lines, convert it by ${toLines}. ${IF_MEANT}`];
      }
      if (CONTROL_CHARACTER.test(value)) {
        return ['has a control character in it', `Remove it. ${IF_MEANT}`];
      }
    }
    // No UTF-16 code unit takes more than 3 bytes, so most values need no counting.
    if (value.length * 3 > MAX_KEY_BYTES && Buffer.byteLength(value) > MAX_KEY_BYTES) {
      return `is longer than ${MAX_KEY_BYTES} bytes, which is the most that an item or an ID may have`;
    }
    if (!this.#options.asIs && value.trim() !== value) {
      return ['begins or ends with a blank', `Remove it. ${IF_MEANT}`];
    }
    return null;
  }

  noSuchHeader(columns: number): CommandFailure {
    return this.#failure(
      'NO_SUCH_COLUMN',
      `The first row of ${this.#name} has ${columnsText(columns)}, none of that name.`,
      'Check the name. If the first row has no names, pass the number of the column, from 1.',
    );
  }

  noSuchColumn(position: number, columns: number): CommandFailure {
    return this.#failure(
      'NO_SUCH_COLUMN',
      `${this.#unit} ${position} of ${this.#name} has ${columnsText(columns)}, fewer than --column asks for.`,
      'Check --column. Columns are separated by commas and counted from 1.',
    );
  }

  notUtf8(): CommandFailure {
    return this.#failure(
      'NOT_UTF_8',
      `${this.#name} is not in UTF-8.`,
      'Convert it, for example by "iconv -f LATIN1 -t UTF-8".',
    );
  }

  #failure(
    code: string,
    message: string,
    remedy: string,
    exitCode: ExitCode = EXIT_CODES.file,
  ): CommandFailure {
    return new CommandFailure({ code, message: upperFirst(message), remedy, exitCode });
  }
}

function columnsText(count: number): string {
  return count === 1 ? '1 column' : `${count} columns`;
}

function upperFirst(text: string): string {
  return text.replace(/^./, (first) => first.toUpperCase());
}
