// One line on a terminal that tells how far a long command has come; nothing anywhere else.
import type { Writable } from 'node:stream';

const BAR_WIDTH = 24;
const MIN_REDRAW_MS = 100;
const CLEAR_TO_END_OF_LINE = '\u001b[K';

export type Terminal = Pick<Writable, 'write'> & { readonly isTTY?: boolean };

export interface Progress {
  readonly done: number;
  /** From 0 to 1; `null` when the end is not known. */
  readonly fraction: number | null;
}

export class ProgressLine {
  readonly #terminal: Terminal;
  readonly #unit: string;
  readonly #startMs = performance.now();
  #drawnMs = Number.NEGATIVE_INFINITY;

  constructor(unit: string, terminal: Terminal = process.stderr) {
    this.#terminal = terminal;
    this.#unit = unit;
  }

  show(progress: Progress): void {
    const nowMs = performance.now();
    if (!this.#terminal.isTTY || nowMs - this.#drawnMs < MIN_REDRAW_MS) return;
    this.#drawnMs = nowMs;
    const text = progressText(progress, this.#unit, nowMs - this.#startMs);
    this.#terminal.write(`\r${text}${CLEAR_TO_END_OF_LINE}`);
  }

  /** Clears the line for the next output. */
  clear(): void {
    if (this.#terminal.isTTY) this.#terminal.write(`\r${CLEAR_TO_END_OF_LINE}`);
  }
}

export function progressText(
  { done, fraction }: Progress,
  unit: string,
  elapsedMs: number,
): string {
  const rate = elapsedMs === 0 ? 0 : (done / elapsedMs) * 1_000;
  const counts = `${withThousands(done)} ${unit}  ${withThousands(Math.round(rate))}/s`;
  if (fraction === null) return counts;
  const filled = Math.round(fraction * BAR_WIDTH);
  const bar = `${'#'.repeat(filled)}${'.'.repeat(BAR_WIDTH - filled)}`;
  const percent = `${Math.floor(fraction * 100)} %`.padStart(5);
  const left = fraction === 0 ? '' : `  ${clock((elapsedMs / fraction) * (1 - fraction))} left`;
  return `[${bar}] ${percent}  ${counts}${left}`;
}

export function withThousands(value: number): string {
  return value.toLocaleString('en-US');
}

function clock(durationMs: number): string {
  const seconds = Math.ceil(durationMs / 1_000);
  const minutes = Math.floor(seconds / 60);
  const twoDigits = (value: number) => String(value).padStart(2, '0');
  const hours = Math.floor(minutes / 60);
  const start = hours === 0 ? `${minutes}` : `${hours}:${twoDigits(minutes % 60)}`;
  return `${start}:${twoDigits(seconds % 60)}`;
}
