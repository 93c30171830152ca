import assert from 'node:assert/strict';
import type { DeduplicationRepository } from '../contracts/deduplication-repository.js';
import { Deduplicator } from '../hand-out/deduplicator.js';
import type {
  ConformanceCheck,
  ConformanceNeed,
  OwnWritesForTests,
  RepositoryPair,
  TestStorage,
} from './conformance-check.js';
import {
  accountedItems,
  assertIsUnsupported,
  drain,
  patiently,
  rejectionOf,
  users,
  vouchers,
} from './helpers.js';
import { ownedBy } from './hold-checks.js';

const HOUR_MS = 3_600_000;

/** The only check for a pair that cannot. */
export async function assertOwnWritesAreRefused({ open }: TestStorage): Promise<void> {
  const deduplicator = new Deduplicator(withOwnWrites(open()));
  await deduplicator.addItemsToBank(vouchers(2));
  const alongside = () => assert.fail('own writes were asked for, which the pair cannot make');
  await assertIsUnsupported('alongside', deduplicator.claim('user-1', { alongside }));
  assert.deepEqual(await accountedItems(open(), users(1)), vouchers(2));
}

/** A check that has a deduplicator with two items in the bank, and own writes. */
interface OwnWriteCheck extends Pick<ConformanceCheck, 'name' | 'promises'> {
  readonly needs?: readonly ConformanceNeed[];
  run(
    deduplicator: Deduplicator<unknown>,
    own: OwnWritesForTests,
    storage: TestStorage,
  ): Promise<void>;
}

