// A server in place of DynamoDB that answers each request as it is told.
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ScriptedAnswer {
  readonly status: number;
  readonly body: string;
  readonly headers?: Record<string, string>;
}

/** `null` for no answer at all. The `nth` counts all requests, from 1. */
export type Script = (operation: string, nth: number) => Promise<ScriptedAnswer | null>;

export interface ScriptedServer {
  readonly endpoint: string;
  /** How many requests came. */
  requests(): number;
  /** How many were being answered at once, at most. */
  mostAtOnce(): number;
  stop(): Promise<void>;
}

export async function scriptedServer(script: Script): Promise<ScriptedServer> {
  let requests = 0;
  let underWay = 0;
  let mostAtOnce = 0;
  const server = createServer(async (request, response) => {
    const nth = ++requests;
    mostAtOnce = Math.max(mostAtOnce, ++underWay);
    response.on('close', () => underWay--);
    request.resume();
    await once(request, 'end');
    const operation = String(request.headers['x-amz-target']).split('.')[1] ?? '';
    const answer = await script(operation, nth);
    if (answer !== null) send(response, answer);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: () => requests,
    mostAtOnce: () => mostAtOnce,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function send(response: ServerResponse, { status, body, headers }: ScriptedAnswer): void {
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0', ...headers });
  response.end(body);
}
