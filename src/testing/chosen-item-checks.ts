import assert from 'node:assert/strict';
import type { AnyClaimResult } from '../contracts/atomic-writes.js';
import { Deduplicator } from '../hand-out/deduplicator.js';
import type { ConformanceCheck, TestStorage } from './conformance-check.js';
import {
  accountedItems,
  assertIsUnsupported,
  codeOf,
  drain,
  nodeOf,
  openNodes,
  patiently,
  UNUSABLE_KEYS,
  UNUSUAL_KEYS,
  users,
  vouchers,
} from './helpers.js';

/** The only check for a pair that cannot. */
export async function assertChoiceIsRefused({ open }: TestStorage): Promise<void> {
  const deduplicator = new Deduplicator(open());
  await deduplicator.addItemsToBank(vouchers(1));
  await assertIsUnsupported('item', deduplicator.claim('user-1', { item: 'voucher-1' }));
  assert.equal(await open().deduplicationRepo.getValueForDeduplicationId('user-1'), null);
  assert.deepEqual(await drain(open().itemRepo), vouchers(1));
}

const TAKEN = { status: 'taken', item: null };

export const chosenItemChecks: readonly ConformanceCheck[] = [
  {
    promises: ['P1', 'P2', 'P3'],
    needs: 'chosenItems',
    name: 'an ID gets the item that it chooses and no other, and keeps it',
    run: async ({ open }) => {
      const deduplicator = new Deduplicator(open());
      await deduplicator.addItemsToBank(vouchers(9));
      const chosen = await deduplicator.claim('user-1', { item: 'voucher-7' });
      assert.deepEqual(told(chosen), { status: 'claimed', item: 'voucher-7' });
      const again = await new Deduplicator(open()).claim('user-1', { item: 'voucher-7' });
      assert.deepEqual(told(again), { status: 'existing', item: 'voucher-7' });
      const plain = await new Deduplicator(open()).claim('user-1');
      assert.deepEqual(told(plain), { status: 'existing', item: 'voucher-7' });
      const left = vouchers(9).filter((item) => item !== 'voucher-7');
      assert.deepEqual(await drain(open().itemRepo), left);
    },
  },
  {
    promises: ['P1', 'P3'],
    needs: 'chosenItems',
    name: 'an ID that has an item is told which, whatever it chooses, and the chosen one stays in the bank',
    run: async ({ open }) => {
      const deduplicator = new Deduplicator(open());
      await deduplicator.addItemsToBank(vouchers(2));
      await deduplicator.claim('user-1', { item: 'voucher-1' });
      for (const item of ['voucher-2', 'no such voucher']) {
        const result = await new Deduplicator(open()).claim('user-1', { item });
        assert.deepEqual(told(result), { status: 'existing', item: 'voucher-1' });
      }
      assert.deepEqual(await drain(open().itemRepo), ['voucher-2']);
    },
  },
  {
    promises: ['P2', 'P3'],
    needs: 'chosenItems',
    name: 'an item that is not in the bank is taken, and the ID gets none instead',
    run: async ({ open }) => {
      const deduplicator = new Deduplicator(open());
      await deduplicator.addItemsToBank(vouchers(2));
      await deduplicator.claim('user-1', { item: 'voucher-1' });
      for (const item of ['voucher-1', 'no such voucher', 'voucher-1 ']) {
        assert.deepEqual(told(await deduplicator.claim('user-2', { item })), TAKEN);
      }
      assert.equal(await open().deduplicationRepo.getValueForDeduplicationId('user-2'), null);
      assert.deepEqual(await accountedItems(open(), users(2)), vouchers(2));
    },
  },
  {
    promises: ['P2'],
    needs: 'chosenItems',
    name: 'items of unusual names can be chosen, and are not confused',
    run: async ({ open }) => {
      const deduplicator = new Deduplicator(open());
      for (const item of UNUSUAL_KEYS) await deduplicator.itemRepo.addItemToBank(item);
      for (const [index, item] of UNUSUAL_KEYS.entries()) {
        const result = await deduplicator.claim(`user-${index}`, { item });
        assert.deepEqual(told(result), { status: 'claimed', item });
      }
      assert.deepEqual(await drain(open().itemRepo), []);
    },
  },
  {
    promises: ['P2', 'P3'],
    needs: 'chosenItems',
    name: 'of 20 IDs that choose one item at once one gets it, and to the others it is taken',
    run: async (storage) => {
      const nodes = openNodes(storage, 3);
      await storage.open().itemRepo.batchAddItems(vouchers(3));
      const results = await Promise.all(
        users(20).map((user, index) => choose(nodeOf(nodes, index), user, 'voucher-2')),
      );
      const winners = results.filter(({ status }) => status === 'claimed');
      assert.deepEqual(winners.map(told), [{ status: 'claimed', item: 'voucher-2' }]);
      const others = results.filter(({ status }) => status !== 'claimed');
      assert.deepEqual(
        others.map(told),
        others.map(() => TAKEN),
      );
      assert.deepEqual(await accountedItems(storage.open(), users(20)), vouchers(3));
    },
  },
  {
    promises: ['P1', 'P3'],
    needs: 'chosenItems',
    name: 'an ID that chooses five items at once gets one of them, and the others stay in the bank',
    run: async (storage) => {
      const nodes = openNodes(storage, 3);
      await storage.open().itemRepo.batchAddItems(vouchers(5));
      const results = await Promise.all(
        vouchers(5).map((item, index) => choose(nodeOf(nodes, index), 'user-1', item)),
      );
      const owned = await storage.open().deduplicationRepo.getValueForDeduplicationId('user-1');
      assert.ok(
        results.filter(({ status }) => status === 'claimed').length <= 1,
        'first hand-outs',
      );
      assert.deepEqual(new Set(results.map(({ item }) => item)), new Set([owned]));
      assert.deepEqual(await accountedItems(storage.open(), users(1)), vouchers(5));
    },
  },
  {
    promises: ['P1', 'P2', 'P3', 'P4'],
    needs: 'chosenItems',
    name: 'IDs that choose and IDs that take any item share a bank at once',
    run: async (storage) => {
      const nodes = openNodes(storage, 3);
      await storage.open().itemRepo.batchAddItems(vouchers(20));
      const results = await Promise.all(
        users(30).map((user, index) => {
          const node = nodeOf(nodes, index);
          const item = vouchers(20)[index];
          return index % 2 === 0 && item !== undefined
            ? choose(node, user, item)
            : patiently<AnyClaimResult>(() => node.claim(user));
        }),
      );
      for (const [index, user] of users(30).entries()) {
        const owned = await storage.open().deduplicationRepo.getValueForDeduplicationId(user);
        assert.equal(results[index]?.item, owned, `what ${user} was told and has`);
      }
      assert.deepEqual(await accountedItems(storage.open(), users(30)), vouchers(20).sort());
    },
  },
  {
    promises: ['P3'],
    needs: ['chosenItems', 'releaseItem'],
    name: 'a chosen item that is released can be chosen again',
    run: async ({ open }) => {
      const deduplicator = new Deduplicator(open());
      await deduplicator.addItemsToBank(vouchers(2));
      await deduplicator.claim('user-1', { item: 'voucher-1' });
      assert.deepEqual(told(await deduplicator.claim('user-2', { item: 'voucher-1' })), TAKEN);
      assert.equal(await deduplicator.releaseItemForDeduplicationId('user-1'), 'voucher-1');
      const result = await deduplicator.claim('user-2', { item: 'voucher-1' });
      assert.deepEqual(told(result), { status: 'claimed', item: 'voucher-1' });
    },
  },
  {
    promises: [],
    needs: 'chosenItems',
    name: 'what cannot be an item cannot be chosen',
    run: async ({ open }) => {
      const deduplicator = new Deduplicator(open());
      await deduplicator.addItemsToBank(vouchers(1));
      // Without a choice, `undefined` is no mistake.
      for (const item of UNUSABLE_KEYS.slice(1) as readonly string[]) {
        assert.equal(
          await codeOf(deduplicator.claim('user-1', { item })),
          'STORAGEBOX_INVALID_ITEM',
        );
      }
      assert.deepEqual(await drain(open().itemRepo), vouchers(1));
    },
  },
];

function choose(node: Deduplicator, user: string, item: string): Promise<AnyClaimResult> {
  return patiently(() => node.claim(user, { item }));
}

function told({ status, item }: AnyClaimResult) {
  return { status, item };
}
