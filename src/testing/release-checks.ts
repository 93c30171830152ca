import assert from 'node:assert/strict';
import { Deduplicator } from '../hand-out/deduplicator.js';
import type { ConformanceCheck, TestStorage } from './conformance-check.js';
import {
  accountedItems,
  codeOf,
  drain,
  nodeOf,
  openNodes,
  rejectionOf,
  UNUSABLE_KEYS,
  users,
  vouchers,
} from './helpers.js';

/** The only check for a pair that cannot. */
export async function assertReleaseIsRefused({ open }: TestStorage): Promise<void> {
  const deduplicator = new Deduplicator(open());
  await deduplicator.addItemsToBank(vouchers(1));
  await deduplicator.claim('user-1');
  for (const release of [releaseOf(deduplicator), retireOf(deduplicator)]) {
    assert.equal(await codeOf(release('user-1')), 'STORAGEBOX_RELEASE_NOT_SUPPORTED');
  }
  assert.deepEqual(await accountedItems(open(), users(1)), vouchers(1));
}

const checks: readonly Omit<ConformanceCheck, 'needs'>[] = [
  {
    promises: ['P2', 'P3'],
    name: 'a released item is the next ID’s, and the ID that had it is a new one',
    run: async ({ open }) => {
      const deduplicator = new Deduplicator(open());
      await deduplicator.addItemsToBank(vouchers(1));
      await deduplicator.claim('user-1');
      assert.equal(await deduplicator.releaseItemForDeduplicationId('user-1'), 'voucher-1');
      assert.equal(await open().deduplicationRepo.getValueForDeduplicationId('user-1'), null);
      const { status, item } = await new Deduplicator(open()).claim('user-2');
      assert.deepEqual({ status, item }, { status: 'claimed', item: 'voucher-1' });
      assert.deepEqual(await deduplicator.claim('user-1'), { status: 'exhausted', item: null });
    },
  },
  {
    promises: ['P1', 'P3'],
    name: 'an ID that claims again after a release is told so, and has that item from then on',
    run: async ({ open }) => {
      const deduplicator = new Deduplicator(open());
      await deduplicator.addItemsToBank(vouchers(2));
      for (let round = 0; round < 3; round++) {
        const first = await deduplicator.claim('user-1');
        assert.equal(first.status, 'claimed');
        const { status, item } = await new Deduplicator(open()).claim('user-1');
        assert.deepEqual({ status, item }, { status: 'existing', item: first.item });
        assert.equal(await deduplicator.releaseItemForDeduplicationId('user-1'), first.item);
      }
      assert.deepEqual(await drain(open().itemRepo), vouchers(2));
    },
  },
  {
    promises: ['P3'],
    name: 'a retired item is neither its ID’s any more nor back in the bank',
    run: async ({ open }) => {
      const deduplicator = new Deduplicator(open());
      await deduplicator.addItemsToBank(vouchers(1));
      await deduplicator.claim('user-1');
      assert.equal(await deduplicator.retireItemForDeduplicationId('user-1'), 'voucher-1');
      assert.deepEqual(await accountedItems(open(), users(1)), []);
      assert.equal(await deduplicator.retireItemForDeduplicationId('user-1'), null);
    },
  },
  {
    promises: ['P3'],
    name: 'an ID without an item has none to release, and the bank stays as it is',
    run: async ({ open }) => {
      const deduplicator = new Deduplicator(open());
      await deduplicator.addItemsToBank(vouchers(2));
      assert.equal(await deduplicator.releaseItemForDeduplicationId('user-1'), null);
      assert.equal(await deduplicator.retireItemForDeduplicationId('user-1'), null);
      assert.deepEqual(await drain(open().itemRepo), vouchers(2));
    },
  },
  {
    promises: ['P3'],
    name: 'of 20 releases of one ID at once one gets the item, which is in the bank once',
    run: async (storage) => {
      const nodes = openNodes(storage, 3);
      await storage.open().itemRepo.batchAddItems(vouchers(3));
      const { item } = await nodeOf(nodes, 0).claim('user-1');
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, index) => releaseOf(nodeOf(nodes, index))('user-1')),
      );
      assert.deepEqual(
        answers.filter((answer) => answer !== null),
        [item],
      );
      assert.deepEqual(await drain(storage.open().itemRepo), vouchers(3));
    },
  },
  {
    promises: ['P1', 'P3', 'P4'],
    name: 'claims and releases of one ID at once: each item that was told is released once',
    run: async (storage) => {
      const nodes = openNodes(storage, 3);
      await storage.open().itemRepo.batchAddItems(vouchers(30));
      let claimed = 0;
      let released = 0;
      for (let round = 0; round < 10; round++) {
        await Promise.all(
          nodes.flatMap((node) => [
            node.claim('user-1').then(({ status }) => {
              assert.notEqual(status, 'exhausted', 'null while items stayed in the bank');
              if (status === 'claimed') claimed++;
            }),
            node.releaseItemForDeduplicationId('user-1').then((item) => {
              if (item !== null) released++;
            }),
          ]),
        );
      }
      const owned = await storage.open().deduplicationRepo.getValueForDeduplicationId('user-1');
      assert.equal(claimed - released, owned === null ? 0 : 1, 'first hand-outs less releases');
      assert.deepEqual(await accountedItems(storage.open(), users(1)), [...vouchers(30)].sort());
    },
  },
  {
    promises: ['P2', 'P3', 'P4'],
    name: 'one item on its way through 12 IDs at once is never with two, 20 rounds',
    run: async (storage) => {
      const nodes = openNodes(storage, 3);
      await storage.open().itemRepo.addItemToBank('voucher-1');
      let owner: string | null = null;
      for (let round = 0; round < 20; round++) {
        const release: Promise<string | null> | null =
          owner === null ? null : releaseOf(nodeOf(nodes, round))(owner);
        const claims = users(12).map(async (user, index) => {
          const { status } = await nodeOf(nodes, index).claim(user);
          return status === 'claimed' ? user : null;
        });
        const winners = (await Promise.all(claims)).filter((user) => user !== null);
        if (release !== null) assert.equal(await release, 'voucher-1');
        if (release !== null && winners.length === 0) {
          // All calls may have ended before the item came back.
          owner = null;
        } else {
          assert.equal(winners.length, 1, 'IDs that were given the item');
          owner = winners[0] ?? null;
        }
        const owned = await Promise.all(
          users(12).map((user) =>
            storage.open().deduplicationRepo.getValueForDeduplicationId(user),
          ),
        );
        const owners = users(12).filter((_, index) => owned[index] !== null);
        assert.deepEqual(owners, owner === null ? [] : [owner]);
      }
      assert.deepEqual(await accountedItems(storage.open(), users(12)), ['voucher-1']);
    },
  },
  {
    promises: ['P2', 'P3'],
    name: 'an item that is released through another bank goes to its own bank, or stays where it is',
    run: async ({ open }, createStorage) => {
      assert.ok(createStorage, 'this check makes a second bank: pass createStorage');
      const { itemRepo, deduplicationRepo } = open();
      const other = await createStorage();
      try {
        const otherRepo = other.open().itemRepo;
        await itemRepo.batchAddItems(vouchers(2));
        await otherRepo.addItemToBank('of the other bank');
        await new Deduplicator({ itemRepo, deduplicationRepo }).claim('user-1');
        // Refusing is right as well.
        await rejectionOf(
          new Deduplicator({
            itemRepo: otherRepo,
            deduplicationRepo,
          }).releaseItemForDeduplicationId('user-1'),
        );
        assert.deepEqual(await accountedItems(open(), users(1)), vouchers(2));
        assert.deepEqual(await drain(otherRepo), ['of the other bank']);
      } finally {
        await other.dispose?.();
      }
    },
  },
  {
    promises: [],
    name: 'an invalid ID or a signal that is aborted releases nothing',
    run: async ({ open }) => {
      const deduplicator = new Deduplicator(open());
      await deduplicator.addItemsToBank(vouchers(1));
      await deduplicator.claim('user-1');
      for (const release of [releaseOf(deduplicator), retireOf(deduplicator)]) {
        for (const unusable of UNUSABLE_KEYS as readonly string[]) {
          assert.equal(await codeOf(release(unusable)), 'STORAGEBOX_INVALID_DEDUPLICATION_ID');
        }
        const reason = new Error('the user went away');
        await assert.rejects(release('user-1', { signal: AbortSignal.abort(reason) }), reason);
      }
      const owned = await open().deduplicationRepo.getValueForDeduplicationId('user-1');
      assert.equal(owned, 'voucher-1');
    },
  },
];

export const releaseChecks: readonly ConformanceCheck[] = checks.map((check) => ({
  ...check,
  needs: 'releaseItem',
}));

type Release = Deduplicator['releaseItemForDeduplicationId'];

function releaseOf(deduplicator: Deduplicator): Release {
  return (deduplicationId, options) =>
    deduplicator.releaseItemForDeduplicationId(deduplicationId, options);
}

function retireOf(deduplicator: Deduplicator): Release {
  return (deduplicationId, options) =>
    deduplicator.retireItemForDeduplicationId(deduplicationId, options);
}
