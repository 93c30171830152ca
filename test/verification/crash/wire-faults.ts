// A wire in front of a server that damages a share of the requests that go over it.
//
//   reset      the connection is reset before the request reaches the server
//   cut head   the request is served; the response breaks off in the middle of its head
//   cut body   the same, in the middle of its body
//   stall      the request reaches the server late, maybe after the death of who sent it
//   swallow    the request is served; the connection is reset late, without a byte of the response
//   abandon    the connection ends on both sides as soon as the server has the request
//   cut off    the same in the middle of the request
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { pick, type Random } from '../seeded-random.js';

const MAX_STALL_MS = 300;
const MAX_DRAIN_MS = 30_000;
const HEAD_END = '\r\n\r\n';

export type WireFault =
  | 'reset'
  | 'cut head'
  | 'cut body'
  | 'stall'
  | 'swallow'
  | 'abandon'
  | 'cut off';

/** What the wire has to know of what goes over it. */
export interface WireProtocol {
  readonly faults: readonly WireFault[];
  /** @param requestsBefore on this connection */
  isWholeRequest(received: Buffer, requestsBefore: number): boolean;
  /** Whether it carries several claims. */
  isGroup(request: Buffer): boolean;
  /** Of the response; `undefined` if it has no end here. */
  headLengthBytes(response: Buffer): number | undefined;
}

/** As DynamoDB speaks it. */
const http: WireProtocol = {
  faults: ['reset', 'cut head', 'cut body', 'stall'],
  isWholeRequest: (received) => received.length >= (messageLengthBytes(received) ?? Infinity),
  isGroup: (request) => {
    const text = request.toString('latin1');
    return text.includes('TransactWriteItems') && text.split('"Delete":').length > 2;
  },
  headLengthBytes,
};

export interface FaultyWire {
  /** Where to send requests. */
  readonly endpoint: string;
  readonly port: number;
  readonly counts: Readonly<WireCounts>;
  /** Closes the way in and waits until the server is done with every request that got through. */
  drain(): Promise<void>;
}

export interface WireCounts {
  requests: number;
  /** Transactions of several claims. */
  groups: number;
  faults: number;
}

interface Wire {
  readonly target: { readonly host: string; readonly port: number };
  readonly protocol: WireProtocol;
  readonly faultShare: number;
  readonly random: Random;
  readonly counts: WireCounts;
  readonly clients: Set<Socket>;
  readonly servers: Set<Socket>;
}

export async function startFaultyWire(
  targetEndpoint: string,
  faultShare: number,
  random: Random,
  protocol: WireProtocol = http,
): Promise<FaultyWire> {
  const { hostname: host, port } = new URL(targetEndpoint);
  const counts = { requests: 0, groups: 0, faults: 0 };
  const wire: Wire = {
    target: { host, port: Number(port) },
    protocol,
    faultShare,
    random,
    counts,
    clients: new Set(),
    servers: new Set(),
  };
  const listener = createServer({ noDelay: true }, (client) => carry(client, wire));
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const drain = async () => {
    listener.close();
    for (const client of wire.clients) client.destroy();
    const deadlineMs = performance.now() + MAX_DRAIN_MS;
    while (wire.servers.size > 0) {
      if (performance.now() > deadlineMs) throw new Error('The server does not end its answers.');
      await sleep(10);
    }
  };
  const { port: ownPort } = listener.address() as AddressInfo;
  return { endpoint: `http://127.0.0.1:${ownPort}`, port: ownPort, counts, drain };
}

/** Carries the requests of one connection, one after the other. */
function carry(client: Socket, wire: Wire): void {
  const server = connect({ ...wire.target, noDelay: true });
  register(client, wire.clients);
  register(server, wire.servers);
  let received: Buffer = Buffer.alloc(0);
  let requests = 0;
  let cut: 'cut head' | 'cut body' | 'swallow' | undefined;
  let isBroken = false;
  let delivery: Promise<void> = Promise.resolve();

  client.on('data', (chunk) => {
    received = Buffer.concat([received, chunk]);
    const isWhole = wire.protocol.isWholeRequest(received, requests);
    if (!isWhole) return;
    const request = received;
    received = Buffer.alloc(0);
    requests++;
    delivery = deliver(request);
  });
  // What was sent before the client's death still reaches the server, and is served.
  client.on('close', () => void delivery.then(() => server.end()));
  server.on('data', (chunk) => {
    if (client.destroyed || isBroken) return;
    if (cut === undefined) {
      client.write(chunk);
      return;
    }
    isBroken = true;
    if (cut === 'swallow') void resetLate();
    else breakOff(client, chunk.subarray(0, cutPosition(chunk, cut, wire)), wire.random);
  });
  server.on('close', () => client.destroy());

  async function deliver(request: Buffer): Promise<void> {
    const fault = drawFault(wire);
    if (wire.protocol.isGroup(request)) wire.counts.groups++;
    switch (fault) {
      case 'reset':
        client.resetAndDestroy();
        return;
      case 'stall':
        await sleep(wire.random() * MAX_STALL_MS);
        break;
      case 'abandon':
        server.write(request, () => client.resetAndDestroy());
        return;
      case 'cut off':
        server.write(request.subarray(0, Math.floor(wire.random() * request.length)), () =>
          client.resetAndDestroy(),
        );
        return;
      default:
        cut = fault;
    }
    server.write(request);
  }

  async function resetLate(): Promise<void> {
    await sleep(wire.random() * MAX_STALL_MS);
    client.resetAndDestroy();
  }
}

function register(socket: Socket, sockets: Set<Socket>): void {
  sockets.add(socket);
  socket.once('close', () => sockets.delete(socket));
  // "close" follows, and says all there is to say.
  socket.on('error', () => {});
}

function drawFault({ counts, faultShare, protocol, random }: Wire): WireFault | undefined {
  counts.requests++;
  if (random() >= faultShare) return undefined;
  counts.faults++;
  return pick(protocol.faults, random);
}

/** `undefined` while the head is incomplete. */
function messageLengthBytes(message: Buffer): number | undefined {
  const headBytes = headLengthBytes(message);
  if (headBytes === undefined) return undefined;
  const head = message.toString('latin1', 0, headBytes);
  return headBytes + Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
}

function headLengthBytes(message: Buffer): number | undefined {
  const position = message.indexOf(HEAD_END);
  return position === -1 ? undefined : position + HEAD_END.length;
}

function cutPosition(
  response: Buffer,
  cut: 'cut head' | 'cut body',
  { protocol, random }: Wire,
): number {
  const headBytes = protocol.headLengthBytes(response) ?? response.length;
  if (cut === 'cut head') return Math.floor(random() * headBytes);
  return headBytes + Math.floor(random() * (response.length - headBytes));
}

/** Breaks the connection off after the bytes, with a reset or with an orderly end. */
function breakOff(client: Socket, bytes: Buffer, random: Random): void {
  const isReset = random() < 0.5;
  if (isReset) client.write(bytes, () => client.resetAndDestroy());
  else client.end(bytes);
}
