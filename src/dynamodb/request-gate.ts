// Sends no more requests at once than the client has sockets. Further ones would wait in the queue of the
// HTTP agent, where the client's timeouts already run: a busy server would look like an unreachable one.
import type { Agent } from 'node:http';
import { Gate } from '../store-kit/gate.js';
import type { Patience } from '../store-kit/patience.js';
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

/** Keyed by the handler that holds the sockets: a client and its document client share one handler. */
const gates = new WeakMap<object, Gate>();

/** `null` for a client whose transport does not expose its sockets: HTTP/2, fetch, test doubles. */
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

/** How the SDK's `NodeHttpHandler`, and handlers like it, expose their sockets. */
interface SocketHandler {
  httpHandlerConfigs(): HandlerConfig;
  /** Missing in its types, but set from the start; `httpHandlerConfigs` returns nothing before a request. */
  readonly configProvider?: Promise<HandlerConfig>;
}

interface HandlerConfig {
  readonly httpsAgent?: Agent;
  readonly httpAgent?: Agent;
  /** In newer versions, which create the agent for plain HTTP only when it is needed. */
  httpAgentProvider?(): Promise<Agent>;
}

function isSocketHandler(handler: object | undefined): handler is SocketHandler {
  const { httpHandlerConfigs, metadata } = (handler ?? {}) as {
    readonly httpHandlerConfigs?: unknown;
    readonly metadata?: { readonly handlerProtocol?: string };
  };
  return typeof httpHandlerConfigs === 'function' && metadata?.handlerProtocol === 'http/1.1';
}

/** Never rejects: the request that needs the configuration reports what is wrong with it. */
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
