// npm run bench:sold-out [-- --calls N] [--latency-ms N]
//
// All calls at once on a bank that is sold out, with a client that answers after a while. Targets for
// 200,000 calls: under 10 s, no block of the event loop over 250 ms once the calls were made, and under
// 1 GB of memory.
import { parseArgs } from 'node:util';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  DeduplicationDynamoDbRepository,
  Deduplicator,
  ItemBankDynamoDbRepository,
} from 'storagebox';

const { values } = parseArgs({
  options: {
    calls: { type: 'string', default: '200000' },
    'latency-ms': { type: 'string', default: '5' },
  },
});
const calls = Number(values.calls);
const latencyMs = Number(values['latency-ms']);

const client = {
  config: { region: async () => 'simulated' },
  send: ({ input }: { readonly input: { readonly TransactItems?: readonly unknown[] } }) =>
    new Promise((resolve) => {
      const Responses = input.TransactItems?.map(() => ({}));
      setTimeout(() => resolve({ Items: [], Responses }), latencyMs);
    }),
} as unknown as DynamoDBClient;

function openBank(): Deduplicator {
  return new Deduplicator({
    itemRepo: new ItemBankDynamoDbRepository({ tableName: 'items', client }),
    deduplicationRepo: new DeduplicationDynamoDbRepository({ tableName: 'owners', client }),
  });
}

const users = (count: number) => Array.from({ length: count }, (_, index) => `user-${index}`);

// So that loading and compiling the code is not measured.
const warmUp = openBank();
await Promise.all(users(1_000).map((user) => warmUp.fetchItemForDeduplicationId(user)));

const deduplicator = openBank();
for (const round of ['not yet known to be sold out', 'known to be sold out']) {
  const startMs = performance.now();
  const answers = Promise.all(
    users(calls).map((user) => deduplicator.fetchItemForDeduplicationId(user)),
  );
  const madeMs = performance.now() - startMs;
  let longestMs = 0;
  let lastMs = performance.now();
  const watch = setInterval(() => {
    longestMs = Math.max(longestMs, performance.now() - lastMs);
    lastMs = performance.now();
  }, 1);
  const items = await answers;
  clearInterval(watch);
  if (items.some((item) => item !== null)) throw new Error('The bank is empty.');
  const peakMb = process.resourceUsage().maxRSS / 1_024;
  console.log(
    `${round}: ${calls} calls, made in ${madeMs.toFixed(0)} ms, all answered after ` +
      `${((performance.now() - startMs) / 1_000).toFixed(2)} s, longest block after that ` +
      `${longestMs.toFixed(0)} ms, peak ${peakMb.toFixed(0)} MB`,
  );
}
