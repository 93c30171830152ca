// What a call that threw wrote, also for errors that are not of this package.
import { isStorageBoxError, type Written } from './errors.js';

const nothingWritten: unique symbol = Symbol.for('storagebox.nothing-written') as never;

/**
 * For a backend of your own: marks an error of the store's client, such as a refusal, that proves that
 * nothing was written. The caller gets the error as it is. Errors of this package need no mark.
 */
export function noteNothingWritten(error: unknown): void {
  if (typeof error === 'object' && error !== null && Object.isExtensible(error)) {
    Object.defineProperty(error, nothingWritten, { value: true, configurable: true });
  }
}

/** What the call that threw the error wrote: `unknown` if neither this package nor a mark tells. */
export function writtenBy(error: unknown): Written {
  // An earlier copy of the package has no such member.
  if (isStorageBoxError(error)) return error.written ?? 'unknown';
  const isNoted = typeof error === 'object' && error !== null && nothingWritten in error;
  return isNoted ? 'nothing' : 'unknown';
}
