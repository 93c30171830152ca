// How the command line sends requests by itself.
import { setTimeout as sleep } from 'node:timers/promises';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { TableNotFoundError } from 'storagebox/core';
import { isPassing } from './failures.js';

const MAX_TRIES = 8;
const BASE_DELAY_MS = 50;

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
        const place = `Region ${await client.config.region()} for these credentials`;
        throw new TableNotFoundError(tableNames, place, { cause: error });
      }
      if (tries === MAX_TRIES || !isPassing(error)) throw error;
    }
    await sleep(Math.random() * BASE_DELAY_MS * 2 ** tries, undefined, { signal }).catch(() => {});
  }
}
