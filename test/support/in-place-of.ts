// A server in front of DynamoDB Local, for the answers that it never gives by itself.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { inject, onTestFinished } from 'vitest';

type Answer = (
  operation: string,
  input: {
    readonly TableName?: string;
    readonly Limit?: number;
    readonly ConsistentRead?: boolean;
    readonly TransactItems?: Record<string, unknown>[];
  },
) => unknown;

/** DynamoDB Local, but for what is answered in its place: an error's name, or a reply. */
export async function inPlaceOf(
  answer: Answer,
  headers: Record<string, string> = {},
): Promise<string> {
  const server = createServer(async (request: IncomingMessage, response: ServerResponse) => {
    const body = await buffer(request);
    const operation = String(request.headers['x-amz-target']).split('.')[1] ?? '';
    const replaced = answer(operation, JSON.parse(body.toString()));
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    response.setHeader('content-type', 'application/x-amz-json-1.0');
    if (typeof replaced === 'string') {
      const __type = `com.amazonaws.dynamodb.v20120810#${replaced}`;
      response.writeHead(400).end(JSON.stringify({ __type, message: `injected ${replaced}` }));
    } else if (replaced !== undefined) {
      response.end(JSON.stringify(replaced));
    } else {
      const { host: _, connection: __, ...passedOn } = request.headers;
      const reply = await fetch(inject('dynamoDbEndpoint'), {
        method: 'POST',
        headers: passedOn as Record<string, string>,
        body,
      });
      response.writeHead(reply.status).end(Buffer.from(await reply.arrayBuffer()));
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
