// Sends one TransactWriteItems until its outcome is known.
import {
  type CancellationReason,
  type TransactWriteItem,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import { sleepBeforeRetry } from '../backoff.js';
import { ContentionError, OutcomeUnknownError } from '../errors.js';
import { runtime } from '../runtime.js';
import type { SendingClient } from './client.js';
import { cancellationCodes, explainRefusal, hasName, type TableReference } from './refusals.js';

/** How long a call goes on after lost races, conflicts, throttling and unknown outcomes. */
export const CLAIM_PATIENCE_MS = 10_000;

const CONDITION_FAILED = 'ConditionalCheckFailed';

/** Reasons that pass. The SDK leaves them to its caller: to it every cancellation is final. */
export const PASSING_REASONS: readonly string[] = [
  'TransactionConflict',
  'ThrottlingError',
  'ProvisionedThroughputExceeded',
];

const THROTTLING_ERRORS: readonly string[] = [
  'ThrottlingException',
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
];

export interface Transaction {
  readonly client: SendingClient;
  readonly tables: readonly TableReference[];
  readonly actions: TransactWriteItem[];
  /** How long a passing failure is answered by sending again. */
  readonly patienceMs: number;
  /** Once aborted, nothing is sent again. */
  readonly signal?: AbortSignal | undefined;
}

export type TransactionOutcome =
  | { readonly status: 'committed' }
  /** Nothing was written: a condition failed. The reasons stand in the order of the actions. */
  | { readonly status: 'conditionFailed'; readonly reasons: readonly CancellationReason[] }
  | {
      readonly status: 'failed';
      readonly error: unknown;
      /** Whether one of the attempts can have been applied, or still can be. */
      readonly mayHaveLanded: boolean;
    };

/**
 * Sends the transaction, again and again under one token where that can help, so that it is applied
 * once at most. See "TransactWriteItems" in the API reference, section "Idempotency". Never rejects:
 * a failure is `ContentionError` when others were in the way to the end, `OutcomeUnknownError` when
 * no reply told the outcome, else DynamoDB's refusal, with its remedy where there is one.
 */
export async function sendTransaction(transaction: Transaction): Promise<TransactionOutcome> {
  const { client, tables, actions, patienceMs, signal } = transaction;
  const startMs = runtime.nowMs();
  const command = new TransactWriteItemsCommand({
    ClientRequestToken: runtime.uuid(),
    TransactItems: actions,
  });
  let mayHaveLanded = false;
  for (let retry = 0; ; retry++) {
    const failure = await client.send(command).then(
      () => null,
      (error: unknown) => ({ error }),
    );
    if (failure === null) return { status: 'committed' };

    const { error } = failure;
    if (isConditionFailure(error)) return { status: 'conditionFailed', reasons: reasonsOf(error) };
    mayHaveLanded ||= isOutcomeUnknown(error) || wasSentBefore(error);
    const fail = (reported: unknown) =>
      ({ status: 'failed', error: reported, mayHaveLanded }) as const;

    const mayPass = isInTheWay(error) || isThrottling(error) || isOutcomeUnknown(error);
    if (!mayPass) return fail(await explainRefusal(error, client, tables));
    if (signal?.aborted) return fail(signal.reason);
    const elapsedMs = runtime.nowMs() - startMs;
    if (elapsedMs >= patienceMs) {
      if (isThrottling(error)) return fail(error);
      if (mayHaveLanded) return fail(new OutcomeUnknownError(elapsedMs, { cause: error }));
      return fail(new ContentionError(elapsedMs, { cause: error }));
    }
    await sleepBeforeRetry(retry);
  }
}

export function hasConditionFailed(reason: CancellationReason | undefined): boolean {
  return reason?.Code === CONDITION_FAILED;
}

function isConditionFailure(error: unknown): boolean {
  return cancellationCodes(error).includes(CONDITION_FAILED);
}

function reasonsOf(error: unknown): readonly CancellationReason[] {
  return (error as { CancellationReasons: readonly CancellationReason[] }).CancellationReasons;
}

function isInTheWay(error: unknown): boolean {
  return cancellationCodes(error).some((code) => PASSING_REASONS.includes(code));
}

function isThrottling(error: unknown): boolean {
  return THROTTLING_ERRORS.some((name) => hasName(error, name));
}

/** What of an SDK error tells how far the request came. */
interface RequestFailure {
  readonly $fault?: string;
  readonly $metadata?: { readonly httpStatusCode?: number; readonly attempts?: number };
}

/**
 * A reply that blames the request says that nothing was written. Anything else (no reply, a reply
 * that cannot be read, a fault of the server) leaves it open.
 */
function isOutcomeUnknown(error: unknown): boolean {
  const { $fault, $metadata } = error as RequestFailure;
  const isRefusal = $fault === 'client' && ($metadata?.httpStatusCode ?? 400) < 500;
  if (isRefusal) return hasName(error, 'TransactionInProgressException');
  const wasNeverSent = hasName(error, 'CredentialsProviderError');
  return !wasNeverSent;
}

/** The SDK reports its last attempt only: one before it may have gone through unheard. */
function wasSentBefore(error: unknown): boolean {
  return ((error as RequestFailure).$metadata?.attempts ?? 1) > 1;
}
