// Runs that take minutes have two sizes: a short one in `npm test`, the full one in `npm run verify`.
// What they assert is the same.
import { inspect } from 'node:util';
import { getCurrentTest } from 'vitest/suite';

export const SIZE_VARIABLE = 'STORAGE_BOX_TEST_SIZE';
export const FULL_SIZE = 'full';

declare module 'vitest' {
  interface TaskMeta {
    /** What the test came to. */
    figures?: Readonly<Record<string, unknown>>;
  }
}

export function sized<Size>(short: Size, full: Size): Size {
  return process.env[SIZE_VARIABLE] === FULL_SIZE ? full : short;
}

/** Prints what a test came to, and leaves it to whoever started the run. */
export function tellFigures(figures: Readonly<Record<string, unknown>>): void {
  process.stdout.write(`${inspect(figures)}\n`);
  const task = getCurrentTest();
  if (task !== undefined) task.meta.figures = figures;
}

export function grouped(count: number): string {
  return count.toLocaleString('en-US');
}
