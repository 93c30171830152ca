// What was never sent is no unknown outcome: real sockets, names and certificates, and the default client.
import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import {
  DEFAULT_CLIENT_CONFIG,
  DeduplicationDynamoDbRepository,
  Deduplicator,
  ItemBankDynamoDbRepository,
} from 'storagebox';
import { describe, expect, onTestFinished, test } from 'vitest';
import { SetItemBank } from '../../../support/custom-backend.js';
import {
  type Script,
  type ScriptedAnswer,
  scriptedServer,
} from '../../../support/scripted-server.js';
import {
  closedPort,
  EXPIRED_CERTIFICATE,
  expiredCertificate,
  unresolvableName,
} from '../../../support/unreachable-peers.js';
import { useVirtualTime } from '../../../support/virtual-time.js';

const CREDENTIALS = { accessKeyId: 'local', secretAccessKey: 'local' };

function clientWith(config: DynamoDBClientConfig): DynamoDBClient {
  const client = new DynamoDBClient({
    ...DEFAULT_CLIENT_CONFIG,
    region: 'eu-west-1',
    credentials: CREDENTIALS,
    ...config,
  });
  onTestFinished(() => client.destroy());
  return client;
}

function pairThrough(client: DynamoDBClient) {
  return {
    itemRepo: new ItemBankDynamoDbRepository({ tableName: 'bank', client }),
    deduplicationRepo: new DeduplicationDynamoDbRepository({ tableName: 'assignments', client }),
  };
}

/** The package itself waits through `sleptMs` alone: none of it means that it sent nothing again. */
async function failureOf(call: () => Promise<unknown>) {
  const { sleptMs } = useVirtualTime();
  const error = await call().then(
    () => {
      throw new Error('It succeeded.');
    },
    (reason: unknown) => reason,
  );
  return { error, sleptMs };
}

const withCertificateAuthority: DynamoDBClientConfig = {
  requestHandler: {
    ...DEFAULT_CLIENT_CONFIG.requestHandler,
    httpsAgent: { ca: EXPIRED_CERTIFICATE },
  },
};

const PEERS = [
  { name: 'that nobody listens at', start: closedPort, code: 'ECONNREFUSED', config: {} },
  { name: 'whose name does not resolve', start: unresolvableName, code: /^E/, config: {} },
  {
    name: 'with a certificate of its own making',
    start: expiredCertificate,
    code: /^DEPTH_ZERO_SELF_SIGNED_CERT$|^UNABLE_TO_VERIFY_LEAF_SIGNATURE$|^CERT_/,
    config: {},
  },
  {
    name: 'with an expired certificate',
    start: expiredCertificate,
    code: 'CERT_HAS_EXPIRED',
    config: withCertificateAuthority,
  },
] as const;

describe.each(PEERS)('an endpoint $name', ({ start, code, config }) => {
  async function setUp() {
    const peer = await start();
    onTestFinished(() => peer.stop());
    const pair = pairThrough(clientWith({ endpoint: peer.endpoint, ...config }));
    return { peer, ...pair };
  }

  const unreachable = {
    name: 'ServiceUnreachableError',
    code: 'STORAGEBOX_SERVICE_UNREACHABLE',
    message: expect.stringContaining('it wrote nothing'),
    cause: { code: typeof code === 'string' ? code : expect.stringMatching(code) },
  };

  test('ends an addition after the attempts of the SDK, and nothing was sent', async () => {
    const { peer, itemRepo } = await setUp();
    const { error, sleptMs } = await failureOf(() => itemRepo.addItemToBank('voucher'));
    expect(error).toMatchObject(unreachable);
    const { message, cause } = error as Error & { cause: Error };
    expect(message).toContain(cause.message.replace(/\.$/, ''));
    expect(sleptMs).toEqual([]);
    expect(peer.bytesReceived()).toBe(0);
  });

  test('ends a batch whose items are certainly not in', async () => {
    const { itemRepo } = await setUp();
    const { error } = await failureOf(() => itemRepo.batchAddItems(['voucher-1', 'voucher-2']));
    expect(error).toMatchObject({
      cause: unreachable,
      notAdded: ['voucher-1', 'voucher-2'],
      unconfirmed: [],
    });
  });

  test('ends a claim, a release and each way to look', async () => {
    const { itemRepo, deduplicationRepo } = await setUp();
    const deduplicator = new Deduplicator({ itemRepo, deduplicationRepo });
    const calls = [
      () => deduplicator.claim('user'),
      () => deduplicator.releaseItemForDeduplicationId('user'),
      () => itemRepo.countItems(),
      () => itemRepo.estimateItemCount(),
      () => deduplicationRepo.getAssignment('user'),
      () => deduplicationRepo.putDeduplicationId('user', 'voucher'),
    ];
    for (const call of calls) {
      const { error, sleptMs } = await failureOf(call);
      expect(error).toMatchObject(unreachable);
      expect(sleptMs).toEqual([]);
    }
  });
});

