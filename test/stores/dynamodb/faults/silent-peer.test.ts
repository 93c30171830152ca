// A peer that accepts and says nothing, one that stalls in the middle of its reply, one that cannot be
// reached: with the default client a call ends within the time that src/dynamodb/client.ts states, and
// the error says that it timed out. In real time: these tests wait for the real timeouts.
//
// A claim sends a read, scans and a transaction, one after the other. A peer that is silent from the
// start fails the first of them. One that falls silent at the transaction fails that, and the claim
// does not send it again: its 10 s of patience are over by then. So from the moment at which the peer
// falls silent a claim goes on for the time of one request, 16 s, or 31 s in the middle of a reply;
// kept busy before, a transaction may begin its last request after 10 s: 26 s and 41 s in all for it.
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DEFAULT_CLIENT_CONFIG, Deduplicator } from 'storagebox';
import { describe, expect, inject, type TestContext, test } from 'vitest';
import { audit } from '../../../support/audit.js';
import { freshTables, openPair, type Tables } from '../../../support/tables.js';
import { fullBacklog } from '../../../support/unreachable-peers.js';
import { WireProxy } from '../../../support/wire-proxy.js';

/** As stated at `DEFAULT_CLIENT_CONFIG`. */
const UNREACHABLE_MS = 10_000;
const SILENT_MS = 16_000;
const STALLED_MS = 31_000;
/**
 * For what a test does besides waiting, on a machine that is busy with another run. That no further
 * attempt was made is told by the error.
 */
const ALLOWANCE_MS = 30_000;

const VOUCHERS = ['voucher-1', 'voucher-2'];

/** Tests that run at once clean up through their own context. */
type CleanUp = TestContext['onTestFinished'];

const CASES = [
  { peer: 'black hole', operation: 'GetItem', boundMs: SILENT_MS },
  { peer: 'black hole', operation: 'Scan', boundMs: SILENT_MS },
  { peer: 'black hole', operation: 'TransactWriteItems', boundMs: SILENT_MS },
  { peer: 'late stall', operation: 'GetItem', boundMs: STALLED_MS },
  { peer: 'stall', operation: 'Scan', boundMs: STALLED_MS },
  { peer: 'stall', operation: 'TransactWriteItems', boundMs: STALLED_MS },
] as const;

describe.concurrent('a claim with the default client', () => {
  for (const { peer, operation, boundMs } of CASES) {
    test(`gives up a ${peer} at ${operation} within ${boundMs / 1_000} s and says so`, {
      timeout: boundMs + ALLOWANCE_MS,
    }, async ({ onTestFinished }) => {
      const { tables, proxy, deduplicator } = await claimThroughProxy(onTestFinished);
      proxy.inject((requested) => (requested === operation ? peer : null));
      const error = await rejectionOf(deduplicator.claim('user'));
      if (operation === 'TransactWriteItems') expectOutcomeUnknown(error);
      else expectTimeout(error);

      proxy.heal();
      const item = await deduplicator.fetchItemForDeduplicationId('user');
      const { lost, twice, owners, left } = await audit(tables, VOUCHERS);
      expect({ lost, twice, left: left.length }).toEqual({ lost: 0, twice: 0, left: 1 });
      expect(item).toBe(owners.get('user'));
    });
  }

  // Linux leaves an attempt to connect without an answer while the queue of a listener is full.
  test.skipIf(process.platform !== 'linux')(
    'gives up a peer that cannot be reached within 10 s and says that nothing was written',
    { timeout: UNREACHABLE_MS + ALLOWANCE_MS },
    async ({ onTestFinished }) => {
      const peer = await fullBacklog();
      onTestFinished(() => peer.stop());
      const client = defaultClientFor(peer.endpoint, onTestFinished);
      const { itemRepo, deduplicationRepo } = openPair({ ...(await freshTables()), client });
      const [claimed, added] = await Promise.all([
        rejectionOf(new Deduplicator({ itemRepo, deduplicationRepo }).claim('user')),
        rejectionOf(itemRepo.addItemToBank('voucher')),
      ]);
      for (const error of [claimed, added]) {
        expect(error).toMatchObject({
          code: 'STORAGEBOX_SERVICE_UNREACHABLE',
          message: expect.stringContaining('did not establish a connection'),
          cause: {
            name: 'TimeoutError',
            $metadata: { attempts: DEFAULT_CLIENT_CONFIG.maxAttempts },
          },
        });
        expect(error.message).toContain(
          `${DEFAULT_CLIENT_CONFIG.requestHandler.connectionTimeout} ms`,
        );
      }
    },
  );
});

function expectTimeout(error: Error): void {
  expect(error).toMatchObject({
    name: 'TimeoutError',
    message: expect.stringMatching(/exceeded the configured 5000 ms|timed out after 5000 ms/),
    $metadata: { attempts: DEFAULT_CLIENT_CONFIG.maxAttempts },
  });
}

function expectOutcomeUnknown(error: Error): void {
  expect(error).toMatchObject({
    name: 'OutcomeUnknownError',
    code: 'STORAGEBOX_OUTCOME_UNKNOWN',
    message: expect.stringMatching(/^No answer within \d{5} ms said whether the write was applied/),
  });
  expectTimeout(error.cause as Error);
}

async function rejectionOf(call: Promise<unknown>): Promise<Error> {
  const answer = await call.then(
    (value) => ({ value }),
    (error: Error) => error,
  );
  expect(answer).toBeInstanceOf(Error);
  return answer as Error;
}

function defaultClientFor(endpoint: string, onTestFinished: CleanUp): DynamoDBClient {
  const client = new DynamoDBClient({
    ...DEFAULT_CLIENT_CONFIG,
    endpoint,
    region: 'eu-west-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
  onTestFinished(() => client.destroy());
  return client;
}

async function claimThroughProxy(onTestFinished: CleanUp): Promise<{
  readonly tables: Tables;
  readonly proxy: WireProxy;
  readonly deduplicator: Deduplicator;
}> {
  const tables = await freshTables();
  await openPair(tables).itemRepo.batchAddItems(VOUCHERS);
  const proxy = await WireProxy.inFrontOf(inject('dynamoDbEndpoint'));
  onTestFinished(() => proxy.stop());
  const client = defaultClientFor(proxy.endpoint, onTestFinished);
  return { tables, proxy, deduplicator: new Deduplicator(openPair({ ...tables, client })) };
}
