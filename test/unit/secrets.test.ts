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
import { describe, expect, test, vi } from 'vitest';
import { useVirtualTime } from '../support/virtual-time.js';

/** Made once, and never to be changed: tables are full of such hashes. */
const STABLE_HASH = 'h1:6ea88ab7:9e788407d8db5bf2ac84010e36436284303db477ccfd707a19140ac79cf9918c';

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

describe('deduplication IDs under a secret', () => {
  const KEY = 'a secret of 32 bytes for testing';
  const HASH = /^h1:[0-9a-f]{8}:[0-9a-f]{64}$/;
  const storedIdWith = (deduplicationIdSecret: string | Uint8Array, id = 'alice@example.com') =>
    new DeduplicationMemoryRepository({ deduplicationIdSecret }).storedIdOf(id);

  test('are kept as the same hash in every process and version, which rows depend on', () => {
    expect(storedIdWith(KEY)).toBe(STABLE_HASH);
    expect(storedIdWith(new TextEncoder().encode(KEY))).toBe(STABLE_HASH);
    const onDynamoDb = new DeduplicationDynamoDbRepository({
      tableName: 'owners',
      client: { config: { region: async () => 'here' }, send: async () => ({}) } as never,
      deduplicationIdSecret: KEY,
    });
    expect(onDynamoDb.storedIdOf('alice@example.com')).toBe(STABLE_HASH);
  });

  test('are other hashes under another secret, with another check', () => {
    const [, check, hash] = storedIdWith(KEY).split(':');
    const [, otherCheck, otherHash] = storedIdWith(`${KEY}!`).split(':');
    expect(otherCheck).not.toBe(check);
    expect(otherHash).not.toBe(hash);
    expect(storedIdWith(KEY, 'bob@example.com').split(':')[1]).toBe(check);
    expect(storedIdWith(KEY, 'bob@example.com')).not.toBe(storedIdWith(KEY));
  });

  test('are as they were if the bytes of the secret are changed afterwards', () => {
    const bytes = new TextEncoder().encode(KEY);
    const repository = new DeduplicationMemoryRepository({ deduplicationIdSecret: bytes });
    bytes.fill(0);
    expect(repository.storedIdOf('alice@example.com')).toBe(STABLE_HASH);
  });

  test.each([
    ['short', 'alice-31-bytes-are-too-short-x!'],
    ['ill-formed', `alice-${'x'.repeat(40)}\uD800`],
    ['too few bytes', new TextEncoder().encode('alice')],
    ['no text', { alice: 'x'.repeat(40) } as never],
    ['a number', 424_242 as never],
  ])('need a secret that is not %s, which is not quoted', (_, deduplicationIdSecret) => {
    for (const Repository of [
      () => new DeduplicationMemoryRepository({ deduplicationIdSecret }),
      () => new DeduplicationDynamoDbRepository({ tableName: 'owners', deduplicationIdSecret }),
    ]) {
      const error = (() => {
        try {
          return Repository();
        } catch (reason) {
          return reason;
        }
      })();
      expect(error).toMatchObject({
        code: 'STORAGEBOX_INVALID_OPTION',
        option: 'deduplicationIdSecret',
      });
      expect((error as Error).message).not.toMatch(/alice|424242/);
      expect(printed(error)).not.toContain('alice');
    }
  });

  test('are taken clear by all methods, and are listed as hashes', async () => {
    const itemRepo = new ItemBankMemoryRepository();
    const deduplicationRepo = new DeduplicationMemoryRepository({ deduplicationIdSecret: KEY });
    const box = new Deduplicator({ itemRepo, deduplicationRepo });
    await box.addItemsToBank(['1A', '1B', '1C', '1D']);
    await box.claim('alice@example.com', { item: '1A', holdForMs: 1_000 });
    expect(await box.claim('alice@example.com')).toMatchObject({ status: 'existing', item: '1A' });
    expect(await box.confirm('alice@example.com')).toBe('1A');
    const { members } = await box.claimAll(['alice@example.com', 'alice/2']);
    expect(members?.map(({ deduplicationId }) => deduplicationId)).toEqual([
      'alice@example.com',
      'alice/2',
    ]);
    await deduplicationRepo.putDeduplicationId('alice/3', 'by hand');
    expect(await deduplicationRepo.getValueForDeduplicationId('alice/3')).toBe('by hand');
    const found = await deduplicationRepo.getAssignment('alice@example.com');
    expect(found).toMatchObject({ deduplicationId: 'alice@example.com', item: '1A' });
    const listed: string[] = [];
    for await (const each of deduplicationRepo.listAssignments()) listed.push(each.deduplicationId);
    expect(listed.filter((id) => !HASH.test(id))).toEqual([]);
    expect(listed).toContain(deduplicationRepo.storedIdOf('alice@example.com'));
    expect(await box.releaseItemForDeduplicationId('alice@example.com')).toBe('1A');
    expect(await deduplicationRepo.getAssignment('alice@example.com')).toBeNull();
  });

  test('and the secret are in no printed repository', () => {
    const deduplicationIdSecret = KEY;
    for (const repository of [
      new DeduplicationMemoryRepository({ deduplicationIdSecret }),
      new DeduplicationDynamoDbRepository({ tableName: 'owners', deduplicationIdSecret }),
      new Deduplicator({
        itemRepo: new ItemBankMemoryRepository(),
        deduplicationRepo: new DeduplicationMemoryRepository({ deduplicationIdSecret }),
      }),
    ]) {
      const text = `${inspect(repository, { depth: 9, showHidden: true })}${JSON.stringify(repository)}`;
      expect(text).not.toContain('secret of 32');
    }
  });
});

test('reasons of a refusal can be read from an error, and are not printed with it', async () => {
  const box = new Deduplicator(memoryPair());
  await box.addItemsToBank(['voucher']);
  const alongside = () => () => {
    throw { Item: { S: SECRET } };
  };
  const error = await box.claim('user', { alongside }).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ reasons: [{ Item: { S: SECRET } }] });
  expect(JSON.stringify(error)).not.toContain('alice');
  expect(String(error)).not.toContain('alice');
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
