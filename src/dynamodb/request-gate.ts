// Sends no more requests at once than the client has sockets. What the SDK is given beyond that waits
// in the queue of the HTTP agent, where the client's timeouts run already: a busy server would look
// like one that cannot be reached.
import type { Agent } from 'node:http';
import type { Patience } from '../patience.js';
import { runtime } from '../runtime.js';
import { endpointOf, type SendingClient } from './client.js';
import { Queue } from './queue.js';

/** See "Reusing connections with keep-alive in Node.js" in the SDK's Developer Guide. */
const DEFAULT_MAX_SOCKETS = 50;

/** How long a call may overstay in the queue once its patience is over. */
const SWEEP_INTERVAL_MS = 250;

/**
 * Sends a request as soon as the client has a free socket for it: first come, first served.
 *
 * @throws ContentionError or the signal's reason when the patience ends before the request is sent
 */
export async function sendThroughGate<Output>(
  client: SendingClient,
  patience: Patience,
  send: () => Promise<Output>,
): Promise<Output> {
  const gate = gateOf(client);
  if (gate === null) return send();
  if (!gate.enterAtOnce()) await gate.enter(patience);
  try {
    return await send();
  } finally {
    gate.leave();
  }
}

/** By the handler that holds the sockets: a client and the document client made from it share one. */
const gates = new WeakMap<object, RequestGate>();

/** `null` for a client whose transport does not tell of sockets: HTTP/2, fetch, test doubles. */
function gateOf(client: SendingClient): RequestGate | null {
  const handler = client.config.requestHandler as object | undefined;
  if (!isSocketHandler(handler)) return null;
  let gate = gates.get(handler);
  if (gate === undefined) {
    gate = new RequestGate(maxSocketsOf(client, handler));
    gates.set(handler, gate);
  }
  return gate;
}

class RequestGate {
  /** Nothing is sent before it is known, which takes a moment and no I/O. */
  #limit: number | null = null;
  #underWay = 0;
  readonly #queue = new Queue<Waiting>();
  #isSweeping = false;

  constructor(limit: Promise<number>) {
    void limit.then((known) => {
      this.#limit = known;
      this.#admit();
      void this.#sweep();
    });
  }

  enterAtOnce(): boolean {
    if (this.#limit === null || this.#underWay >= this.#limit) return false;
    this.#underWay++;
    return true;
  }

  enter(patience: Patience): Promise<void> {
    const turn = new Promise<void>((resolve, reject) => {
      this.#queue.add({ patience, resolve, reject });
    });
    if (this.#limit !== null) void this.#sweep();
    return turn;
  }

  leave(): void {
    this.#underWay--;
    this.#admit();
  }

  #admit(): void {
    while (this.#underWay < (this.#limit ?? 0)) {
      const waiting = this.#queue.take();
      if (waiting === undefined) return;
      if (turnAwayIfSpent(waiting)) continue;
      this.#underWay++;
      waiting.resolve();
    }
  }

  /** One timer for all who wait, and only while somebody does. */
  async #sweep(): Promise<void> {
    if (this.#isSweeping) return;
    this.#isSweeping = true;
    while (this.#queue.size > 0) {
      await runtime.sleep(SWEEP_INTERVAL_MS);
      this.#queue.takeWhere(turnAwayIfSpent);
    }
    this.#isSweeping = false;
  }
}

interface Waiting {
  readonly patience: Patience;
  resolve(): void;
  reject(error: unknown): void;
}

const QUEUED = { cause: new Error('All sockets of the client were in use.') };

function turnAwayIfSpent({ patience, reject }: Waiting): boolean {
  try {
    patience.assertLeft(QUEUED);
    return false;
  } catch (error) {
    reject(error);
    return true;
  }
}

/** What `NodeHttpHandler` of the SDK, and whatever is made like it, tells of its sockets. */
interface SocketHandler {
  httpHandlerConfigs(): HandlerConfig;
  /** Not declared, but there from the start: `httpHandlerConfigs` tells nothing before a request. */
  readonly configProvider?: Promise<HandlerConfig>;
}

interface HandlerConfig {
  readonly httpsAgent?: Agent;
  readonly httpAgent?: Agent;
  /** Of newer versions, which make the agent for plain HTTP when it is needed. */
  httpAgentProvider?(): Promise<Agent>;
}

function isSocketHandler(handler: object | undefined): handler is SocketHandler {
  const { httpHandlerConfigs, metadata } = (handler ?? {}) as {
    readonly httpHandlerConfigs?: unknown;
    readonly metadata?: { readonly handlerProtocol?: string };
  };
  return typeof httpHandlerConfigs === 'function' && metadata?.handlerProtocol === 'http/1.1';
}

/** Never rejects: what is wrong with a configuration is told by the request that needs it. */
async function maxSocketsOf(client: SendingClient, handler: SocketHandler): Promise<number> {
  try {
    const config = (await handler.configProvider) ?? handler.httpHandlerConfigs();
    const isPlain = (await endpointOf(client)).startsWith('http:');
    const agent = isPlain
      ? (config.httpAgent ?? (await config.httpAgentProvider?.()))
      : config.httpsAgent;
    const { maxSockets, maxTotalSockets } = agent ?? { maxSockets: DEFAULT_MAX_SOCKETS };
    return Math.min(maxSockets, maxTotalSockets ?? Number.POSITIVE_INFINITY);
  } catch {
    return DEFAULT_MAX_SOCKETS;
  }
}
