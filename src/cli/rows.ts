// Rows as text: CSV or JSON lines, exactly as in the tables, except for a spreadsheet or a terminal.
import { stringify } from 'csv-stringify/sync';
import { hasControlCharacter, visible } from './visible.js';

export type Row = Readonly<Record<string, string | null>>;
export type RowFormat = 'csv' | 'jsonl';

/** The cell of a time. */
export function isoTextOf(time: Date | null | undefined): string | null {
  return time?.toISOString() ?? null;
}

export interface RowStyle {
  readonly columns: readonly string[];
  readonly format: RowFormat;
  /** Makes CSV harmless for a spreadsheet, which takes some cells for formulas. */
  readonly isForSpreadsheet: boolean;
  /** Shows control characters instead of sending them. */
  readonly isForTerminal: boolean;
}

/** A spreadsheet takes a cell for a formula if it begins so ("CSV Injection", OWASP); also full-width. */
const FORMULA = /^[=+\-@\t\r\uFF1D\uFF0B\uFF0D\uFF20]/;

/**
 * A spreadsheet that does not separate cells by commas begins a new cell after its own separator. Blanks
 * and quotes between the separator and the formula do not protect: it drops them.
 */
const INNER_FORMULA = /([;\t|][\s"]*)(?=[=+\-@\uFF1D\uFF0B\uFF0D\uFF20])/g;

export class RowText {
  /** Cells of CSV, written as they are, that a spreadsheet or a terminal may take for more than text. */
  riskyCells = 0;
  readonly #style: RowStyle;

  constructor(style: RowStyle) {
    this.#style = style;
  }

  /** The text before the first row. */
  get head(): string {
    return this.#style.format === 'csv' ? this.#csv([this.#style.columns]) : '';
  }

  of(rows: readonly Row[]): string {
    const { columns, format, isForTerminal } = this.#style;
    if (format === 'csv') {
      return this.#csv(rows.map((row) => columns.map((column) => row[column] ?? '')));
    }
    const lines = rows.map((row) => JSON.stringify(row));
    return lines.map((line) => `${isForTerminal ? visible(line) : line}\n`).join('');
  }

  #csv(records: readonly (readonly string[])[]): string {
    const { isForSpreadsheet, isForTerminal } = this.#style;
    const isExact = !isForSpreadsheet && !isForTerminal;
    if (isExact) this.riskyCells += records.flat().filter(isRisky).length;
    const safe = isForSpreadsheet
      ? records.map((cells) => cells.map(withoutInnerFormula))
      : records;
    return stringify(isExact ? [...records] : safe.map((cells) => cells.map(visible)), {
      escape_formulas: isForSpreadsheet,
      // Some CSV readers end a row at a CR.
      quoted_match: /\r/,
    });
  }
}

export function isRisky(cell: string): boolean {
  return FORMULA.test(cell) || withoutInnerFormula(cell) !== cell || hasControlCharacter(cell);
}

function withoutInnerFormula(cell: string): string {
  return cell.replace(INNER_FORMULA, "$1'");
}
