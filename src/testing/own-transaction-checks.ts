import assert from 'node:assert/strict';
import { Deduplicator } from '../hand-out/deduplicator.js';
import type { ConformanceCheck, ConformanceNeed, TestStorage } from './conformance-check.js';
import {
  accountedItems,
  assertIsUnsupported,
  canRelease,
  codeOf,
  nodeOf,
  openNodes,
  patiently,
  users,
  vouchers,
} from './helpers.js';
import { ownedBy } from './hold-checks.js';

const HOUR_MS = 3_600_000;

/** The only check for a pair that cannot. */
export async function assertOwnTransactionsAreRefused({ open }: TestStorage): Promise<void> {
  const deduplicator = new Deduplicator(open());
  await deduplicator.addItemsToBank(vouchers(2));
  const { item } = await deduplicator.claim('user-1');
  const within = {};
  await assertIsUnsupported('within', deduplicator.claim('user-2', { within }));
  await assertIsUnsupported('within', deduplicator.confirm('user-1', { within }));
  if (await canRelease(open())) {
    const released = deduplicator.releaseItemForDeduplicationId('user-1', { within });
    await assertIsUnsupported('within', released);
    const retired = deduplicator.retireItemForDeduplicationId('user-1', { within });
    await assertIsUnsupported('within', retired);
  }
  // A bank that can, in a pair that cannot, finds that this is no connection.
  const added = deduplicator.addItemsToBank(['voucher-3'], { within });
  assert.notEqual(await codeOf(added), 'no error', 'a call that adds items `within`');
  assert.deepEqual(await ownedBy(open(), users(2)), [item, null]);
  assert.deepEqual(await accountedItems(open(), users(2)), vouchers(2));
}

type Body = (within: object) => Promise<void>;

/** A check that has a deduplicator with two items in the bank. */
interface OwnTransactionCheck extends Pick<ConformanceCheck, 'name' | 'promises'> {
  readonly needs?: readonly ConformanceNeed[];
  run(
    deduplicator: Deduplicator,
    committed: (body: Body) => Promise<void>,
    rolledBack: (body: Body) => Promise<void>,
    storage: TestStorage,
  ): Promise<void>;
}

