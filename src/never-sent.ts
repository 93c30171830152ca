// What is known of an error that the client of a store threw by itself, for want of credentials or a
// Region: nothing was sent. The error reaches the caller as it is, so the knowledge is attached to it.

const key: unique symbol = Symbol.for('storagebox.never-sent') as never;

export function noteNeverSent(error: unknown): void {
  if (typeof error === 'object' && error !== null && Object.isExtensible(error)) {
    Object.defineProperty(error, key, { value: true, configurable: true });
  }
}

/** Whether it was noted, by whichever copy of this package. */
export function isNotedNeverSent(error: unknown): boolean {
  return typeof error === 'object' && error !== null && key in error;
}
