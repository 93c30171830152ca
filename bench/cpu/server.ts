// A stand-in for DynamoDB that answers every request at once, in a process of its own.
import type { RequestListener } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { SERVER_TLS } from './tls.js';

/** How many requests came, by DynamoDB operation. */
export type RequestCounts = Record<string, number>;

const counts: RequestCounts = {};
let items = 0;

const answer: RequestListener = (request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const operation = String(request.headers['x-amz-target']).split('.')[1] ?? '';
    counts[operation] = (counts[operation] ?? 0) + 1;
    const body = JSON.stringify(replyTo(operation, Buffer.concat(chunks)));
    response.writeHead(200, {
      'content-type': 'application/x-amz-json-1.0',
      'content-length': Buffer.byteLength(body),
      'x-amzn-requestid': 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEFGHIJKLMNOPQRST',
      'x-amz-crc32': '2745614147',
    });
    response.end(body);
  });
};

/** No ID has an item, every page is full of new items, every transaction succeeds. */
function replyTo(operation: string, body: Buffer): object {
  switch (operation) {
    case 'Scan': {
      const { Limit } = JSON.parse(body.toString()) as { Limit: number };
      const rows = Array.from({ length: Limit }, () => ({ item: { S: newItem() } }));
      const size = { Count: rows.length, ScannedCount: rows.length };
      return { ...size, Items: rows, LastEvaluatedKey: rows.at(-1) };
    }
    case 'TransactGetItems': {
      const { TransactItems } = JSON.parse(body.toString()) as { TransactItems: unknown[] };
      return { Responses: TransactItems.map(() => ({})) };
    }
    default:
      return {};
  }
}

function newItem(): string {
  return `VOUCHER-${String(items++).padStart(10, '0')}`;
}

const server = createServer(SERVER_TLS, answer);
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => {
  process.send?.((server.address() as AddressInfo).port);
});

// Any message asks for the counts since the last one.
process.on('message', () => {
  process.send?.({ ...counts });
  for (const operation of Object.keys(counts)) delete counts[operation];
});
// The measuring process has ended, however it ended.
process.on('disconnect', () => process.exit());
