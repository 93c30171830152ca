// Retries for requests that the command line sends by itself.
import { setTimeout as sleep } from 'node:timers/promises';

const MAX_TRIES = 8;
const BASE_DELAY_MS = 50;
const CONCURRENCY = 16;

const PASSING: readonly string[] = [
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
  'ThrottlingException',
];
const PASSING_REASONS: readonly string[] = [
  'None',
  'ProvisionedThroughputExceeded',
  'ThrottlingError',
  'TransactionConflict',
];

/** Retries, for about 6 seconds in all, while throttling or other transactions are in the way. */
export async function withPatience<Reply>(
  signal: AbortSignal,
  send: () => Promise<Reply>,
): Promise<Reply> {
  for (let tries = 1; ; tries++) {
    try {
      signal.throwIfAborted();
      return await send();
    } catch (error) {
      signal.throwIfAborted();
      if (tries === MAX_TRIES || !isPassing(error)) throw error;
    }
    await sleep(Math.random() * BASE_DELAY_MS * 2 ** tries, undefined, { signal }).catch(() => {});
  }
}

function isPassing(error: unknown): boolean {
  const { name, CancellationReasons: reasons } = (error ?? {}) as {
    readonly name?: string;
    readonly CancellationReasons?: readonly { readonly Code?: string }[];
  };
  if (reasons === undefined) return PASSING.includes(String(name));
  return reasons.every(({ Code: code = 'None' }) => PASSING_REASONS.includes(code));
}

/** Works on several elements at once; the first failure ends it. */
export async function inParallel<Element>(
  elements: Iterable<Element>,
  work: (element: Element) => Promise<void>,
): Promise<void> {
  const queue = elements[Symbol.iterator]();
  const worker = async () => {
    for (let next = queue.next(); !next.done; next = queue.next()) await work(next.value);
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, worker));
}
