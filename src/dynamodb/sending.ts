// What is known of a request that failed: that it was never sent, that DynamoDB refused it, or nothing.
import type { TransactWriteItemsCommand } from '@aws-sdk/client-dynamodb';
import { hasName } from './refusals.js';
import { isUnreachable } from './unreachable.js';

/** Watches the sending of a transaction, through all attempts that the SDK makes by itself. */
export class Sending {
  /** Whether an attempt may have been applied, or still may be. */
  mayHaveLanded = false;
  /** Whether the client ran the middleware below; a test double need not. */
  #isWatched = false;
  /** Attempts that were given to the transport since the command was sent. */
  #handedOver = 0;
  /** Of these, the ones that failed. */
  #failed = 0;

  constructor({ middlewareStack }: TransactWriteItemsCommand, beforeAttempt: () => void) {
    middlewareStack.add(
      (next) => (args) => {
        this.#isWatched = true;
        return next(args);
      },
      { step: 'initialize', priority: 'low' },
    );
    middlewareStack.add(
      (next) => (args) => {
        beforeAttempt();
        this.#handedOver++;
        return next(args).catch((error: unknown) => {
          this.#failed++;
          this.mayHaveLanded ||= isOutcomeUnknown(error);
          throw error;
        });
      },
      // Inside the SDK's retry, because the SDK throws only the error of its last attempt. After signing,
      // because an attempt that fails before, without a Region or credentials, was never sent.
      { step: 'finalizeRequest', priority: 'low' },
    );
  }

  /** Call it each time before the command is sent. */
  begin(): void {
    this.#isWatched = false;
    this.#handedOver = 0;
    this.#failed = 0;
  }

  /** Call it with the error with which the SDK ended the command. */
  noteFailure(error: unknown): void {
    const isUnderWay = this.#handedOver > this.#failed;
    if (!this.#isWatched || isUnderWay) this.mayHaveLanded ||= isOutcomeUnknown(error);
  }

  /** Whether the SDK sent nothing, because credentials, a Region or an endpoint were missing. */
  isMisconfigured(error: unknown): boolean {
    const hasNotBegun = this.#isWatched && this.#handedOver === 0;
    return hasNotBegun || isWithoutCredentials(error);
  }
}

/**
 * A refusal by DynamoDB says that nothing was written. Anything else (no reply, a reply that cannot be
 * read, a server error, a refusal by a proxy) leaves that unknown, unless nothing was sent.
 */
export function isOutcomeUnknown(error: unknown): boolean {
  if (isRefusal(error)) return hasName(error, 'TransactionInProgressException');
  return !isWithoutCredentials(error) && !isUnreachable(error);
}

/**
 * Whether DynamoDB itself blames the request. The SDK names an error by the type in the reply; a proxy
 * that answers 408, 413 or 429 by itself gives none, or one of its own making. See "Error handling
 * with DynamoDB" in the Developer Guide.
 */
function isRefusal(error: unknown): boolean {
  const { $fault, $metadata, name } = (error ?? {}) as {
    readonly $fault?: string;
    readonly $metadata?: { readonly httpStatusCode?: number };
    readonly name?: string;
  };
  const isBlamed = $fault === 'client' && ($metadata?.httpStatusCode ?? 400) < 500;
  return isBlamed && /^[A-Z]\w*Exception$|^RequestLimitExceeded$/.test(name ?? '');
}

function isWithoutCredentials(error: unknown): boolean {
  return hasName(error, 'CredentialsProviderError');
}