const checks: readonly OwnWriteCheck[] = [
  {
    promises: ['P3'],
    name: 'own writes are made once with the claim, and not again for an ID that has its item',
    run: async (deduplicator, own) => {
      const tried: string[] = [];
      const alongside = (item: string) => {
        tried.push(item);
        return own.adding('order');
      };
      const { status, item } = await deduplicator.claim('user-1', { alongside });
      assert.equal(status, 'claimed');
      assert.equal(tried.at(-1), item, 'the item that own writes were asked for');
      assert.equal(await own.countOf('order'), 1);
      const again = await deduplicator.claim('user-1', { alongside });
      assert.deepEqual([again.status, again.item], ['existing', item]);
      assert.equal(await own.countOf('order'), 1);
    },
  },
  {
    promises: ['P3', 'P6'],
    name: 'a claim whose own writes are refused writes nothing, and can be repeated',
    run: async (deduplicator, own, { open }) => {
      const refused = deduplicator.claim('user-1', { alongside: () => own.addingInVain('order') });
      await assertRefused(refused);
      assert.equal(await own.countOf('order'), 0);
      assert.deepEqual(await ownedBy(open(), users(1)), [null]);
      const { status } = await deduplicator.claim('user-1', {
        alongside: () => own.adding('order'),
      });
      assert.equal(status, 'claimed');
      assert.equal(await own.countOf('order'), 1);
      assert.deepEqual(await accountedItems(open(), users(1)), vouchers(2));
    },
  },
  {
    promises: ['P1', 'P4'],
    name: 'an ID that has an item, and a bank that is empty, come before a refusal',
    run: async (deduplicator, own) => {
      const alongside = () => own.addingInVain('order');
      const { item } = await deduplicator.claim('user-1');
      await deduplicator.claim('user-2');
      const existing = await deduplicator.claim('user-1', { alongside });
      assert.deepEqual([existing.status, existing.item], ['existing', item]);
      const exhausted = await deduplicator.claim('user-3', { alongside });
      assert.deepEqual([exhausted.status, exhausted.item], ['exhausted', null]);
      assert.equal(await own.countOf('order'), 0);
    },
  },
  {
    promises: ['P1', 'P2', 'P3', 'P4'],
    name: 'own writes of 10 IDs at once, twice each, for 6 items: one for each item that was given',
    run: async (_, own, { open }) => {
      const nodes = [1, 2, 3].map(() => new Deduplicator(withOwnWrites(open())));
      await open().itemRepo.batchAddItems(['voucher-3', 'voucher-4', 'voucher-5', 'voucher-6']);
      const calls = [...users(10), ...users(10)].map((user, index) => {
        const node = nodes[index % nodes.length] as Deduplicator<unknown>;
        return patiently(() => node.claim(user, { alongside: () => own.adding(user) }));
      });
      await Promise.all(calls);
      const owned = await ownedBy(open(), users(10));
      for (const [index, user] of users(10).entries()) {
        assert.equal(await own.countOf(user), owned[index] === null ? 0 : 1, `writes of ${user}`);
      }
      assert.equal(owned.filter((item) => item !== null).length, 6);
      assert.deepEqual(await accountedItems(open(), users(10)), vouchers(6));
    },
  },
  {
    promises: [],
    name: 'an error of the function itself reaches the caller, and nothing is written',
    run: async (deduplicator, own, { open }) => {
      const fault = new Error('the order cannot be made');
      const alongside = () => {
        throw fault;
      };
      await assert.rejects(deduplicator.claim('user-1', { alongside }), fault);
      assert.equal(await own.countOf('order'), 0);
      assert.deepEqual(await accountedItems(open(), users(1)), vouchers(2));
    },
  },
  {
    promises: [],
    name: 'a call whose signal is aborted throws its reason, and makes no own writes',
    run: async (deduplicator, own, { open }) => {
      const reason = new Error('the user went away');
      const options = { signal: AbortSignal.abort(reason), alongside: () => own.adding('order') };
      await assert.rejects(deduplicator.claim('user-1', options), reason);
      assert.equal(await own.countOf('order'), 0);
      assert.deepEqual(await accountedItems(open(), users(1)), vouchers(2));
    },
  },
  {
    promises: ['P2'],
    needs: ['chosenItems'],
    name: 'a chosen item that is taken comes before a refusal',
    run: async (deduplicator, own, { open }) => {
      await deduplicator.claim('user-1', { item: 'voucher-1' });
      const alongside = () => own.addingInVain('order');
      const taken = await deduplicator.claim('user-2', { item: 'voucher-1', alongside });
      assert.equal(taken.status, 'taken');
      await assertRefused(deduplicator.claim('user-2', { item: 'voucher-2', alongside }));
      const { status } = await deduplicator.claim('user-2', {
        item: 'voucher-2',
        alongside: () => own.adding('order'),
      });
      assert.equal(status, 'claimed');
      assert.equal(await own.countOf('order'), 1);
      assert.deepEqual(await drain(open().itemRepo), []);
    },
  },
  {
    promises: ['P1', 'P3'],
    needs: ['holds'],
    name: 'a confirmation whose own writes are refused leaves the hold, and makes them once',
    run: async (deduplicator, own) => {
      const alongside = () => own.adding('payment');
      assert.equal(await deduplicator.confirm('user-1', { alongside }), null);
      const { item, heldUntil } = await deduplicator.claim('user-1', { holdForMs: HOUR_MS });
      await assertRefused(
        deduplicator.confirm('user-1', { alongside: () => own.addingInVain('payment') }),
      );
      assert.deepEqual((await deduplicator.claim('user-1')).heldUntil, heldUntil);
      assert.equal(await own.countOf('payment'), 0);
      for (let repeat = 0; repeat < 2; repeat++) {
        assert.equal(await deduplicator.confirm('user-1', { alongside }), item);
        assert.equal(await own.countOf('payment'), 1);
      }
      assert.equal((await deduplicator.claim('user-1')).heldUntil, null);
    },
  },
  {
    promises: ['P3'],
    needs: ['groups'],
    name: 'own writes of a group are made once, for all of it or not at all',
    run: async (deduplicator, own, { open }) => {
      const refused = () => own.addingInVain('order');
      await assertRefused(deduplicator.claimAll(users(2), { alongside: refused }));
      assert.deepEqual(await ownedBy(open(), users(2)), [null, null]);
      const exhausted = await deduplicator.claimAll(users(3), { alongside: refused });
      assert.equal(exhausted.status, 'exhausted');
      let members: readonly unknown[] = [];
      const alongside = (all: readonly unknown[]) => {
        members = all;
        return own.adding('order');
      };
      const result = await deduplicator.claimAll(users(2), { alongside });
      assert.deepEqual(result.members, members);
      assert.equal(await own.countOf('order'), 1);
      assert.equal((await deduplicator.claimAll(users(2), { alongside })).status, 'existing');
      assert.equal(
        (await deduplicator.claimAll(users(2), { alongside: refused })).status,
        'existing',
      );
      assert.equal(await own.countOf('order'), 1);
      assert.deepEqual(await accountedItems(open(), users(2)), vouchers(2));
    },
  },
  {
    promises: ['P3'],
    needs: ['releaseItem'],
    name: 'a release whose own writes are refused leaves the item with its ID, and makes them once',
    run: async (deduplicator, own, { open }) => {
      const refused = () => own.addingInVain('refund');
      const alongside = () => own.adding('refund');
      const { item } = await deduplicator.claim('user-1');
      const { item: other } = await deduplicator.claim('user-2');
      await assertRefused(
        deduplicator.releaseItemForDeduplicationId('user-1', { alongside: refused }),
      );
      await assertRefused(
        deduplicator.retireItemForDeduplicationId('user-2', { alongside: refused }),
      );
      assert.deepEqual(await ownedBy(open(), users(2)), [item, other]);
      assert.equal(await own.countOf('refund'), 0);
      assert.equal(await deduplicator.releaseItemForDeduplicationId('user-1', { alongside }), item);
      assert.equal(await own.countOf('refund'), 1);
      assert.equal(await deduplicator.releaseItemForDeduplicationId('user-1', { alongside }), null);
      assert.equal(await own.countOf('refund'), 1);
      assert.equal(await deduplicator.retireItemForDeduplicationId('user-2', { alongside }), other);
      assert.equal(await own.countOf('refund'), 2);
      assert.deepEqual(await accountedItems(open(), users(2)), [item]);
    },
  },
];

export const ownWriteChecks: readonly ConformanceCheck[] = checks.map(
  ({ needs = [], run, ...check }) => ({
    ...check,
    needs: ['alongside', 'ownWrites', ...needs],
    run: async (storage) => {
      const own = (await storage.ownWrites?.()) as OwnWritesForTests;
      const deduplicator = new Deduplicator(withOwnWrites(storage.open()));
      await deduplicator.addItemsToBank(vouchers(2));
      await run(deduplicator, own, storage);
    },
  }),
);

/** The pair, whatever it can write for its caller. */
function withOwnWrites({ itemRepo, deduplicationRepo }: RepositoryPair) {
  return {
    itemRepo,
    deduplicationRepo: deduplicationRepo as DeduplicationRepository<unknown>,
  };
}

async function assertRefused(call: Promise<unknown>): Promise<void> {
  const error = await rejectionOf(call);
  assert.equal(error?.code, 'STORAGEBOX_ALONGSIDE_REFUSED');
  assert.equal(error.written, 'nothing');
  assert.ok(error.reasons.length > 0, 'reasons of the refusal');
}
