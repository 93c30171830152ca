import assert from 'node:assert/strict';
import { atomicWritesOf } from '../contracts/deduplication-repository.js';
import { runtime } from '../environment/runtime.js';
import { Deduplicator } from '../hand-out/deduplicator.js';
import type { ConformanceCheck, TestStorage } from './conformance-check.js';
import {
  accountedItems,
  codeOf,
  drain,
  fetchItem,
  nodeOf,
  openNodes,
  UNUSABLE_KEYS,
  UNUSUAL_KEYS,
  users,
  vouchers,
} from './helpers.js';

/** Longer than leases, visibility timeouts and caches of a second or two. */
const LASTING_MS = 3_000;

export const pairChecks: readonly ConformanceCheck[] = [
  {
    promises: ['P1'],
    name: 'an ID gets the same item each time, and is told once that it is new',
    run: async ({ open }) => {
      const deduplicator = new Deduplicator(open());
      await deduplicator.addItemsToBank(vouchers(3));
      const first = await deduplicator.claim('user-1');
      assert.equal(first.status, 'claimed');
      for (let repeat = 0; repeat < 3; repeat++) {
        const { status, item } = await new Deduplicator(open()).claim('user-1');
        assert.deepEqual({ status, item }, { status: 'existing', item: first.item });
      }
    },
  },
  {
    promises: ['P1'],
    name: 'once the bank is empty, returning IDs still get theirs and new ones get null',
    run: async ({ open }) => {
      const deduplicator = new Deduplicator(open());
      await deduplicator.addItemsToBank(vouchers(10));
      const first = await fetchAll(deduplicator, users(10));
      assert.deepEqual(await deduplicator.claim('late'), { status: 'exhausted', item: null });
      assert.deepEqual(await fetchAll(deduplicator, users(10)), first);
    },
  },
  {
    promises: ['P1', 'P3'],
    name: 'one ID on three nodes at once gets one item, and no other item leaves the bank',
    run: async (storage) => {
      const nodes = openNodes(storage, 3);
      // In two steps, a call may find the bank empty while another one has the last item out.
      const mayMissLastItem = !(await isAtomic(storage));
      await storage.open().itemRepo.batchAddItems(vouchers(5));
      for (const [index, user] of users(20).entries()) {
        const answers = await Promise.all(
          nodes.flatMap((node) => [node.claim(user), node.claim(user)]),
        );
        const told = answers.map(({ item }) => item);
        const hasItem = index < 5;
        const items = new Set(hasItem && mayMissLastItem ? told.filter(isItem) : told);
        assert.equal(items.size, 1, `different answers for one ID: ${[...items].join(', ')}`);
        assert.equal(told.some(isItem), hasItem, 'IDs beyond the number of items get none');
        const firstHandOuts = answers.filter(({ status }) => status === 'claimed');
        assert.ok(firstHandOuts.length <= 1, 'a first hand-out was told more than once');
      }
      await assertNothingLostOrGivenTwice(storage, users(20), vouchers(5));
    },
  },
  ...[false, true].map(
    (skipFirstRead): ConformanceCheck => ({
      promises: ['P1', 'P2', 'P3', 'P4'],
      name: `60 IDs on three nodes at once, thrice each, share 40 items (skipFirstRead: ${skipFirstRead})`,
      run: async (storage) => {
        const nodes = openNodes(storage, 3, skipFirstRead);
        await storage.open().itemRepo.batchAddItems(vouchers(40));
        const atOnce = await Promise.all(nodes.map((node) => fetchAll(node, users(60))));
        // A call may miss an item while another call has it out to give it back; later calls may not.
        const later = await fetchAll(new Deduplicator(storage.open()), users(60));
        for (const answers of atOnce) {
          const changed = answers.filter((item, user) => item !== null && item !== later[user]);
          assert.deepEqual(changed, [], 'items that an ID was told and does not have');
        }
        assert.deepEqual(later.filter((item) => item !== null).sort(), vouchers(40).sort());
        await assertNothingLostOrGivenTwice(storage, users(60), vouchers(40));
      },
    }),
  ),
  {
    promises: ['P2', 'P4'],
    name: 'of 64 IDs at once for a single item one gets it, 20 rounds',
    run: async (storage) => {
      const nodes = openNodes(storage, 2);
      for (const voucher of vouchers(20)) {
        await storage.open().itemRepo.addItemToBank(voucher);
        const answers = await Promise.all(
          users(64).map((user, index) => fetchItem(nodeOf(nodes, index), `${user} ${voucher}`)),
        );
        const given = answers.filter((item) => item !== null);
        assert.deepEqual(given, [voucher]);
      }
    },
  },
  {
    promises: ['P4'],
    name: 'an item that is added after the bank was empty is given to the next new ID',
    run: async ({ open }) => {
      const deduplicator = new Deduplicator(open());
      assert.equal(await deduplicator.fetchItemForDeduplicationId('user-1'), null);
      await open().itemRepo.addItemToBank('voucher-1');
      assert.equal(await deduplicator.fetchItemForDeduplicationId('user-2'), 'voucher-1');
    },
  },
  {
    promises: ['P1', 'P2', 'P3'],
    name: 'unusual IDs get an item each, which comes as it was added and stays theirs',
    run: async ({ open }) => {
      const deduplicator = new Deduplicator(open());
      await deduplicator.addItemsToBank(UNUSUAL_KEYS);
      const first = await fetchAll(deduplicator, UNUSUAL_KEYS);
      assert.deepEqual([...first].sort(), [...UNUSUAL_KEYS].sort());
      assert.deepEqual(await fetchAll(new Deduplicator(open()), UNUSUAL_KEYS), first);
    },
  },
  {
    promises: ['P2'],
    name: `an item that was taken or claimed is still out of the bank ${LASTING_MS / 1_000} seconds later`,
    run: async ({ open }) => {
      const pair = open();
      const deduplicator = new Deduplicator(pair);
      await deduplicator.addItemsToBank(vouchers(4));
      const { item: claimed } = await deduplicator.claim('user-1');
      const taken = await pair.itemRepo.getItemFromBank();
      await runtime.sleep(LASTING_MS);
      const left = vouchers(4).filter((item) => item !== claimed && item !== taken);
      assert.deepEqual(await drain(open().itemRepo), left);
      assert.equal(await open().deduplicationRepo.getValueForDeduplicationId('user-1'), claimed);
    },
  },
  {
    promises: [],
    name: 'an invalid ID is refused, and no item leaves the bank',
    run: async ({ open }) => {
      const pair = open();
      await pair.itemRepo.addItemToBank('voucher-1');
      const deduplicator = new Deduplicator(pair);
      for (const unusable of UNUSABLE_KEYS as readonly string[]) {
        assert.equal(
          await codeOf(deduplicator.fetchItemForDeduplicationId(unusable)),
          'STORAGEBOX_INVALID_DEDUPLICATION_ID',
        );
      }
      assert.deepEqual(await drain(pair.itemRepo), ['voucher-1']);
    },
  },
  {
    promises: [],
    name: 'an aborted call throws the reason of its signal, and the next one gets the item',
    run: async ({ open }) => {
      const deduplicator = new Deduplicator(open());
      await deduplicator.addItemsToBank(['voucher-1']);
      const reason = new Error('the user went away');
      await assert.rejects(
        deduplicator.fetchItemForDeduplicationId('user-1', { signal: AbortSignal.abort(reason) }),
        reason,
      );
      assert.equal(await deduplicator.fetchItemForDeduplicationId('user-1'), 'voucher-1');
    },
  },
];

async function isAtomic({ open }: TestStorage): Promise<boolean> {
  const { itemRepo, deduplicationRepo } = open();
  return (await atomicWritesOf(deduplicationRepo, itemRepo)) !== null;
}

function isItem(item: string | null): boolean {
  return item !== null;
}

function fetchAll(
  deduplicator: Deduplicator,
  deduplicationIds: readonly string[],
): Promise<(string | null)[]> {
  return Promise.all(
    deduplicationIds.map((deduplicationId) => fetchItem(deduplicator, deduplicationId)),
  );
}

/** What is in the bank and what was assigned make up what was seeded, each item once. */
async function assertNothingLostOrGivenTwice(
  { open }: TestStorage,
  deduplicationIds: readonly string[],
  seeded: readonly string[],
): Promise<void> {
  assert.deepEqual(await accountedItems(open(), deduplicationIds), [...seeded].sort());
}
