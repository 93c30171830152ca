import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import { assertOption, hasMethods } from '../validation.js';

/**
 * What this package uses of a `DynamoDBDocumentClient`, so that its types do not need the package
 * `@aws-sdk/lib-dynamodb`. A document client sends the same commands as a `DynamoDBClient`.
 */
export interface DocumentClientLike {
  readonly config: DynamoDBClient['config'];
  send(...args: never[]): unknown;
}

/** A client of one's own, the configuration for one, or neither for the shared default client. */
export type ClientOptions =
  | {
      /** Used as it is, never destroyed. Give it timeouts: the SDK waits forever by default. */
      readonly client?: DynamoDBClient | DocumentClientLike | undefined;
      readonly clientConfig?: undefined;
    }
  | {
      readonly client?: undefined;
      /** Laid over {@link DEFAULT_CLIENT_CONFIG}; a `requestHandler` replaces all of its timeouts. */
      readonly clientConfig?: DynamoDBClientConfig | undefined;
    };

/**
 * At 5 ms a request many more than one process can send, and at 150 ms still 800 a second. Each has to
 * be opened first, which is what the slowest calls of a rush wait for.
 */
const MAX_SOCKETS = 128;

/**
 * A peer that cannot be reached is given up, 3 attempts included, within 10 seconds; one that falls
 * silent after 16; one that stalls in the middle of its responses after 31. The timeouts measure the
 * network alone: this package sends no more requests at once than there are sockets, and what waits
 * for one waits in its own queue. See "NodeHttpHandlerOptions" in the SDK's documentation.
 */
export const DEFAULT_CLIENT_CONFIG = {
  maxAttempts: 3,
  requestHandler: {
    /** Until the connection stands. */
    connectionTimeout: 3_000,
    /** Until the response begins, connecting included. */
    requestTimeout: 5_000,
    throwOnRequestTimeout: true,
    /** Between two pieces of the response: a stalled body trips this one. */
    socketTimeout: 5_000,
    httpsAgent: { maxSockets: MAX_SOCKETS },
    httpAgent: { maxSockets: MAX_SOCKETS },
  },
} as const satisfies DynamoDBClientConfig;

/** What the package needs of a client. */
export type SendingClient = DynamoDBClient;

let defaultClient: SendingClient | undefined;

export function resolveClient(options: ClientOptions = {}): SendingClient {
  const { client, clientConfig } = options;
  assertOption(
    client === undefined || clientConfig === undefined,
    'client',
    'absent when `clientConfig` is given',
    client,
    'Pass one of the two: a client that you made, or the configuration for one.',
  );
  if (client !== undefined) {
    assertOption(
      hasMethods(client, 'send') && hasMethods(client.config, 'region'),
      'client',
      'a DynamoDBClient or DynamoDBDocumentClient of the AWS SDK, version 3',
      client,
      'Make one with new DynamoDBClient({ … }) from "@aws-sdk/client-dynamodb".',
    );
    return client as SendingClient;
  }
  if (clientConfig !== undefined) {
    assertOption(
      typeof clientConfig === 'object' && clientConfig !== null,
      'clientConfig',
      'a DynamoDBClientConfig object',
      clientConfig,
      'Pass what you would pass to new DynamoDBClient().',
    );
    return new DynamoDBClient({ ...DEFAULT_CLIENT_CONFIG, ...clientConfig });
  }
  defaultClient ??= new DynamoDBClient(DEFAULT_CLIENT_CONFIG);
  return defaultClient;
}

/** Where a client's requests go. Two clients with one place can write in one transaction. */
export async function placeOf(client: SendingClient): Promise<string> {
  const region = await client.config.region();
  return `${region} (${await endpointOf(client)})`;
}

export async function endpointOf(client: SendingClient): Promise<string> {
  if (client.config.endpoint === undefined) {
    // The SDK reads these at its first request; both clients of a process read the same.
    const { AWS_ENDPOINT_URL_DYNAMODB, AWS_ENDPOINT_URL } = process.env;
    const configured = AWS_ENDPOINT_URL_DYNAMODB ?? AWS_ENDPOINT_URL;
    return configured === undefined ? "the Region's endpoint" : new URL(configured).href;
  }
  const { protocol, hostname, port, path } = await client.config.endpoint();
  return new URL(`${protocol}//${hostname}${port === undefined ? '' : `:${port}`}${path}`).href;
}