const checks: readonly OwnTransactionCheck[] = [
  {
    promises: ['P1', 'P3'],
    name: 'what an ID claims in a transaction is its own after the commit, and not after a rollback',
    run: async (deduplicator, committed, rolledBack, { open }) => {
      const { deduplicationRepo } = open();
      let item: string | null = null;
      let seen: Promise<string | null> | undefined;
      const claimed: Body = async (within) => {
        const first = await deduplicator.claim('user-1', { within });
        assert.equal(first.status, 'claimed');
        const again = await deduplicator.claim('user-1', { within });
        assert.deepEqual([again.status, again.item], ['existing', first.item]);
        item = first.item;
      };
      await rolledBack(async (within) => {
        await claimed(within);
        // Not awaited before the end: a store with a single connection answers no sooner.
        seen = deduplicationRepo.getValueForDeduplicationId('user-1');
      });
      assert.equal(await seen, null, 'what others see of a transaction that is not committed');
      assert.deepEqual(await ownedBy(open(), users(1)), [null]);
      await committed(claimed);
      assert.deepEqual(await ownedBy(open(), users(1)), [item]);
      assert.deepEqual(await accountedItems(open(), users(1)), vouchers(2));
    },
  },
  {
    promises: ['P3', 'P4'],
    name: 'a bank that was empty in a transaction is not empty after its rollback',
    run: async (deduplicator, _, rolledBack, { open }) => {
      await rolledBack(async (within) => {
        const statuses: string[] = [];
        for (const user of users(3)) {
          statuses.push((await deduplicator.claim(user, { within })).status);
        }
        assert.deepEqual(statuses, ['claimed', 'claimed', 'exhausted']);
      });
      assert.equal((await deduplicator.claim('user-3')).status, 'claimed');
      assert.deepEqual(await accountedItems(open(), users(3)), vouchers(2));
    },
  },
  {
    promises: ['P2', 'P3', 'P4'],
    name: 'items that are added in a transaction can be claimed in it, and are there after the commit alone',
    run: async (deduplicator, committed, rolledBack, { open }) => {
      for (const user of users(2)) await deduplicator.claim(user);
      let item: string | null = null;
      const added: Body = async (within) => {
        const report = await deduplicator.addItemsToBank(['voucher-3', 'voucher-4'], { within });
        assert.equal(report.added, 2);
        ({ item } = await deduplicator.claim('user-3', { within }));
      };
      await rolledBack(added);
      assert.equal((await deduplicator.claim('user-3')).status, 'exhausted');
      await committed(added);
      assert.deepEqual(await ownedBy(open(), ['user-3']), [item]);
      assert.deepEqual(await accountedItems(open(), users(3)), vouchers(4));
    },
  },
  {
    promises: ['P1', 'P3'],
    needs: ['holds'],
    name: 'a hold that is made in a transaction is one after the commit, and none after a rollback',
    run: async (deduplicator, committed, rolledBack, { open }) => {
      let heldUntil: Date | null | undefined;
      const held: Body = async (within) => {
        const result = await deduplicator.claim('user-1', { within, holdForMs: HOUR_MS });
        assert.equal(result.status, 'claimed');
        heldUntil = result.heldUntil;
      };
      await rolledBack(held);
      assert.deepEqual(await ownedBy(open(), users(1)), [null]);
      await committed(held);
      assert.ok(heldUntil instanceof Date, 'the end of the hold');
      assert.deepEqual((await deduplicator.claim('user-1')).heldUntil, heldUntil);
    },
  },
  {
    promises: ['P1'],
    needs: ['holds'],
    name: 'a confirmation in a transaction comes to pass at the commit, and not at a rollback',
    run: async (deduplicator, committed, rolledBack) => {
      const { item, heldUntil } = await deduplicator.claim('user-1', { holdForMs: HOUR_MS });
      const confirmed: Body = async (within) => {
        assert.equal(await deduplicator.confirm('user-1', { within }), item);
      };
      await rolledBack(confirmed);
      assert.deepEqual((await deduplicator.claim('user-1')).heldUntil, heldUntil);
      await committed(confirmed);
      assert.equal((await deduplicator.claim('user-1')).heldUntil, null);
    },
  },
  {
    promises: ['P1', 'P3'],
    needs: ['releaseItem'],
    name: 'a release in a transaction comes to pass at the commit, and not at a rollback',
    run: async (deduplicator, committed, rolledBack, { open }) => {
      const { item } = await deduplicator.claim('user-1');
      const { item: other } = await deduplicator.claim('user-2');
      const released: Body = async (within) => {
        const options = { within };
        assert.equal(await deduplicator.releaseItemForDeduplicationId('user-1', options), item);
        assert.equal(await deduplicator.retireItemForDeduplicationId('user-2', options), other);
      };
      await rolledBack(released);
      assert.deepEqual(await ownedBy(open(), users(2)), [item, other]);
      await committed(released);
      assert.deepEqual(await ownedBy(open(), users(2)), [null, null]);
      assert.deepEqual(await accountedItems(open(), users(2)), [item]);
    },
  },
  {
    promises: ['P1', 'P2', 'P3'],
    needs: ['releaseItem'],
    name: 'an item that goes from one ID to another in a transaction does so at the commit, or not at all',
    run: async (deduplicator, committed, rolledBack, { open }) => {
      const { item } = await deduplicator.claim('user-1');
      const { item: other } = await deduplicator.claim('user-2');
      const handedOn: Body = async (within) => {
        await deduplicator.releaseItemForDeduplicationId('user-1', { within });
        const next = await deduplicator.claim('user-3', { within });
        assert.deepEqual([next.status, next.item], ['claimed', item]);
      };
      await rolledBack(handedOn);
      assert.deepEqual(await ownedBy(open(), users(3)), [item, other, null]);
      await committed(handedOn);
      assert.deepEqual(await ownedBy(open(), users(3)), [null, other, item]);
      assert.deepEqual(await accountedItems(open(), users(3)), vouchers(2));
    },
  },
  {
    promises: ['P1', 'P2', 'P3'],
    name: 'of 10 transactions at once, half of them rolled back, and 5 plain calls: each ID has what it was told, or nothing',
    run: async (_, committed, rolledBack, storage) => {
      const nodes = openNodes(storage, 3);
      // So many that some of those who roll back had one, whoever comes first.
      await storage.open().itemRepo.batchAddItems(vouchers(12));
      const told = users(15).map((): string | null => null);
      const calls = users(15).map((user, index) => {
        const claim = async (within?: object) => {
          told[index] = (await nodeOf(nodes, index).claim(user, { within })).item;
        };
        if (index >= 10) return patiently(claim);
        const end = isRolledBack(index) ? rolledBack : committed;
        // What ended a transaction is an error of the store's own: its caller repeats all of it.
        return patiently(
          () => end(claim),
          () => true,
        );
      });
      await Promise.all(calls);
      const expected = told.map((item, index) => (isRolledBack(index) ? null : item));
      assert.deepEqual(await ownedBy(storage.open(), users(15)), expected);
      assert.deepEqual(await accountedItems(storage.open(), users(15)), vouchers(12).sort());
    },
  },
  {
    promises: ['P5'],
    name: 'a call within a transaction that has ended, or within what is none, throws and writes nothing',
    run: async (deduplicator, committed, _, { open }) => {
      let ended: object = {};
      await committed(async (within) => {
        ended = within;
      });
      for (const within of [ended, {}]) {
        await assert.rejects(deduplicator.claim('user-1', { within }));
        await assert.rejects(deduplicator.addItemsToBank(['voucher-3'], { within }));
      }
      assert.deepEqual(await accountedItems(open(), users(1)), vouchers(2));
    },
  },
];

function isRolledBack(index: number): boolean {
  return index < 10 && index % 2 === 1;
}

export const ownTransactionChecks: readonly ConformanceCheck[] = checks.map(
  ({ needs = [], run, ...check }) => ({
    ...check,
    needs: ['within', 'ownTransaction', ...needs],
    run: async (storage) => {
      const committed = async (body: Body) => storage.inOwnTransaction?.(body);
      const rolledBack = async (body: Body) => {
        const changeOfMind = new Error('the caller rolls back');
        const isCommitted = await committed(async (within) => {
          await body(within);
          throw changeOfMind;
        }).then(
          () => true,
          (error: unknown) => {
            if (error !== changeOfMind) throw error;
            return false;
          },
        );
        assert.ok(!isCommitted, '`inOwnTransaction` rejects with what its body threw');
      };
      const deduplicator = new Deduplicator(storage.open());
      await deduplicator.addItemsToBank(vouchers(2));
      await run(deduplicator, committed, rolledBack, storage);
    },
  }),
);
