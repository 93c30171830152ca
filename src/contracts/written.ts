// What a call that threw wrote, also for errors that are not of this package.
import { isStorageBoxError, type Written } from './errors.js';

// The name is that of earlier copies of the package, which marked fewer errors.
const nothingWritten: unique symbol = Symbol.for('storagebox.never-sent') as never;

/** The errors of copies from before there was `written`. */
const EARLIER_CODES_OF_NOTHING: readonly string[] = [
  'STORAGEBOX_CONTENTION',
  'STORAGEBOX_INVALID_ITEM',
  'STORAGEBOX_SERVICE_UNREACHABLE',
  'STORAGEBOX_TABLE_NOT_FOUND',
  'STORAGEBOX_TABLE_SCHEMA',
];

/**
 * For a backend of your own: marks an error of the store's client, such as a refusal, that proves that
 * nothing was written. The caller gets the error as it is. Errors of this package need no mark.
 *
 * The mark stays, so do not mark an error object that is thrown again elsewhere. It has to hold for the
 * whole call: a method that tries several times, or writes twice, throws `OutcomeUnknownError` if any of its
 * writes may have been applied.
 */
export function noteNothingWritten(error: unknown): void {
  if (typeof error === 'object' && error !== null && Object.isExtensible(error)) {
    Object.defineProperty(error, nothingWritten, { value: true, configurable: true });
  }
}

/** What the call that threw the error wrote: `unknown` if neither this package nor a mark tells. */
export function writtenBy(error: unknown): Written {
  if (isStorageBoxError(error)) {
    const { written, code } = error as { readonly written?: Written; readonly code: string };
    return written ?? (EARLIER_CODES_OF_NOTHING.includes(code) ? 'nothing' : 'unknown');
  }
  const isNoted = typeof error === 'object' && error !== null && nothingWritten in error;
  return isNoted ? 'nothing' : 'unknown';
}
