// Runs that take minutes are short in `npm test` and have their full size in `npm run verify`; where
// that takes too long for a build, in `npm run verify:long`. What they assert is the same.
import { inspect } from 'node:util';
import { getCurrentTest } from 'vitest/suite';

const SIZE_VARIABLE = 'STORAGE_BOX_TEST_SIZE';
/** `build` in `npm run verify`, `full` in `npm run verify:long`; unset in `npm test`. */
export type Size = 'build' | 'full';

declare module 'vitest' {
  interface TaskMeta {
    /** What the test came to. */
    figures?: Readonly<Record<string, unknown>>;
  }
}

export function sized<Value>(short: Value, full: Value, build = full): Value {
  const values: Record<Size, Value> = { build, full };
  return values[process.env[SIZE_VARIABLE] as Size] ?? short;
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
