// Which bank an item came from: told by results, and asked for by a release.
import {
  type AtomicClaim,
  DeduplicationRepository,
  Deduplicator,
  type ItemBankRepository,
} from 'storagebox';
import { DeduplicationMemoryRepository, ItemBankMemoryRepository } from 'storagebox/memory';
import { describe, expect, test } from 'vitest';
import { freshTables, openPair, throughOwnClient } from '../../support/tables.js';

/** Two sales on one deduplication repository. */
interface TwoSales {
  readonly banks: readonly [ItemBankRepository, ItemBankRepository];
  readonly names: readonly [string, string];
  readonly deduplicationRepo: DeduplicationRepository;
}

async function onDynamoDb(): Promise<TwoSales> {
  const [one, other] = [await freshTables(), await freshTables()];
  return {
    banks: [openPair(one).itemRepo, openPair(other).itemRepo],
    names: [one.itemBankTableName, other.itemBankTableName],
    deduplicationRepo: openPair(throughOwnClient(one)).deduplicationRepo,
  };
}

async function inMemory(): Promise<TwoSales> {
  return {
    banks: [
      new ItemBankMemoryRepository({ name: 'spring', hasLedger: true }),
      new ItemBankMemoryRepository({ name: 'autumn', hasLedger: true }),
    ],
    names: ['spring', 'autumn'],
    deduplicationRepo: new DeduplicationMemoryRepository(),
  };
}

describe.each([
  ['DynamoDB', onDynamoDb],
  ['memory', inMemory],
])('on %s', (_name, open) => {
  test.each([false, true])(
    'a repeat in another sale tells the bank, skipFirstRead %s',
    async (skipFirstRead) => {
      const { banks, names, deduplicationRepo } = await open();
      const [spring, autumn] = banks.map(
        (itemRepo) => new Deduplicator({ itemRepo, deduplicationRepo, skipFirstRead }),
      ) as [Deduplicator, Deduplicator];
      await spring.addItemsToBank(['spring-1']);
      await autumn.addItemsToBank(['autumn-1']);
      const item = { item: 'spring-1', itemBankName: names[0], heldUntil: null };
      expect(await spring.claim('user')).toEqual({ status: 'claimed', ...item });
      expect(await autumn.claim('user')).toEqual({ status: 'existing', ...item });
      for await (const handOut of autumn.fetchItemsForDeduplicationIds(['user'])) {
        expect(handOut).toEqual({ deduplicationId: 'user', status: 'existing', ...item });
      }
    },
  );

  test('a repeat that is found when the bank is sold out tells it, too', async () => {
    const { banks, names, deduplicationRepo } = await open();
    const deduplicator = new Deduplicator({
      itemRepo: banks[0],
      deduplicationRepo,
      skipFirstRead: true,
    });
    await deduplicator.addItemsToBank(['spring-1']);
    await deduplicator.claim('user');
    expect(await deduplicator.claim('user')).toEqual({
      status: 'existing',
      item: 'spring-1',
      itemBankName: names[0],
      heldUntil: null,
    });
    expect(await deduplicator.claim('late')).toEqual({ status: 'exhausted', item: null });
  });

  test('an item is released to a bank at hand alone, and retired from any', async () => {
    const { banks, deduplicationRepo } = await open();
    const [spring, autumn] = banks;
    await spring.batchAddItems(['spring-1', 'spring-2']);
    const ofSpring = new Deduplicator({ itemRepo: spring, deduplicationRepo });
    await ofSpring.claim('ann');
    await ofSpring.claim('bob');

    const ofAutumn = new Deduplicator({ itemRepo: autumn, deduplicationRepo });
    await expect(ofAutumn.releaseItemForDeduplicationId('ann')).rejects.toMatchObject({
      code: 'STORAGEBOX_UNKNOWN_ITEM_BANK',
    });
    expect(await ofSpring.claim('ann')).toMatchObject({ status: 'existing' });
    expect(await ofAutumn.retireItemForDeduplicationId('bob')).toMatch(/^spring/);

    const ofBoth = new Deduplicator({
      itemRepo: autumn,
      deduplicationRepo,
      releaseBanks: [spring],
    });
    const released = await ofBoth.releaseItemForDeduplicationId('ann');
    expect(await spring.getItemFromBank()).toBe(released);
    expect(await autumn.getItemFromBank()).toBeNull();
  });
});

test('a backend that does not tell the bank gives null', async () => {
  class Deduplication extends DeduplicationRepository {
    override getValueForDeduplicationId = async () => null;
    override putDeduplicationId = async () => {};
    override atomicClaimWith = async (): Promise<AtomicClaim> => ({
      claimItem: async (id) => ({ status: id === 'new' ? 'claimed' : 'existing', item: 'voucher' }),
    });
  }
  const deduplicator = new Deduplicator({
    itemRepo: new ItemBankMemoryRepository(),
    deduplicationRepo: new Deduplication(),
  });
  const item = { item: 'voucher', itemBankName: null, heldUntil: null };
  expect(await deduplicator.claim('new')).toEqual({ status: 'claimed', ...item });
  expect(await deduplicator.claim('known')).toEqual({ status: 'existing', ...item });
});

test('a bank in memory without a name, and rows without a bank, give null', async () => {
  const itemRepo = new ItemBankMemoryRepository();
  const deduplicationRepo = new DeduplicationMemoryRepository();
  const deduplicator = new Deduplicator({ itemRepo, deduplicationRepo });
  await itemRepo.addItemToBank('voucher');
  await deduplicationRepo.putDeduplicationId('put', 'theirs');
  expect(await deduplicator.claim('user')).toMatchObject({ itemBankName: null });
  expect(await deduplicator.claim('put')).toMatchObject({ item: 'theirs', itemBankName: null });
});
