import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';

export interface InterceptedCall {
  /** `Scan`, `GetItem`, `TransactWriteItems`, … */
  readonly operation: string;
  readonly input: Record<string, unknown>;
  /** Sends the request, or another one in its place, and gives the output. */
  // biome-ignore lint/suspicious/noExplicitAny: the output's type depends on the operation.
  send(input?: Record<string, unknown>): Promise<any>;
}

/** Puts a function between the callers of a client and everything the SDK does, retries included. */
export function intercept(
  client: DynamoDBClient,
  answer: (call: InterceptedCall) => Promise<unknown>,
): void {
  client.middlewareStack.add(
    (next, { commandName = '' }) =>
      async (args) => ({
        response: undefined,
        output: (await answer({
          operation: commandName.replace(/Command$/, ''),
          input: args.input as Record<string, unknown>,
          send: async (input) => {
            const result = await next(
              input === undefined ? args : { ...args, input: input as never },
            );
            return result.output;
          },
        })) as never,
      }),
    { step: 'initialize' },
  );
}

/** An error of the service, as the SDK throws it. */
export function serviceError(
  name: string,
  extra: Record<string, unknown> = {},
  httpStatusCode = 400,
): Error {
  return Object.assign(new Error(`injected ${name}`), {
    name,
    $fault: httpStatusCode < 500 ? 'client' : 'server',
    $metadata: { httpStatusCode, attempts: 1 },
    ...extra,
  });
}

/** A cancelled transaction with these codes, by position. */
export function cancellation(...codes: readonly string[]): Error {
  return serviceError('TransactionCanceledException', {
    CancellationReasons: codes.map((Code) => ({ Code })),
  });
}

/** What the SDK throws when no response came in time. */
export function timeout(): Error {
  return Object.assign(new Error('injected timeout'), { name: 'TimeoutError' });
}
