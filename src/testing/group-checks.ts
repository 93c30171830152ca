import assert from 'node:assert/strict';
import type { GroupClaimResult } from '../contracts/atomic-writes.js';
import { MAX_GROUP_IDS } from '../contracts/validation.js';
import { runtime } from '../environment/runtime.js';
import { Deduplicator } from '../hand-out/deduplicator.js';
import type { ConformanceCheck, RepositoryPair, TestStorage } from './conformance-check.js';
import {
  accountedItems,
  assertIsUnsupported,
  codeOf,
  drain,
  nodeOf,
  openNodes,
  patiently,
  rejectionOf,
  UNUSABLE_KEYS,
  users,
  vouchers,
} from './helpers.js';
import { ownedBy, sweepUntil } from './hold-checks.js';

/** The only check for a pair that cannot. */
export async function assertGroupIsRefused({ open }: TestStorage): Promise<void> {
  const deduplicator = new Deduplicator(open());
  await deduplicator.addItemsToBank(vouchers(2));
  await assertIsUnsupported('claimAll', deduplicator.claimAll(users(2)));
  assert.deepEqual(await accountedItems(open(), users(2)), vouchers(2));
}

const checks: readonly Omit<ConformanceCheck, 'needs'>[] = [
  {
    promises: ['P1', 'P2', 'P3'],
    name: 'each ID of a group gets an item of its own, and keeps it',
    run: async ({ open }) => {
      const deduplicator = new Deduplicator(open());
      await deduplicator.addItemsToBank(vouchers(5));
      const first = await deduplicator.claimAll(users(3));
      assert.equal(first.status, 'claimed');
      assert.deepEqual(told(first), await expected(open(), users(3), 'claimed'));
      assert.equal(new Set(itemsOf(first)).size, 3, 'different items');
      const again = await new Deduplicator(open()).claimAll(users(3));
      assert.equal(again.status, 'existing');
      assert.deepEqual(told(again), await expected(open(), users(3), 'existing'));
      assert.deepEqual(itemsOf(again), itemsOf(first));
      assert.deepEqual(await accountedItems(open(), users(3)), vouchers(5));
    },
  },
  {
    promises: ['P1', 'P2', 'P3'],
    name: 'those of a group that have an item keep it, and the others get one',
    run: async ({ open }) => {
      const deduplicator = new Deduplicator(open());
      await deduplicator.addItemsToBank(vouchers(4));
      const { item } = await deduplicator.claim('user-2');
      const result = await deduplicator.claimAll(users(4));
      assert.equal(result.status, 'claimed');
      assert.deepEqual(
        result.members?.map(({ status }) => status),
        ['claimed', 'existing', 'claimed', 'claimed'],
      );
      assert.equal(itemsOf(result)[1], item);
      assert.deepEqual(itemsOf(result), await ownedBy(open(), users(4)));
      assert.deepEqual(await accountedItems(open(), users(4)), vouchers(4));
    },
  },
  {
    promises: ['P3', 'P4'],
    name: 'a group for which there is too little gets nothing, and is told how much there is',
    run: async ({ open }) => {
      const deduplicator = new Deduplicator(open());
      await deduplicator.addItemsToBank(vouchers(4));
      await deduplicator.claim('user-2');
      assert.deepEqual(await deduplicator.claimAll(users(5)), {
        status: 'exhausted',
        itemsNeeded: 4,
        itemsSeen: 3,
      });
      const owned = await ownedBy(open(), users(5));
      assert.deepEqual(
        owned.map((item) => item !== null),
        [false, true, false, false, false],
      );
      assert.equal((await deduplicator.claimAll(users(4))).status, 'claimed');
      assert.deepEqual(await new Deduplicator(open()).claimAll(['late']), {
        status: 'exhausted',
        itemsNeeded: 1,
        itemsSeen: 0,
      });
      assert.deepEqual(await accountedItems(open(), users(4)), vouchers(4));
    },
  },
  {
    promises: ['P2', 'P3'],
    name: `a group may have ${MAX_GROUP_IDS} IDs`,
    run: async ({ open }) => {
      const deduplicator = new Deduplicator(open());
      await deduplicator.addItemsToBank(vouchers(MAX_GROUP_IDS));
      const result = await deduplicator.claimAll(users(MAX_GROUP_IDS));
      assert.deepEqual(itemsOf(result).sort(), vouchers(MAX_GROUP_IDS).sort());
      const all = await accountedItems(open(), users(MAX_GROUP_IDS));
      assert.deepEqual(all, vouchers(MAX_GROUP_IDS).sort());
    },
  },
  {
    promises: ['P3', 'P4'],
    name: 'of two groups at once for the last items one gets them, 10 rounds',
    run: async (storage) => {
      const nodes = openNodes(storage, 3);
      const ids: string[] = [];
      const added: string[] = [];
      for (let round = 0; round < 10; round++) {
        // One is left over of each round before: enough for one group, too little for two.
        const items = Array.from({ length: round === 0 ? 4 : 3 }, (_, nth) => `${round}/${nth}`);
        await storage.open().itemRepo.batchAddItems(items);
        added.push(...items);
        const groups = ['a', 'b'].map((name) => users(3).map((user) => `${user}/${round}/${name}`));
        ids.push(...groups.flat());
        const results = await Promise.all(
          groups.map((group, index) => claimAll(nodeOf(nodes, round + index), group)),
        );
        const statuses = results.map(({ status }) => status).sort();
        assert.deepEqual(statuses, ['claimed', 'exhausted']);
        for (const [index, group] of groups.entries()) {
          const isClaimed = results[index]?.status === 'claimed';
          const owned = (await ownedBy(storage.open(), group)).filter((item) => item !== null);
          assert.equal(owned.length, isClaimed ? 3 : 0, 'items of a group');
        }
      }
      assert.deepEqual(await accountedItems(storage.open(), ids), added.sort());
    },
  },
  {
    promises: ['P1', 'P2', 'P3', 'P4'],
    name: 'groups that overlap, and single claims, at once: each ID gets one item',
    run: async (storage) => {
      const nodes = openNodes(storage, 3);
      const ids = users(12);
      await storage.open().itemRepo.batchAddItems(vouchers(20));
      const groups = ids.map((_, index) =>
        [0, 1, 5].map((offset) => ids[(index + offset) % ids.length] as string),
      );
      const [results, singles] = await Promise.all([
        Promise.all(groups.map((group, index) => claimAll(nodeOf(nodes, index), group))),
        Promise.all(ids.map((id, index) => patiently(() => nodeOf(nodes, index + 1).claim(id)))),
      ]);
      const owned = new Map<string, string | null>();
      for (const id of ids) {
        owned.set(id, await storage.open().deduplicationRepo.getValueForDeduplicationId(id));
      }
      for (const [index, group] of groups.entries()) {
        assert.deepEqual(
          itemsOf(results[index] as GroupClaimResult),
          group.map((id) => owned.get(id)),
        );
      }
      assert.deepEqual(
        singles.map(({ item }) => item),
        ids.map((id) => owned.get(id)),
      );
      assert.deepEqual(await accountedItems(storage.open(), ids), vouchers(20).sort());
    },
  },
  {
    promises: ['P1', 'P2', 'P3'],
    name: 'groups and single claims at once for too few items: no group gets a part',
    run: async (storage) => {
      const nodes = openNodes(storage, 3);
      await storage.open().itemRepo.batchAddItems(vouchers(20));
      const groups = Array.from({ length: 8 }, (_, nth) =>
        users(4).map((user) => `${user}/${nth}`),
      );
      const [results, singles] = await Promise.all([
        Promise.all(groups.map((group, index) => claimAll(nodeOf(nodes, index), group))),
        Promise.all(users(4).map((id, index) => patiently(() => nodeOf(nodes, index).claim(id)))),
      ]);
      for (const [index, group] of groups.entries()) {
        const owned = await ownedBy(storage.open(), group);
        const { status } = results[index] as GroupClaimResult;
        assert.equal(
          owned.filter((item) => item !== null).length,
          status === 'exhausted' ? 0 : group.length,
          `items of a group that was told "${status}"`,
        );
      }
      assert.ok(singles.every(({ status }) => status === 'claimed' || status === 'exhausted'));
      const all = await accountedItems(storage.open(), [...groups.flat(), ...users(4)]);
      assert.deepEqual(all, vouchers(20).sort());
    },
  },
  {
    promises: [],
    name: 'no IDs, too many, an invalid one and one that comes twice are refused, and nothing is written',
    run: async ({ open }) => {
      const deduplicator = new Deduplicator(open());
      await deduplicator.addItemsToBank(vouchers(3));
      for (const group of [[], users(MAX_GROUP_IDS + 1), ['user-1', 'user-2', 'user-1']]) {
        assert.equal(await codeOf(deduplicator.claimAll(group)), 'STORAGEBOX_INVALID_OPTION');
      }
      for (const unusable of UNUSABLE_KEYS as readonly string[]) {
        const error = await rejectionOf(deduplicator.claimAll(['user-1', unusable]));
        assert.equal(error?.code, 'STORAGEBOX_INVALID_DEDUPLICATION_ID');
        assert.equal(error.index, 1);
      }
      assert.deepEqual(await drain(open().itemRepo), vouchers(3));
      assert.deepEqual(await ownedBy(open(), users(2)), [null, null]);
    },
  },
  {
    promises: [],
    name: 'an aborted group throws the reason of its signal, and gets nothing',
    run: async ({ open }) => {
      const deduplicator = new Deduplicator(open());
      await deduplicator.addItemsToBank(vouchers(2));
      const reason = new Error('the user went away');
      const signal = AbortSignal.abort(reason);
      await assert.rejects(deduplicator.claimAll(users(2), { signal }), reason);
      assert.deepEqual(await drain(open().itemRepo), vouchers(2));
    },
  },
];

