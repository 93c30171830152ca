// Faults in place of the SDK's HTTP handler: under everything that the SDK does, its retries included.
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';

export interface HttpReply {
  readonly statusCode: number;
  readonly headers: Record<string, string>;
  readonly body: Readable;
}

interface HttpRequest {
  readonly headers: Record<string, string>;
  readonly body: string | Uint8Array;
}

type Input = Record<string, unknown>;
type Handle = (request: HttpRequest, options?: unknown) => Promise<{ response: HttpReply }>;

/** One attempt of the SDK at a request. */
export interface Attempt {
  readonly input: Input;
  /** The actions of a transaction that a fault of single actions concerns. Default: all. */
  readonly target?: readonly unknown[];
  /** From 1, over all attempts at the operation since the fault was put in. */
  readonly nth: number;
  /** Sends the request, or another one in its place, and gives the reply. */
  send(input?: Input): Promise<HttpReply>;
  /** Has something happen once the call has ended. */
  later(delivery: () => Promise<unknown>): void;
}

/** What becomes of an attempt: a reply, or the error of a connection. */
export type Fault = (attempt: Attempt) => Promise<HttpReply>;

/** The transport of one client, faithful until a fault is put in. */
export class FaultyTransport {
  #operation: string | null = null;
  #fault: Fault = (attempt) => attempt.send();
  #attempts = 0;
  #deliveries: (() => Promise<unknown>)[] = [];

  constructor({ config: { requestHandler } }: DynamoDBClient) {
    const handler = requestHandler as unknown as { handle: Handle };
    const handle = handler.handle.bind(handler);
    handler.handle = (request, options) => this.#handle(request, (sent) => handle(sent, options));
  }

  /** How many attempts met the fault. */
  get attempts(): number {
    return this.#attempts;
  }

  /** Puts a fault in the way of one operation: `Scan`, `GetItem`, `TransactWriteItems`, … */
  inject(operation: string, fault: Fault): void {
    this.#operation = operation;
    this.#fault = fault;
    this.#attempts = 0;
  }

  heal(): void {
    this.#operation = null;
  }

  /** Lets everything arrive that is still on its way. */
  async deliverLateRequests(): Promise<void> {
    for (const deliver of this.#deliveries.splice(0)) await deliver();
  }

  async #handle(
    request: HttpRequest,
    handle: (request: HttpRequest) => Promise<{ response: HttpReply }>,
  ): Promise<{ response: HttpReply }> {
    const operation = request.headers['x-amz-target']?.split('.')[1];
    if (operation === undefined || operation !== this.#operation) return handle(request);
    const response = await this.#fault({
      input: JSON.parse(inputText(request)),
      nth: ++this.#attempts,
      send: async (input) => {
        const sent = input === undefined ? request : withInput(request, input);
        return (await handle(sent)).response;
      },
      later: (delivery) => this.#deliveries.push(delivery),
    });
    return { response };
  }
}

function inputText({ body }: HttpRequest): string {
  return typeof body === 'string' ? body : new TextDecoder().decode(body);
}

/** Keeps the signature, which DynamoDB Local does not look at. */
function withInput(request: HttpRequest, input: Input): HttpRequest {
  const body = JSON.stringify(input);
  const headers = { ...request.headers, 'content-length': String(Buffer.byteLength(body)) };
  return Object.assign(Object.create(Object.getPrototypeOf(request)), request, { headers, body });
}

/** A reply in DynamoDB's JSON protocol, for the SDK to parse. */
export function reply(statusCode: number, body: string): HttpReply {
  const headers = {
    'content-type': 'application/x-amz-json-1.0',
    'content-length': String(Buffer.byteLength(body)),
  };
  return { statusCode, headers, body: Readable.from([Buffer.from(body)]) };
}

function errorReply(statusCode: number, type: string, extra: Input = {}): HttpReply {
  const __type = `com.amazonaws.dynamodb.v20120810#${type}`;
  return reply(statusCode, JSON.stringify({ __type, message: `injected ${type}`, ...extra }));
}

/** What the SDK's handler rejects with when a connection breaks. */
function connectionLost(): Error {
  return Object.assign(new Error('injected: socket hang up'), {
    name: 'TimeoutError',
    code: 'ECONNRESET',
  });
}

/** Reads the reply to its end, which frees its connection. */
async function applied(attempt: Attempt, input?: Input): Promise<string> {
  return text((await attempt.send(input)).body);
}

export const dropped: Fault = async () => {
  throw connectionLost();
};

export const responseDropped: Fault = async (attempt) => {
  await applied(attempt);
  throw connectionLost();
};

export const delayed: Fault = async (attempt) => {
  const response = await attempt.send();
  await sleep(20);
  return response;
};