describe('a client that is not set up', () => {
  const locked = new Error('the vault is locked');
  const signedOut = Object.assign(new Error('The SSO session has expired.'), {
    name: 'CredentialsProviderError',
  });
  const noRegion = new Error('Region is missing');
  const CONFIGS: readonly [string, DynamoDBClientConfig, Error][] = [
    ['without a Region', { region: () => Promise.reject(noRegion) } as never, noRegion],
    ['whose credentials function throws', { credentials: () => Promise.reject(locked) }, locked],
    ['whose session expired', { credentials: () => Promise.reject(signedOut) }, signedOut],
  ];

  test.each(CONFIGS)(
    '%s throws that error at once, and nothing is in',
    async (_, config, cause) => {
      const { itemRepo, deduplicationRepo } = pairThrough(clientWith(config));
      const added = await failureOf(() => itemRepo.batchAddItems(['voucher']));
      expect(added.error).toMatchObject({ cause, notAdded: ['voucher'], unconfirmed: [] });
      expect(added.sleptMs).toEqual([]);

      const deduplicator = new Deduplicator({ itemRepo, deduplicationRepo, skipFirstRead: true });
      const claimed = await failureOf(() => deduplicator.claim('user'));
      expect(claimed.error).toBe(cause);
      expect(claimed.sleptMs).toEqual([]);
    },
  );
});

async function serve(script: Script) {
  const server = await scriptedServer(script);
  onTestFinished(() => server.stop());
  return server;
}

const NO_ITEM: ScriptedAnswer = { status: 200, body: '{}', headers: { connection: 'close' } };

test('a server that goes away after it may have got the request leaves the outcome unknown', async () => {
  const server = await serve(async () => {
    void server.stop();
    return null;
  });
  const { deduplicationRepo } = pairThrough(clientWith({ endpoint: server.endpoint }));
  const put = () => deduplicationRepo.putDeduplicationId('user', 'voucher');
  const { error } = await failureOf(put);
  expect(error).toMatchObject({
    code: 'STORAGEBOX_OUTCOME_UNKNOWN',
    cause: { code: 'ECONNREFUSED' },
  });
  expect(server.requests()).toBe(1);
});

describe('a refusal that does not come from DynamoDB', () => {
  const BODIES = {
    empty: '',
    HTML: '<html><body>Too much</body></html>',
    'JSON of its own': '{"message":"slow down"}',
    'JSON with a code of its own': '{"code":429,"message":"slow down"}',
  };
  const CASES = [408, 413, 429].flatMap((status) =>
    Object.entries(BODIES).map(([name, body]) => ({ status, name, body })),
  );

  // The SDK's own attempts take real time, and there are many until the patience is over.
  async function pairBehind(answer: ScriptedAnswer) {
    const { endpoint } = await serve(async () => answer);
    return pairThrough(clientWith({ endpoint, maxAttempts: 1 }));
  }

  test.each(CASES)('$status with a body that is $name proves nothing', async (answer) => {
    const { deduplicationRepo } = await pairBehind(answer);
    const { error } = await failureOf(() => deduplicationRepo.putDeduplicationId('user', 'item'));
    expect(error).toMatchObject({ code: 'STORAGEBOX_OUTCOME_UNKNOWN' });
  });

  test('leaves the items of a batch unconfirmed', async () => {
    const { itemRepo } = await pairBehind({ status: 429, body: '' });
    const { error } = await failureOf(() => itemRepo.batchAddItems(['voucher']));
    expect(error).toMatchObject({
      cause: { code: 'STORAGEBOX_OUTCOME_UNKNOWN' },
      notAdded: [],
      unconfirmed: ['voucher'],
    });
  });
});

describe('a claim in two steps whose assignment was never sent', () => {
  async function claimWith(client: DynamoDBClient) {
    const itemRepo = new SetItemBank();
    itemRepo.items.add('voucher');
    const { deduplicationRepo } = pairThrough(client);
    const deduplicator = new Deduplicator({ itemRepo, deduplicationRepo });
    const { error } = await failureOf(() => deduplicator.claim('user'));
    return { error, left: [...itemRepo.items] };
  }

  test('because the server went away puts its item back', async () => {
    const server = await serve(async () => {
      setImmediate(() => void server.stop());
      return NO_ITEM;
    });
    const { error, left } = await claimWith(clientWith({ endpoint: server.endpoint }));
    expect(error).toMatchObject({ code: 'STORAGEBOX_SERVICE_UNREACHABLE' });
    expect(left).toEqual(['voucher']);
  });

  test('because the credentials ran out puts its item back', async () => {
    const server = await serve(async () => NO_ITEM);
    const locked = new Error('the vault is locked');
    const credentials = async () => {
      if (server.requests() > 0) throw locked;
      return { ...CREDENTIALS, expiration: new Date() };
    };
    const { error, left } = await claimWith(clientWith({ endpoint: server.endpoint, credentials }));
    expect(error).toBe(locked);
    expect(left).toEqual(['voucher']);
    expect(server.requests()).toBe(1);
  });
});
