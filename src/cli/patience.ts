// How the command line sends requests by itself.
import { setTimeout as sleep } from 'node:timers/promises';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { TableNotFoundError } from 'storagebox/core';

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

export interface OwnRequest {
  readonly client: DynamoDBClient;
  readonly signal: AbortSignal;
  /** The tables of the request. If one does not exist, DynamoDB does not say which. */
  readonly tableNames: readonly string[];
}

/**
 * Retries, for about 6 seconds in all, while throttling or other transactions are in the way.
 *
 * @throws the signal's reason; `TableNotFoundError`; the error of AWS as it is
 */
export async function withPatience<Reply>(
  { client, signal, tableNames }: OwnRequest,
  send: () => Promise<Reply>,
): Promise<Reply> {
  for (let tries = 1; ; tries++) {
    try {
      signal.throwIfAborted();
      return await send();
    } catch (error) {
      signal.throwIfAborted();
      if ((error as { readonly name?: string } | null)?.name === 'ResourceNotFoundException') {
        throw new TableNotFoundError(tableNames, await client.config.region(), { cause: error });
      }
      if (tries === MAX_TRIES || !isPassing(error)) throw error;
    }
    await sleep(Math.random() * BASE_DELAY_MS * 2 ** tries, undefined, { signal }).catch(() => {});
  }
}

/** Whether the same request can succeed a moment later. */
export function isPassing(error: unknown): boolean {
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
