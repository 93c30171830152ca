import { InvalidDeduplicationIdError, InvalidItemError, InvalidOptionError } from './errors.js';

/**
 * The longest item and deduplication ID. It is the same for every backend, so that all of them accept the
 * same values; no store that comes with this package takes less.
 */
export const MAX_KEY_BYTES = 2_048;

/** The most IDs of a group. It is the same for every backend, and no store of this package takes fewer. */
export const MAX_GROUP_IDS = 50;

const KEY_EXPECTATION = `a non-empty, well-formed string of at most ${MAX_KEY_BYTES} bytes in UTF-8`;

/** Throws {@link InvalidDeduplicationIdError} unless the value can be a deduplication ID. */
export function assertDeduplicationId(
  value: unknown,
  index: number | null = null,
): asserts value is string {
  const fault = keyFault(value);
  if (fault !== null) {
    const place = index === null ? '' : ` at index ${index}`;
    throw new InvalidDeduplicationIdError(
      `Expected the deduplication ID${place} to be ${KEY_EXPECTATION}, got ${fault}.`,
      index,
    );
  }
}

/** Throws {@link InvalidItemError} unless the value can be an item. */
export function assertItem(value: unknown, index: number | null = null): asserts value is string {
  const fault = keyFault(value);
  if (fault !== null) {
    const place = index === null ? 'the item' : `the item at index ${index}`;
    throw new InvalidItemError(`Expected ${place} to be ${KEY_EXPECTATION}, got ${fault}.`, index);
  }
}

// The value itself stays out of the text: deduplication IDs are personal data, items are money.
function keyFault(value: unknown): string | null {
  if (typeof value === 'number' || typeof value === 'bigint') {
    return `a ${typeof value}: convert it with String()`;
  }
  if (typeof value !== 'string') return `${describeValue(value)}: pass a string`;
  if (value === '') return 'an empty string: check where it comes from';
  // Lone surrogates all encode to U+FFFD, so two different strings would become one key.
  if (!value.isWellFormed()) return 'a string with a lone surrogate: repair it with toWellFormed()';
  // No UTF-16 code unit takes more than 3 bytes, so most strings need no counting.
  if (value.length * 3 > MAX_KEY_BYTES) {
    const bytes = new TextEncoder().encode(value).length;
    if (bytes > MAX_KEY_BYTES) return `${bytes} bytes: shorten it, or use a hash of it`;
  }
  return null;
}

/** Throws {@link InvalidOptionError} unless the condition holds. */
export function assertOption(
  condition: boolean,
  option: string,
  expectation: string,
  value: unknown,
  remedy: string,
): asserts condition {
  if (!condition) {
    throw new InvalidOptionError(
      option,
      `Expected \`${option}\` to be ${expectation}, got ${describeValue(value)}. ${remedy}`,
    );
  }
}

/** Throws {@link InvalidOptionError} unless the value is a whole number from 1. */
export function assertPositiveInteger(
  option: string,
  value: unknown,
  remedy: string,
): asserts value is number {
  assertOption(
    Number.isSafeInteger(value) && (value as number) >= 1,
    option,
    'a whole number from 1',
    value,
    remedy,
  );
}

/** Ten years. Longer is most likely a mistake in the unit. */
export const MAX_HOLD_MS = 10 * 366 * 24 * 3_600_000;

/** Throws {@link InvalidOptionError} unless the value is a possible length of a hold, or absent. */
export function assertHold(option: string, value: unknown): asserts value is number | undefined {
  assertOption(
    value === undefined ||
      (Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= MAX_HOLD_MS),
    option,
    'a whole number of milliseconds from 1 to ten years',
    value,
    'Leave it out for none.',
  );
}

/** Throws {@link InvalidOptionError} unless the value is a function or absent. */
export function assertAlongside(value: unknown): void {
  assertOption(
    value === undefined || typeof value === 'function',
    'alongside',
    'a function',
    value,
    'Pass a function that returns the writes to commit together with the call, or leave it out.',
  );
}

/** Throws {@link InvalidOptionError} unless what `alongside` returned is a function, where own writes are one. */
export function assertOwnWrite(value: unknown, remedy: string): void {
  assertOption(
    typeof value === 'function',
    'alongside',
    'a function that returns a function',
    value,
    remedy,
  );
}

