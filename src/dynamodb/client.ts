import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import { assertOption, hasMethods } from '../contracts/validation.js';

/**
 * What this package uses of a `DynamoDBDocumentClient`, so that its types do not need the package
 * `@aws-sdk/lib-dynamodb`. A document client sends the same commands as a `DynamoDBClient`.
 */
export interface DocumentClientLike {
  readonly config: DynamoDBClient['config'];
  send(...args: never[]): unknown;
}

/** Your own client, the configuration for one, or neither for the shared default client. */
export type ClientOptions =
  | {
      /** Used as it is, never destroyed. Give it timeouts: the SDK waits forever by default. */
      readonly client?: DynamoDBClient | DocumentClientLike | undefined;
      readonly clientConfig?: undefined;
    }
  | {
      readonly client?: undefined;
      /** Overrides parts of {@link DEFAULT_CLIENT_CONFIG}; a `requestHandler` replaces all timeouts. */
      readonly clientConfig?: DynamoDBClientConfig | undefined;
    };

/**
 * At 5 ms per request, far more than one process can use; at 150 ms still 800 requests a second. More
 * sockets would make a rush slower at its start, because each one has to be opened first.
 */
const MAX_SOCKETS = 128;

/**
 * A request gives up, 3 attempts included, within 10 seconds if the server cannot be reached, after 16 if
 * it does not answer, and after 31 if it stalls in the middle of its responses. The timeouts measure only
 * the network: this package sends no more requests at once than there are sockets, and further requests
 * wait in a queue of its own. See "NodeHttpHandlerOptions" in the SDK's documentation.
 */
export const DEFAULT_CLIENT_CONFIG = {
  maxAttempts: 3,
  requestHandler: {
    /** Until the connection is established. */
    connectionTimeout: 3_000,
    /** Until the response begins, connecting included. */
    requestTimeout: 5_000,
    throwOnRequestTimeout: true,
    /** Between two pieces of the response: ends a request whose response body stalls. */
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

/** Where a client's requests go. Two clients with the same place can share a transaction. */
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
