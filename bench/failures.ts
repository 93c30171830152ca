// How long a call takes to fail when nothing can be sent, and what 1,000 calls at once come to when
// the server is slow: npx tsx bench/failures.ts
import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import {
  DEFAULT_CLIENT_CONFIG,
  DeduplicationDynamoDbRepository,
  ItemBankDynamoDbRepository,
} from 'storagebox';
import { scriptedServer } from '../test/support/scripted-server.js';
import {
  closedPort,
  expiredCertificate,
  fullBacklog,
  type UnreachablePeer,
  unresolvableName,
} from '../test/support/unreachable-peers.js';

const CALLS_AT_ONCE = 1_000;
const SLOW_ANSWER_MS = 600;

const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
const config = { ...DEFAULT_CLIENT_CONFIG, region: 'eu-west-1', credentials };

async function measure(name: string, change: DynamoDBClientConfig): Promise<void> {
  const client = new DynamoDBClient({ ...config, ...change });
  const bank = new ItemBankDynamoDbRepository({ tableName: 'bank', client });
  const startMs = performance.now();
  const error = await bank.addItemToBank('voucher').catch((reason: Error) => reason);
  const seconds = ((performance.now() - startMs) / 1_000).toFixed(1);
  console.log(`| ${name} | ${seconds} s | ${error?.name} |`);
  client.destroy();
}

async function measurePeer(name: string, start: () => Promise<UnreachablePeer>): Promise<void> {
  const peer = await start();
  await measure(name, { endpoint: peer.endpoint });
  await peer.stop();
}

async function measureRush(): Promise<void> {
  const server = await scriptedServer(async () => {
    await sleep(SLOW_ANSWER_MS);
    return { status: 200, body: '{}' };
  });
  const client = new DynamoDBClient({ ...config, endpoint: server.endpoint });
  const repository = new DeduplicationDynamoDbRepository({ tableName: 'assignments', client });
  const startMs = performance.now();
  const answers = await Promise.allSettled(
    Array.from({ length: CALLS_AT_ONCE }, (_, index) =>
      repository.getValueForDeduplicationId(`user-${index}`),
    ),
  );
  const seconds = ((performance.now() - startMs) / 1_000).toFixed(1);
  const errors = answers.filter(({ status }) => status === 'rejected') as PromiseRejectedResult[];
  console.log(
    `${CALLS_AT_ONCE} reads at once, ${SLOW_ANSWER_MS} ms an answer: ${errors.length} failed in ` +
      `${seconds} s, ${server.mostAtOnce()} requests at once at most, ${server.requests()} in all. ` +
      String(errors[0]?.reason ?? ''),
  );
  client.destroy();
  await server.stop();
}

process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';
process.env.AWS_CONFIG_FILE = '/dev/null';
console.log('| what is wrong | time to the error | error |\n|---|---|---|');
await Promise.all([
  measure('no Region', {
    region: async (): Promise<string> => Promise.reject(new Error('Region is missing')),
  }),
  measure('a credentials function that throws', {
    credentials: async () => Promise.reject(new Error('the vault is locked')),
  }),
  measurePeer('nobody listens', closedPort),
  measurePeer('the name does not resolve', unresolvableName),
  measurePeer('the certificate has expired', expiredCertificate),
  measurePeer('connecting takes too long', fullBacklog),
]);
await measureRush();
