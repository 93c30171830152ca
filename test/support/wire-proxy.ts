// A TCP proxy in front of DynamoDB that does to single requests what networks do.
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Before the request is passed on: `reset`, `half-close` (the peer says goodbye and listens on) and
 * `black hole` (it takes the request and says nothing). After DynamoDB answered it: `late reset`,
 * `truncated head`, `truncated body`, and `stall` (half of the body, then silence).
 */
export const WIRE_FAULTS = [
  'reset',
  'late reset',
  'half-close',
  'truncated head',
  'truncated body',
  'stall',
  'black hole',
] as const;

/** A `late stall` begins when the default client is about to give up waiting for the reply. */
export type WireFault = (typeof WIRE_FAULTS)[number] | 'late stall';

/** What becomes of the `nth` request for an operation (from 1); `null`: nothing special. */
export type WirePlan = (operation: string, nth: number) => WireFault | null;

const FAITHFUL: WirePlan = () => null;
const LATE_MS = 4_000;
const END_OF_HEAD = '\r\n\r\n';

export class WireProxy {
  readonly #server: Server;
  readonly #target: URL;
  readonly #sockets = new Set<Socket>();
  readonly #requests = new Map<string, number>();
  #plan = FAITHFUL;
  #faults = 0;

  private constructor(server: Server, target: URL) {
    this.#server = server;
    this.#target = target;
    server.on('connection', (client) => this.#serve(client));
  }

  /** Starts one on a free port. */
  static async inFrontOf(endpoint: string): Promise<WireProxy> {
    const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new WireProxy(server, new URL(endpoint));
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** How many requests met a fault since it was put in. */
  get faults(): number {
    return this.#faults;
  }

  /** Counts the requests from here on. */
  inject(plan: WirePlan): void {
    this.#requests.clear();
    this.#faults = 0;
    this.#plan = plan;
  }

  heal(): void {
    this.inject(FAITHFUL);
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #serve(client: Socket): void {
    this.#watch(client);
    let received: Buffer = Buffer.alloc(0);
    client.on('end', () => client.end());
    client.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      const length = messageLength(received);
      if (length === null) return;
      const request = received.subarray(0, length);
      received = received.subarray(length);
      // A connection that breaks on the way to DynamoDB breaks on the way back.
      this.#answer(client, request).catch(() => client.destroy());
    });
  }

  async #answer(client: Socket, request: Buffer): Promise<void> {
    const fault = this.#nextFault(request);
    if (fault === 'black hole') return;
    if (fault === 'reset') {
      client.resetAndDestroy();
      return;
    }
    if (fault === 'half-close') {
      client.end();
      return;
    }
    const response = await this.#exchange(request);
    if (fault === 'late stall') await sleep(LATE_MS);
    answer(client, response, fault);
  }

  #nextFault(request: Buffer): WireFault | null {
    const [, operation = ''] = /x-amz-target: \w+\.(\w+)/i.exec(request.toString('latin1')) ?? [];
    const nth = (this.#requests.get(operation) ?? 0) + 1;
    this.#requests.set(operation, nth);
    const fault = this.#plan(operation, nth);
    if (fault !== null) this.#faults++;
    return fault;
  }

  async #exchange(request: Buffer): Promise<Buffer> {
    const upstream = connect(Number(this.#target.port), this.#target.hostname);
    this.#watch(upstream);
    upstream.write(request);
    let response: Buffer = Buffer.alloc(0);
    for await (const chunk of upstream) {
      response = Buffer.concat([response, chunk as Buffer]);
      if (messageLength(response) === response.length) return response;
    }
    throw new Error('DynamoDB closed the connection in the middle of its response.');
  }

  #watch(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.#sockets.delete(socket));
  }
}

function answer(client: Socket, response: Buffer, fault: WireFault | null): void {
  const headLength = response.indexOf(END_OF_HEAD) + END_OF_HEAD.length;
  const half = headLength + Math.floor((response.length - headLength) / 2);
  switch (fault) {
    case 'late reset':
      client.resetAndDestroy();
      break;
    case 'truncated head':
      client.end(response.subarray(0, Math.floor(headLength / 2)));
      break;
    case 'truncated body':
      client.end(response.subarray(0, half));
      break;
    case 'stall':
    case 'late stall':
      client.write(response.subarray(0, half));
      break;
    default:
      client.write(response);
  }
}

/** Of the first HTTP message in the buffer; `null` while it is incomplete. */
function messageLength(buffer: Buffer): number | null {
  const endOfHead = buffer.indexOf(END_OF_HEAD);
  if (endOfHead === -1) return null;
  const head = buffer.toString('latin1', 0, endOfHead);
  const [, bodyLength] = /content-length: (\d+)/i.exec(head) ?? [];
  if (bodyLength === undefined) throw new Error(`A message without a length: ${head}`);
  const length = endOfHead + END_OF_HEAD.length + Number(bodyLength);
  return buffer.length < length ? null : length;
}