/** Reaches DynamoDB when the client has long given it up. */
export const deliveredTooLate: Fault = async (attempt) => {
  attempt.later(() => applied(attempt));
  throw connectionLost();
};

/** The second copy comes at once; its reply is the one that arrives. */
export const deliveredTwice: Fault = async (attempt) => {
  await applied(attempt);
  return attempt.send();
};

/** The second copy comes after the call has ended. */
export const deliveredAgainLater: Fault = async (attempt) => {
  attempt.later(() => applied(attempt));
  return attempt.send();
};

export const internalErrorBefore: Fault = async () => errorReply(500, 'InternalServerError');

export const internalErrorAfter: Fault = async (attempt) => {
  await applied(attempt);
  return errorReply(500, 'InternalServerError');
};

/** `ThrottlingException`, `AccessDeniedException`, … */
export function refused(type: string): Fault {
  return async () => errorReply(400, type);
}

function actionsOf({ input }: Attempt): readonly unknown[] {
  return input.TransactItems as unknown[];
}

/** A cancelled transaction: the code for one action, by position from the end, the others innocent. */
export function cancelled(code: string, slotFromEnd: number): Fault {
  return async (attempt) => {
    const { target = actionsOf(attempt) } = attempt;
    const guilty = target[Math.max(0, target.length - 1 - slotFromEnd)];
    const reasons = actionsOf(attempt).map((action) =>
      action === guilty ? { Code: code, Message: 'injected' } : { Code: 'None' },
    );
    return errorReply(400, 'TransactionCanceledException', { CancellationReasons: reasons });
  };
}

/**
 * Another node writes just the same a moment earlier, so that every condition fails. DynamoDB Local
 * itself makes the reply.
 */
export const allConditionsFailed: Fault = async (attempt) => {
  const { input, target: TransactItems = actionsOf(attempt) } = attempt;
  await applied(attempt, { ...input, TransactItems, ClientRequestToken: crypto.randomUUID() });
  return attempt.send();
};

/** The same, and the reply does not bring the row that was in the way. */
export const allConditionsFailedWithoutItem: Fault = async (attempt) => {
  const response = await allConditionsFailed(attempt);
  const body = JSON.parse(await text(response.body)) as {
    CancellationReasons?: { Item?: unknown }[];
  };
  for (const reason of body.CancellationReasons ?? []) delete reason.Item;
  return reply(response.statusCode, JSON.stringify(body));
};

/** The answer from before the row was written, to those reads that allow it. */
export const staleGet: Fault = async (attempt) =>
  attempt.input.ConsistentRead === true ? attempt.send() : reply(200, '{}');

/** A page all of whose items have gone when it arrives. */
export function stalePage(takeItems: (items: readonly string[]) => Promise<void>): Fault {
  return async (attempt) => {
    const { statusCode, body } = await attempt.send();
    const page = await text(body);
    const { Items: rows = [] } = JSON.parse(page) as { Items?: { item: { S: string } }[] };
    await takeItems(rows.map(({ item }) => item.S));
    return reply(statusCode, page);
  };
}

/** `BatchGetItem` may leave out whatever it has no time or no capacity for. */
export const answeredInPart: Fault = async (attempt) => {
  const { statusCode, body } = await attempt.send();
  const { Responses } = JSON.parse(await text(body)) as { Responses: Record<string, unknown[]> };
  const nothing = Object.fromEntries(Object.keys(Responses).map((table) => [table, []]));
  const UnprocessedKeys = attempt.input.RequestItems;
  return reply(statusCode, JSON.stringify({ Responses: nothing, UnprocessedKeys }));
};

const EMPTY_STRETCH = 'an empty stretch of the table';

/** In front of the page, one of a stretch without rows: empty, and not the last. */
export const emptyPage: Fault = async (attempt) => {
  const { ExclusiveStartKey: startKey, ...fromHead } = attempt.input as {
    ExclusiveStartKey?: { item: { S: string } };
  };
  const key = startKey?.item.S ?? '';
  if (key.startsWith(EMPTY_STRETCH)) {
    const behind = key.slice(EMPTY_STRETCH.length);
    return attempt.send(
      behind === '' ? fromHead : { ...fromHead, ExclusiveStartKey: { item: { S: behind } } },
    );
  }
  const LastEvaluatedKey = { item: { S: EMPTY_STRETCH + key } };
  return reply(200, JSON.stringify({ Items: [], Count: 0, ScannedCount: 0, LastEvaluatedKey }));
};

/** The request is applied, and this arrives of its reply, with status 200. */
export function malformed(change: (body: string) => string): Fault {
  return async (attempt) => reply(200, change(await applied(attempt)));
}
