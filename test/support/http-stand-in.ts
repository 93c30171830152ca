// DynamoDB Local over HTTP, but for what is answered, changed or held back in its place.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { inject, onTestFinished } from 'vitest';

export interface Input {
  readonly TransactItems?: Record<string, unknown>[];
  readonly TableName?: string;
  readonly Limit?: number;
  readonly ConsistentRead?: boolean;
}

/**
 * What comes in place of DynamoDB's answer: an error's name, or a reply; `undefined` passes the request
 * on. The input may be changed before.
 */
type Answer = (operation: string, input: Input) => unknown;

/** Its endpoint, until the test has ended. */
export async function inPlaceOf(
  answer: Answer,
  headers: Record<string, string> = {},
): Promise<string> {
  const server = createServer((request, response) => {
    // A client that has gone away by then gets no answer.
    serve(answer, request, response, headers).catch(() => response.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function serve(
  answer: Answer,
  request: IncomingMessage,
  response: ServerResponse,
  headers: Record<string, string>,
): Promise<void> {
  const operation = String(request.headers['x-amz-target']).split('.')[1] ?? '';
  const input = JSON.parse((await buffer(request)).toString());
  const replaced = await answer(operation, input);
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  response.setHeader('content-type', 'application/x-amz-json-1.0');
  if (typeof replaced === 'string') {
    const __type = `com.amazonaws.dynamodb.v20120810#${replaced}`;
    response.writeHead(400).end(JSON.stringify({ __type, message: `injected ${replaced}` }));
  } else if (replaced !== undefined) {
    response.end(JSON.stringify(replaced));
  } else {
    const { host: _, connection: __, 'content-length': ___, ...passedOn } = request.headers;
    const reply = await fetch(inject('dynamoDbEndpoint'), {
      method: 'POST',
      headers: passedOn as Record<string, string>,
      body: JSON.stringify(input),
    });
    response.writeHead(reply.status).end(Buffer.from(await reply.arrayBuffer()));
  }
}