export const groupChecks: readonly ConformanceCheck[] = [
  ...checks.map((check) => ({ ...check, needs: 'groups' as const })),
  {
    promises: ['P1', 'P2', 'P3'],
    needs: ['groups', 'holds'],
    name: 'a group can be held: it extends the holds of those that have one, and all can be taken back',
    run: async ({ open }) => {
      const deduplicator = new Deduplicator(open());
      await deduplicator.addItemsToBank(vouchers(3));
      await deduplicator.claim('user-1');
      const { heldUntil: first } = await deduplicator.claim('user-2', { holdForMs: 1 });
      const held = await deduplicator.claimAll(users(3), { holdForMs: 50 });
      assert.equal(held.status, 'claimed');
      const ends = held.members?.map(({ heldUntil }) => heldUntil) ?? [];
      assert.equal(ends[0], null, 'what an ID has for good stays so');
      assert.ok(first instanceof Date && ends[1] instanceof Date && ends[1] > first, 'extended');
      assert.ok(ends[2] instanceof Date, 'held');
      for (const [index, user] of users(3).entries()) {
        assert.deepEqual((await deduplicator.claim(user)).heldUntil, ends[index]);
      }
      await runtime.sleep(100);
      assert.equal(await sweepUntil(deduplicator, 2), 2);
      const owned = await ownedBy(open(), users(3));
      assert.deepEqual(
        owned.map((item) => item !== null),
        [true, false, false],
      );
      assert.deepEqual(await accountedItems(open(), users(3)), vouchers(3));
    },
  },
  {
    promises: ['P1', 'P3'],
    needs: ['groups', 'releaseItem'],
    name: 'groups and releases of their IDs at once: what a group was told was so at one moment',
    run: async (storage) => {
      const nodes = openNodes(storage, 3);
      await storage.open().itemRepo.batchAddItems(vouchers(10));
      for (let round = 0; round < 10; round++) {
        const [result] = await Promise.all([
          claimAll(nodeOf(nodes, round), users(3)),
          patiently(() => nodeOf(nodes, round + 1).releaseItemForDeduplicationId('user-2')),
        ]);
        assert.notEqual(result.status, 'exhausted');
        assert.equal(new Set(itemsOf(result)).size, 3, 'different items');
        const [first, , third] = await ownedBy(storage.open(), users(3));
        assert.deepEqual([itemsOf(result)[0], itemsOf(result)[2]], [first, third]);
      }
      assert.deepEqual(await accountedItems(storage.open(), users(3)), vouchers(10).sort());
    },
  },
];

function claimAll(node: Deduplicator, ids: readonly string[]): Promise<GroupClaimResult> {
  return patiently(() => node.claimAll(ids));
}

function itemsOf({ members = [] }: GroupClaimResult): string[] {
  return members.map(({ item }) => item);
}

function told({ members = [] }: GroupClaimResult) {
  return members.map(({ deduplicationId, status, item }) => ({ deduplicationId, status, item }));
}

async function expected(
  pair: RepositoryPair,
  ids: readonly string[],
  status: 'claimed' | 'existing',
) {
  const owned = await ownedBy(pair, ids);
  return ids.map((deduplicationId, index) => ({ deduplicationId, status, item: owned[index] }));
}
