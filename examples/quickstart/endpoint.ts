// Which DynamoDB the tests and examples talk to.
import { type DynamoDbLocal, startDynamoDbLocal } from './dynamodb-local.js';

const ALLOW_REMOTE_VARIABLE = 'STORAGE_BOX_TEST_ALLOW_REMOTE_ENDPOINT';

/** The server named by `AWS_ENDPOINT_URL_DYNAMODB`, else one of our own. */
export async function useDynamoDb(): Promise<DynamoDbLocal> {
  const endpoint = process.env.AWS_ENDPOINT_URL_DYNAMODB;
  if (endpoint === undefined || endpoint === '') return startDynamoDbLocal();
  refuseRemote(endpoint);
  return { endpoint, stop: async () => {} };
}

/** Tests make, fill and delete tables: never where somebody's data may be, unless told to. */
export function refuseRemote(endpoint: string): void {
  if (isLocal(endpoint) || process.env[ALLOW_REMOTE_VARIABLE] === 'yes') return;
  throw new Error(
    `AWS_ENDPOINT_URL_DYNAMODB is ${endpoint}, which is not this machine. Point it at a local ` +
      `server, unset it to have one started, or set ${ALLOW_REMOTE_VARIABLE}=yes to make and ` +
      'delete tables there at your expense.',
  );
}

export function isLocal(endpoint: string): boolean {
  const { hostname } = new URL(endpoint);
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname);
}
