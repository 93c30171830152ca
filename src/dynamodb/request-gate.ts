// Sends no more requests at once than the client has sockets. What the SDK is given beyond that waits
// in the queue of the HTTP agent, where the client's timeouts run already: a busy server would look
// like one that cannot be reached.
import type { Agent } from 'node:http';
import { Gate } from '../gate.js';
import type { Patience } from '../patience.js';
import { endpointOf, type SendingClient } from './client.js';

/** See "Reusing connections with keep-alive in Node.js" in the SDK's Developer Guide. */
const DEFAULT_MAX_SOCKETS = 50;

/**
 * Sends a request as soon as the client has a free socket for it: first come, first served.
 *
 * @throws ContentionError or the signal's reason when the patience ends before the request is sent
 */
export function sendThroughGate<Output>(
  client: SendingClient,
  patience: Patience,
  send: () => Promise<Output>,
): Promise<Output> {
  const gate = gateOf(client);
  return gate === null ? send() : gate.pass(() => patience, send);
}

/** By the handler that holds the sockets: a client and the document client made from it share one. */
const gates = new WeakMap<object, Gate>();

/** `null` for a client whose transport does not tell of sockets: HTTP/2, fetch, test doubles. */
function gateOf(client: SendingClient): Gate | null {
  const handler = client.config.requestHandler as object | undefined;
  if (!isSocketHandler(handler)) return null;
  let gate = gates.get(handler);
  if (gate === undefined) {
    gate = new Gate(maxSocketsOf(client, handler), 'All sockets of the client were in use.');
    gates.set(handler, gate);
  }
  return gate;
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
