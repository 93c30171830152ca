// The options that all commands share, whatever the store, and the kinds of values that options take.
import { type Command, InvalidArgumentError } from 'commander';
import { MAX_HOLD_MS } from 'storagebox/core';
import { EXIT_CODES } from './exit-codes.js';
import { CommandFailure } from './failures.js';

export interface SharedOptions {
  readonly json?: true;
}

export function addSharedOptions(program: Command): void {
  program.option('--json', 'print results and errors as JSON');
}

/** For options that exclude each other, and for an option that needs another one. */
export function wrongOptions(message: string, remedy: string): CommandFailure {
  return new CommandFailure({ code: 'USAGE', message, remedy, exitCode: EXIT_CODES.usage });
}

export const wholeNumber = wholeNumberUpTo(Number.MAX_SAFE_INTEGER);

export function wholeNumberUpTo(max: number): (text: string) => number {
  const end = max === Number.MAX_SAFE_INTEGER ? '' : ` to ${max}`;
  return (text) => {
    const value = Number(text);
    if (Number.isSafeInteger(value) && value >= 1 && value <= max) return value;
    throw new InvalidArgumentError(`Expected a whole number from 1${end}.`);
  };
}

const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Milliseconds, of a text such as `15m`. */
export function holdDuration(text: string): number {
  const [, count, unit = ''] = /^(\d+)([smhd])$/.exec(text) ?? [];
  const durationMs = Number(count) * (UNIT_MS[unit] ?? Number.NaN);
  if (durationMs >= 1 && durationMs <= MAX_HOLD_MS) return durationMs;
  throw new InvalidArgumentError(
    'Expected a number and its unit, such as 90s, 15m, 2h or 1d, up to ten years.',
  );
}

/** The most that a listing takes. */
export const segmentCount = wholeNumberUpTo(1_000_000);