/** Throws {@link InvalidOptionError} unless `within` is absent, or an object without own writes beside it. */
export function assertWithin(value: unknown, alongside?: unknown): void {
  assertOption(
    value === undefined ||
      typeof value === 'function' ||
      (typeof value === 'object' && value !== null),
    'within',
    'a connection with an open transaction',
    value,
    'Pass the connection on which you began the transaction, or leave it out.',
  );
  assertOption(
    value === undefined || alongside === undefined,
    'alongside',
    'absent beside `within`',
    alongside,
    'Make your own writes by yourself, in the same transaction.',
  );
}

/** Throws unless the value is an array of different IDs, from 1 to {@link MAX_GROUP_IDS}. */
export function assertGroup(value: unknown): asserts value is readonly string[] {
  const option = 'deduplicationIds';
  assertOption(
    Array.isArray(value) && value.length >= 1 && value.length <= MAX_GROUP_IDS,
    option,
    `an array of 1 to ${MAX_GROUP_IDS} IDs`,
    value,
    'Divide larger groups, or use fetchItemsForDeduplicationIds() if they need not be one write.',
  );
  value.forEach((deduplicationId, index) => {
    assertDeduplicationId(deduplicationId, index);
  });
  assertOption(
    new Set(value).size === value.length,
    option,
    'different IDs',
    value,
    'Give each item of the group an ID of its own, such as `order-17/1` and `order-17/2`.',
  );
}

/** Throws {@link InvalidOptionError} unless strings can be read from the value, one by one. */
function assertIterable(option: string, value: unknown): void {
  const isIterable =
    typeof value === 'object' &&
    value !== null &&
    (Symbol.iterator in value || Symbol.asyncIterator in value);
  assertOption(
    isIterable,
    option,
    'an iterable or async iterable of strings',
    value,
    'Pass an array, a set, a generator or a stream of lines; wrap a single string in an array.',
  );
}

/** Throws {@link InvalidOptionError} unless the value is a function or absent. */
export function assertProgressListener(value: unknown): void {
  assertOption(
    value === undefined || typeof value === 'function',
    'onProgress',
    'a function',
    value,
    'Pass a function that takes the progress, or leave it out.',
  );
}

/** Throws {@link InvalidOptionError} unless the value is an `AbortSignal` or absent. */
export function assertSignal(value: unknown): asserts value is AbortSignal | undefined {
  assertOption(
    value === undefined || hasMethods(value, 'addEventListener', 'throwIfAborted'),
    'signal',
    'an AbortSignal',
    value,
    'Pass the `signal` of an AbortController, or leave it out.',
  );
}

/** Whether the value is an object on which all of the methods can be called. */
export function hasMethods(value: unknown, ...methods: readonly string[]): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    methods.every((method) => typeof (value as Record<string, unknown>)[method] === 'function')
  );
}

/** A string by its length only: it can be an item, an ID, a secret or a whole file. */
function describeValue(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (value === '') return 'an empty string';
  if (typeof value === 'string') return `a string of ${value.length} characters`;
  if (typeof value === 'number' || typeof value === 'boolean')
    return `the ${typeof value} ${value}`;
  if (Array.isArray(value)) return `an array of length ${value.length}`;
  if (typeof value === 'object') return `an object (${value.constructor?.name ?? 'no class'})`;
  return `a ${typeof value}`;
}

/** What calls that read a long input have in common. */
export function assertInput(
  name: string,
  input: unknown,
  assertElement: (element: unknown, index: number) => void,
  options: {
    readonly signal?: unknown;
    readonly onProgress?: unknown;
    readonly concurrency?: unknown;
  },
): void {
  assertIterable(name, input);
  assertSignal(options.signal);
  assertProgressListener(options.onProgress);
  assertPositiveInteger('concurrency', options.concurrency, 'Leave it out for the default.');
  // An array or a set is checked as a whole first, so that nothing is done if one element is bad.
  if (Array.isArray(input) || input instanceof Set) {
    let index = 0;
    for (const element of input) assertElement(element, index++);
  }
}
