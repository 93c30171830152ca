// A pair's indivisible writes, by their name and by the earlier one.
import {
  type AtomicClaim,
  type AtomicWrites,
  Deduplicator,
  type ItemBankRepository,
} from 'storagebox/core';
import { DeduplicationMemoryRepository, ItemBankMemoryRepository } from 'storagebox/memory';
import { expect, test } from 'vitest';
import { MapDeduplication, SetItemBank } from '../support/custom-backend.js';

const told = {
  status: 'claimed',
  item: 'by its own writes',
  itemBankName: null,
  heldUntil: null,
} as const;
const own: AtomicWrites = { claimItem: async () => told };

class ByTheNewName extends MapDeduplication {
  override atomicWritesWith = async (): Promise<AtomicWrites> => own;
}

class ByTheEarlierName extends MapDeduplication {
  override atomicClaimWith = async (): Promise<AtomicClaim> => own;
}

class OverridesTheNewName extends DeduplicationMemoryRepository {
  override atomicWritesWith = async (): Promise<AtomicWrites> => own;
}

class OverridesTheEarlierName extends DeduplicationMemoryRepository {
  override async atomicClaimWith(itemRepo: ItemBankRepository): Promise<AtomicClaim> {
    const right = await super.atomicClaimWith(itemRepo);
    return { ...right, ...own };
  }
}

test.each([ByTheNewName, ByTheEarlierName, OverridesTheNewName, OverridesTheEarlierName])(
  '%o is heard',
  async (Deduplication) => {
    const itemRepo =
      new Deduplication() instanceof DeduplicationMemoryRepository
        ? new ItemBankMemoryRepository()
        : new SetItemBank();
    const deduplicator = new Deduplicator({ itemRepo, deduplicationRepo: new Deduplication() });
    expect(await deduplicator.claim('user')).toEqual(told);
    expect(await deduplicator.isAtomic()).toBe(true);
  },
);

test.each(['atomicClaimWith', 'atomicWritesWith'])(
  'a pair from which %s was taken away claims in two steps',
  async (name) => {
    const itemRepo = new ItemBankMemoryRepository();
    const deduplicationRepo = Object.assign(new DeduplicationMemoryRepository(), {
      [name]: undefined,
    });
    expect(await new Deduplicator({ itemRepo, deduplicationRepo }).isAtomic()).toBe(false);
  },
);

test('a release bank for which a class gives nothing at all is refused', async () => {
  const ownBank = new ItemBankMemoryRepository();
  class GivesNothing extends DeduplicationMemoryRepository {
    override async atomicClaimWith(itemRepo: ItemBankRepository): Promise<AtomicClaim | null> {
      return itemRepo === ownBank ? super.atomicClaimWith(itemRepo) : (undefined as never);
    }
  }
  const deduplicator = new Deduplicator({
    itemRepo: ownBank,
    deduplicationRepo: new GivesNothing(),
    releaseBanks: [new ItemBankMemoryRepository()],
  });
  await expect(deduplicator.releaseItemForDeduplicationId('user')).rejects.toMatchObject({
    code: 'STORAGEBOX_INVALID_OPTION',
    option: 'releaseBanks',
  });
});

test('a pair without either of the two claims in two steps', async () => {
  const pair = { itemRepo: new SetItemBank(), deduplicationRepo: new MapDeduplication() };
  expect(await new Deduplicator(pair).isAtomic()).toBe(false);
});
