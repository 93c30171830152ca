// Items are money, deduplication IDs are personal data: no message and no printed error shows one.
import { inspect } from 'node:util';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DeduplicationDynamoDbRepository, ItemBankDynamoDbRepository } from 'storagebox';
import {
  BatchNotFullyAddedError,
  DeduplicationIdAlreadyAssignedError,
  Deduplicator,
  InvalidOptionError,
  ItemStrandedError,
} from 'storagebox/core';
import { DeduplicationMemoryRepository, ItemBankMemoryRepository } from 'storagebox/memory';
import { expect, test, vi } from 'vitest';
import { useVirtualTime } from '../support/virtual-time.js';

const SECRET = 'alice@example.com,SUMMER-0001';

/** All that a logger may write of an error. */
const printed = (error: unknown) => `${inspect(error)}\n${JSON.stringify(error)}\n${error}`;

// biome-ignore lint/suspicious/noExplicitAny: what TypeScript would refuse, done anyway.
const misused = SECRET as any;

const memoryPair = () => ({
  itemRepo: new ItemBankMemoryRepository(),
  deduplicationRepo: new DeduplicationMemoryRepository(),
});

const MISUSES: Record<string, () => unknown> = {
  'a whole file in place of its lines': () => memoryPair().itemRepo.batchAddItems(misused),
  'one ID in place of a list': () =>
    new Deduplicator(memoryPair()).fetchItemsForDeduplicationIds(misused),
  'an option': () => new Deduplicator({ ...memoryPair(), skipFirstRead: misused }),
  'a repository': () => new Deduplicator({ ...memoryPair(), itemRepo: misused }),
  'a cursor': () => memoryPair().itemRepo.listItems({ cursor: misused }),
  'an ID that is too long': () =>
    new Deduplicator(memoryPair()).claim(SECRET.padEnd(2_049, SECRET)),
  'an item that is ill-formed': () => memoryPair().itemRepo.addItemToBank(`${SECRET}\uD800`),
  'an environment variable': () => {
    vi.stubEnv('STORAGE_BOX_LOGGING_LEVEL', SECRET);
    try {
      return new Deduplicator(memoryPair());
    } finally {
      vi.unstubAllEnvs();
    }
  },
};

test.each(Object.entries(MISUSES))('%s is not quoted', async (_, misuse) => {
  const error = await (async () => misuse())().catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(Error);
  expect(printed(error)).not.toContain('alice');
});

test('a string is described by its length', async () => {
  await expect((async () => memoryPair().itemRepo.batchAddItems(misused))()).rejects.toThrow(
    new InvalidOptionError(
      'items',
      'Expected `items` to be an iterable or async iterable of strings, got a string of 29 ' +
        'characters. Pass an array, a set, a generator or a stream of lines; wrap a single string ' +
        'in an array.',
    ),
  );
});

test('an input’s own error is told by its name, and kept as the cause', async () => {
  const ofInput = new RangeError(`unexpected "${SECRET}"`);
  const input = function* () {
    yield SECRET;
    throw ofInput;
  };
  const error = await memoryPair()
    .itemRepo.batchAddItems(input())
    .catch((reason: unknown) => reason as BatchNotFullyAddedError);
  expect(error).toMatchObject({ cause: ofInput, notAdded: [SECRET] });
  expect((error as Error).message).toMatch(/Reason: RangeError; see `cause`\.$/);
});

test.each(['GetItemCommand', 'TransactWriteItemsCommand'])(
  'a reply to a %s that is not JSON is not quoted',
  async (name) => {
    useVirtualTime();
    const client = {
      config: { region: async () => 'here' },
      send: async (command: object) => {
        if (command.constructor.name === name) JSON.parse(`{"Item":{"item":{"S":${SECRET}`);
        return { Items: [{ item: { S: 'A' } }] };
      },
    } as unknown as DynamoDBClient;
    const box = new Deduplicator({
      itemRepo: new ItemBankDynamoDbRepository({ tableName: 'items', client }),
      deduplicationRepo: new DeduplicationDynamoDbRepository({ tableName: 'owners', client }),
    });
    const error = await box.claim('user').catch((reason: unknown) => reason);
    expect(printed(error)).toContain('The reply is not valid JSON.');
    expect(printed(error)).not.toContain('alice');
  },
);

test.each([
  ['the existing item', new DeduplicationIdAlreadyAssignedError(SECRET), 'existingItem'],
  ['a stranded item', new ItemStrandedError(SECRET, {}), 'item'],
  [
    'items that are not in',
    new BatchNotFullyAddedError(
      { read: 2, added: 0, repeats: 0, alreadyKnown: 0, notAdded: [SECRET], unconfirmed: [SECRET] },
      { cause: new Error('throttled') },
    ),
    'notAdded',
  ],
])('%s can be read from an error, and is not printed with it', (_, error, member) => {
  expect(String(error[member as keyof typeof error])).toBe(SECRET);
  expect(printed(error)).not.toContain('alice');
});
