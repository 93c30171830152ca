// All reads of the package go through here: they wait for a free socket and are retried when throttled.
import { sleepBeforeRetry } from '../store-kit/backoff.js';
import { CLAIM_PATIENCE_MS, Patience } from '../store-kit/patience.js';
import { untilAborted } from '../store-kit/until-aborted.js';
import { isThrottling, publishObstacle } from './obstacles.js';
import { explainRefusal } from './refusals.js';
import { sendThroughGate } from './request-gate.js';
import type { Table } from './table.js';

/**
 * How long a throttled read is retried, in addition to the SDK's own attempts: when all is sold out and
 * many ask, every process searches the whole table again and again. Shorter than a claim's patience, so
 * that a call that joins a read at the last moment still ends soon after.
 */
export const READ_PATIENCE_MS = 5_000;

export interface ReadOptions {
  /** Ends the waiting, for a socket or for capacity. Pass it to the request as well. */
  readonly signal?: AbortSignal | undefined;
  /** How long to wait for a free socket. Default: as long as a claim may last. */
  readonly patience?: Patience | undefined;
}

/**
 * Sends a read, again and again while it is throttled, for {@link READ_PATIENCE_MS}.
 *
 * @throws the signal's reason; `ContentionError` when no socket was free in time; the error of AWS,
 *   throttling included, as it is or with its remedy
 */
export async function sendRead<Output>(
  table: Table,
  send: () => Promise<Output>,
  { signal, patience = new Patience(CLAIM_PATIENCE_MS, signal) }: ReadOptions = {},
): Promise<Output> {
  let throttling: Patience | undefined;
  for (let retry = 0; ; retry++) {
    signal?.throwIfAborted();
    try {
      return await sendThroughGate(table.client, patience, send);
    } catch (error) {
      signal?.throwIfAborted();
      if (!isThrottling(error)) throw await explainRefusal(error, [table]);
      throttling ??= new Patience(READ_PATIENCE_MS);
      publishObstacle(error, retry + 1, patience.elapsedMs, [table]);
      if (throttling.isOver) throw error;
    }
    await untilAborted(sleepBeforeRetry(retry), signal);
  }
}
