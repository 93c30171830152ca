// Marks errors that a store's client threw before it sent anything, because credentials or a Region were
// missing. The caller gets such an error unchanged, so the mark is attached to the error object.

const key: unique symbol = Symbol.for('storagebox.never-sent') as never;

export function noteNeverSent(error: unknown): void {
  if (typeof error === 'object' && error !== null && Object.isExtensible(error)) {
    Object.defineProperty(error, key, { value: true, configurable: true });
  }
}

/** Whether the error has the mark, from any copy of this package. */
export function isNotedNeverSent(error: unknown): boolean {
  return typeof error === 'object' && error !== null && key in error;
}
