// Sends one TransactWriteItems until its outcome is known.
import {
  type CancellationReason,
  type TransactWriteItem,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import { ContentionError, OutcomeUnknownError } from '../contracts/errors.js';
import { noteNothingWritten, writtenBy } from '../contracts/written.js';
import { runtime } from '../environment/runtime.js';
import { sleepBeforeRetry } from '../store-kit/backoff.js';
import { Patience } from '../store-kit/patience.js';
import type { SendingClient } from './client.js';
import { isInTheWay, isThrottling, publishObstacle } from './obstacles.js';
import { cancellationCodes, explainRefusal, withoutReply } from './refusals.js';
import { sendThroughGate } from './request-gate.js';
import { isOutcomeUnknown, Sending } from './sending.js';
import type { Table } from './table.js';
import { isUnreachable } from './unreachable.js';

/**
 * DynamoDB remembers a token for 10 minutes; after that, the same request would be another write. One
 * minute less, for the time on the network. See "TransactWriteItems" in the API reference, section
 * "Idempotency".
 */
const MAX_TOKEN_AGE_MS = 9 * 60_000;

const CONDITION_FAILED = 'ConditionalCheckFailed';

export interface Transaction {
  /** The client of the first one sends it. */
  readonly tables: readonly [Table, ...Table[]];
  readonly actions: TransactWriteItem[];
  /** How long temporary failures are retried. */
  readonly patienceMs: number;
  /** Of the call, which may have begun earlier. Also limits the wait for a free socket. */
  readonly patience?: Patience | undefined;
  /** Once aborted, nothing is sent any more. */
  readonly signal?: AbortSignal | undefined;
  /** Fails at once as `isObstructed` when others, or throttling, were in the way. Default: `false`. */
  readonly yieldsToObstacles?: boolean | undefined;
  /**
   * Whether an earlier transaction with the same writes may still be applied. Then no failure of this
   * transaction proves that nothing was written. Default: `false`.
   */
  readonly isInDoubt?: boolean | undefined;
}

export type TransactionOutcome =
  | { readonly status: 'committed' }
  /** A condition failed, and this attempt wrote nothing. */
  | {
      readonly status: 'conditionFailed';
      readonly error: unknown;
      /** In the order of the actions. */
      readonly reasons: readonly CancellationReason[];
      /** Whether an earlier attempt that got no answer may still be applied. */
      readonly isInDoubt: boolean;
    }
  /** Nothing was written, unless the error is an `OutcomeUnknownError`. */
  | {
      readonly status: 'failed';
      readonly error: unknown;
      readonly isObstructed: boolean;
      /** Whether DynamoDB refused to try at all: it named no condition and no obstacle. */
      readonly isRefused: boolean;
    };

/**
 * Sends the transaction, and retries where that can help, always with one token, so that it is applied
 * at most once. Never rejects. A failure is `OutcomeUnknownError` when an attempt may have been
 * applied, `ContentionError` when other transactions were in the way until the end, else DynamoDB's
 * refusal, with its remedy where there is one.
 */
export async function sendTransaction(transaction: Transaction): Promise<TransactionOutcome> {
  const { tables, actions, patienceMs, signal, yieldsToObstacles = false } = transaction;
  const [{ client }] = tables;
  const { patience = new Patience(patienceMs, signal) } = transaction;
  const attempts = new Attempts(actions, transaction.isInDoubt);
  for (let retry = 0; ; retry++) {
    const fail = (cause: unknown, isRefused = false) => {
      // The reason of a signal is the caller's own object.
      if (!attempts.mayHaveLanded && cause !== signal?.reason) noteNothingWritten(cause);
      const error = attempts.orUnknown(cause);
      return { status: 'failed' as const, error, isObstructed: false, isRefused };
    };
    if (signal?.aborted) return fail(signal.reason);
    const failure = await sendThroughGate(client, patience, () => attempts.send(client)).catch(
      (error: unknown) => ({ error, isFinal: true }),
    );
    if (failure === null) return { status: 'committed' };

    const { error, isFinal } = failure;
    if (isFinal) return fail(error);
    if (isConditionFailure(error)) {
      const isInDoubt = attempts.mayHaveLanded;
      return { status: 'conditionFailed', error, reasons: reasonsOf(error), isInDoubt };
    }
    const mayPass = isInTheWay(error) || isThrottling(error) || attempts.canFindOut(error);
    if (!mayPass) {
      const isRefused = !attempts.mayHaveLanded && !isUnreachable(error);
      return fail(await explainRefusal(error, tables, tableNamesOf(actions)), isRefused);
    }
    if (attempts.isTokenTooOld()) return fail(error);
    const elapsedMs = attempts.elapsedMs();
    const isObstructed = !attempts.mayHaveLanded;
    if (yieldsToObstacles && isObstructed) {
      return { status: 'failed', error, isObstructed, isRefused: false };
    }
    publishObstacle(error, retry + 1, elapsedMs, tables);
    if (elapsedMs >= patienceMs) {
      return fail(isObstructed ? errorOfObstacle(error, elapsedMs) : error);
    }
    await sleepBeforeRetry(retry);
  }
}

/**
 * What to throw when an obstacle did not pass, and nothing was written. Throttling errors stay as they are,
 * to keep their name.
 */
export function errorOfObstacle(error: unknown, elapsedMs: number): unknown {
  noteNothingWritten(error);
  return isThrottling(error) ? error : new ContentionError(elapsedMs, { cause: error });
}

/**
 * What a call throws of which an earlier transaction got no answer and may still be applied: then no error
 * says that nothing was written.
 */
export function errorInDoubt(error: unknown, elapsedMs: number): unknown {
  const isUntrue = writtenBy(error) === 'nothing';
  return isUntrue ? new OutcomeUnknownError(elapsedMs, { cause: error }) : error;
}

export function hasConditionFailed(reason: CancellationReason | undefined): boolean {
  return reason?.Code === CONDITION_FAILED;
}

interface Failure {
  readonly error: unknown;
  /** Whether sending the transaction again is useless. */
  readonly isFinal: boolean;
}

/** All attempts to send one transaction with its token, including those that the SDK makes by itself. */
class Attempts {
  readonly #command: TransactWriteItemsCommand;
  readonly #sending: Sending;
  readonly #startMs = runtime.nowMs();
  // The wall clock: the monotonic clock stops while the machine sleeps, and DynamoDB's does not.
  readonly #firstSentMs = runtime.date().getTime();

  constructor(actions: TransactWriteItem[], isInDoubt = false) {
    this.#command = new TransactWriteItemsCommand({
      ClientRequestToken: runtime.uuid(),
      TransactItems: actions,
    });
    this.#sending = new Sending(this.#command, () => {
      if (this.isTokenTooOld()) throw new Error('The token is too old to send it again.');
    });
    this.#sending.mayHaveLanded = isInDoubt;
  }

  /** Whether one of them may have been applied, or still may be. */
  get mayHaveLanded(): boolean {
    return this.#sending.mayHaveLanded;
  }

  /** Never rejects. */
  async send(client: SendingClient): Promise<Failure | null> {
    this.#sending.begin();
    try {
      await client.send(this.#command);
      return null;
    } catch (error) {
      this.#sending.noteFailure(error);
      return { error: withoutReply(error), isFinal: this.#sending.isMisconfigured(error) };
    }
  }

  /** Whether the same transaction, sent again, can tell what became of an attempt. */
  canFindOut(error: unknown): boolean {
    return this.mayHaveLanded && (isOutcomeUnknown(error) || isUnreachable(error));
  }

  elapsedMs(): number {
    return runtime.nowMs() - this.#startMs;
  }

  /** The error to report: one that says that the outcome is unknown where it is. */
  orUnknown(error: unknown): unknown {
    return this.mayHaveLanded ? new OutcomeUnknownError(this.elapsedMs(), { cause: error }) : error;
  }

  isTokenTooOld(): boolean {
    return runtime.date().getTime() - this.#firstSentMs > MAX_TOKEN_AGE_MS;
  }
}

/** Each once, those of the caller's own writes included. */
function tableNamesOf(actions: readonly TransactWriteItem[]): readonly string[] {
  return [...new Set(actions.flatMap((action) => tableNameOf(action) ?? []))];
}

export function tableNameOf(action: TransactWriteItem): string | undefined {
  const { Put, Update, Delete, ConditionCheck } = action;
  return (Put ?? Update ?? Delete ?? ConditionCheck)?.TableName;
}

function isConditionFailure(error: unknown): boolean {
  return cancellationCodes(error).includes(CONDITION_FAILED);
}

/** Of a cancelled transaction, in the order of its actions. */
export function reasonsOf(error: unknown): readonly CancellationReason[] {
  return (error as { CancellationReasons: readonly CancellationReason[] }).CancellationReasons;
}
