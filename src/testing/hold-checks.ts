import assert from 'node:assert/strict';
import type { ExpiredHold } from '../contracts/atomic-writes.js';
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
  users,
  vouchers,
  writesOf,
} from './helpers.js';

const HOUR_MS = 3_600_000;
/** A hold of a millisecond has ended when so much time has passed. */
const A_MOMENT_MS = 20;
/** What a store shows of holds that have ended may lag behind. */
const SWEEP_PATIENCE_MS = 10_000;
/** For what passes between two looks at the clock on a busy machine. */
const SLACK_MS = 60_000;

/** The only check for a pair that cannot. */
export async function assertHoldIsRefused({ open }: TestStorage): Promise<void> {
  const deduplicator = new Deduplicator(open());
  await deduplicator.addItemsToBank(vouchers(1));
  await assertIsUnsupported('holdForMs', deduplicator.claim('user-1', { holdForMs: HOUR_MS }));
  await assertIsUnsupported('confirm', deduplicator.confirm('user-1'));
  await assertIsUnsupported('releaseExpiredHolds', deduplicator.releaseExpiredHolds());
  assert.equal(await open().deduplicationRepo.getValueForDeduplicationId('user-1'), null);
  assert.deepEqual(await drain(open().itemRepo), vouchers(1));
}

const checks: readonly Omit<ConformanceCheck, 'needs'>[] = [
  {
    promises: ['P1', 'P2', 'P3'],
    name: 'an ID that holds an item has it like any other, and is told when the hold ends',
    run: async ({ open }) => {
      const deduplicator = new Deduplicator(open());
      await deduplicator.addItemsToBank(vouchers(1));
      const beginMs = runtime.date().getTime();
      const { status, item, heldUntil } = await deduplicator.claim('user-1', {
        holdForMs: HOUR_MS,
      });
      assert.deepEqual({ status, item }, { status: 'claimed', item: 'voucher-1' });
      assertEndsAt(heldUntil, beginMs + HOUR_MS);
      const { deduplicationRepo } = open();
      assert.equal(await deduplicationRepo.getValueForDeduplicationId('user-1'), 'voucher-1');
      assert.deepEqual(await new Deduplicator(open()).claim('user-2'), {
        status: 'exhausted',
        item: null,
      });
    },
  },
  {
    promises: ['P1'],
    name: 'a claim without a hold neither confirms a hold nor extends it',
    run: async ({ open }) => {
      const deduplicator = new Deduplicator(open());
      await deduplicator.addItemsToBank(vouchers(2));
      const { heldUntil } = await deduplicator.claim('user-1', { holdForMs: HOUR_MS });
      for (let repeat = 0; repeat < 2; repeat++) {
        const again = await new Deduplicator(open()).claim('user-1');
        assert.equal(again.status, 'existing');
        assert.deepEqual(again.heldUntil, heldUntil);
      }
      const forGood = await deduplicator.claim('user-2');
      assert.deepEqual([forGood.status, forGood.heldUntil], ['claimed', null]);
    },
  },
  {
    promises: ['P1'],
    name: 'a claim with a hold extends the one there is to the later end, and never shortens it',
    run: async ({ open }) => {
      const deduplicator = new Deduplicator(open());
      await deduplicator.addItemsToBank(vouchers(2));
      const first = await deduplicator.claim('user-1', { holdForMs: HOUR_MS });
      const beginMs = runtime.date().getTime();
      const longer = await new Deduplicator(open()).claim('user-1', { holdForMs: 3 * HOUR_MS });
      assert.deepEqual([longer.status, longer.item], ['existing', first.item]);
      assertEndsAt(longer.heldUntil, beginMs + 3 * HOUR_MS);
      const shorter = await new Deduplicator(open()).claim('user-1', { holdForMs: 1 });
      assert.deepEqual([shorter.status, shorter.item], ['existing', first.item]);
      assert.deepEqual(shorter.heldUntil, longer.heldUntil);
      assert.deepEqual((await deduplicator.claim('user-1')).heldUntil, longer.heldUntil);
    },
  },
  {
    promises: ['P1'],
    name: 'a claim with a hold leaves what the ID has for good as it is',
    run: async ({ open }) => {
      const deduplicator = new Deduplicator(open());
      await deduplicator.addItemsToBank(vouchers(2));
      await deduplicator.claim('user-1');
      await deduplicator.claim('user-2', { holdForMs: HOUR_MS });
      await deduplicator.confirm('user-2');
      for (const user of users(2)) {
        const again = await deduplicator.claim(user, { holdForMs: 1 });
        assert.deepEqual([again.status, again.heldUntil], ['existing', null]);
      }
      await runtime.sleep(A_MOMENT_MS);
      assert.equal((await deduplicator.releaseExpiredHolds()).released, 0);
      assert.deepEqual(await drain(open().itemRepo), []);
    },
  },
  {
    promises: [],
    name: 'with a limit, no hold lasts longer from its assignment on, however often it is asked for',
    run: async ({ open }) => {
      const deduplicator = new Deduplicator({ ...open(), maxHoldMs: HOUR_MS });
      await deduplicator.addItemsToBank(vouchers(1));
      const beginMs = runtime.date().getTime();
      for (let repeat = 0; repeat < 3; repeat++) {
        const { heldUntil } = await deduplicator.claim('user-1', { holdForMs: 5 * HOUR_MS });
        assertEndsAt(heldUntil, beginMs + HOUR_MS);
      }
    },
  },
  {
    promises: ['P1'],
    name: 'a confirmed item is the ID’s for good, and a second confirmation has the same answer',
    run: async ({ open }) => {
      const deduplicator = new Deduplicator(open());
      await deduplicator.addItemsToBank(vouchers(1));
      await deduplicator.claim('user-1', { holdForMs: 1 });
      for (let repeat = 0; repeat < 2; repeat++) {
        assert.equal(await new Deduplicator(open()).confirm('user-1'), 'voucher-1');
        const { heldUntil } = await deduplicator.claim('user-1');
        assert.equal(heldUntil, null);
      }
      assert.equal(await deduplicator.confirm('user-1', { item: 'voucher-1' }), 'voucher-1');
      await runtime.sleep(A_MOMENT_MS);
      assert.equal((await deduplicator.releaseExpiredHolds()).released, 0);
      assert.equal((await deduplicator.claim('user-1')).item, 'voucher-1');
    },
  },
  {
    promises: ['P1'],
    name: 'an ID without an item, or with another one than was paid for, has nothing to confirm',
    run: async ({ open }) => {
      const deduplicator = new Deduplicator(open());
      await deduplicator.addItemsToBank(vouchers(1));
      assert.equal(await deduplicator.confirm('user-1'), null);
      const { heldUntil } = await deduplicator.claim('user-1', { holdForMs: HOUR_MS });
      assert.equal(await deduplicator.confirm('user-1', { item: 'another voucher' }), null);
      assert.deepEqual((await deduplicator.claim('user-1')).heldUntil, heldUntil);
      assert.equal(await deduplicator.confirm('user-1', { item: 'voucher-1' }), 'voucher-1');
      assert.equal(await deduplicator.confirm('user-1', { item: 'another voucher' }), null);
    },
  },
  {
    promises: ['P1', 'P3'],
    name: 'what is taken back are the holds that have ended, and no others',
    run: async ({ open }) => {
      const deduplicator = new Deduplicator(open());
      await deduplicator.addItemsToBank(vouchers(4));
      const { item } = await deduplicator.claim('user-1', { holdForMs: 1 });
      await deduplicator.claim('user-2', { holdForMs: HOUR_MS });
      await deduplicator.claim('user-3');
      await deduplicator.claim('user-4', { holdForMs: 1 });
      await deduplicator.confirm('user-4');
      await runtime.sleep(A_MOMENT_MS);
      const released = await sweepUntil(new Deduplicator(open()), 1);
      assert.equal(released, 1, 'items that were taken back');
      const owned = await ownedBy(open(), users(4));
      assert.deepEqual(
        owned.map((each) => each !== null),
        [false, true, true, true],
      );
      assert.equal((await deduplicator.releaseExpiredHolds()).released, 0);
      const next = await deduplicator.claim('user-5');
      assert.deepEqual([next.status, next.item], ['claimed', item]);
    },
  },
  {
    promises: ['P1', 'P2', 'P4'],
    name: 'an item whose hold has ended belongs to its ID until it is taken back',
    run: async ({ open }) => {
      const deduplicator = new Deduplicator(open());
      await deduplicator.addItemsToBank(vouchers(1));
      const { heldUntil } = await deduplicator.claim('user-1', { holdForMs: 1 });
      await runtime.sleep(A_MOMENT_MS);
      assert.equal((await new Deduplicator(open()).claim('user-2')).status, 'exhausted');
      const again = await new Deduplicator(open()).claim('user-1');
      assert.deepEqual([again.status, again.item], ['existing', 'voucher-1']);
      assert.deepEqual(again.heldUntil, heldUntil);
      assert.equal(await deduplicator.confirm('user-1'), 'voucher-1');
      assert.equal((await deduplicator.releaseExpiredHolds()).released, 0);
      assert.equal((await new Deduplicator(open()).claim('user-2')).status, 'exhausted');
    },
  },
  {
    promises: ['P1', 'P3'],
    name: 'a hold that has ended and is extended before it is taken back stays',
    run: async ({ open }) => {
      const deduplicator = new Deduplicator(open());
      await deduplicator.addItemsToBank(vouchers(1));
      await deduplicator.claim('user-1', { holdForMs: 1 });
      await runtime.sleep(A_MOMENT_MS);
      const again = await deduplicator.claim('user-1', { holdForMs: HOUR_MS });
      assert.deepEqual([again.status, again.item], ['existing', 'voucher-1']);
      assert.equal((await deduplicator.releaseExpiredHolds()).released, 0);
      assert.deepEqual(await ownedBy(open(), users(1)), ['voucher-1']);
      assert.deepEqual(await drain(open().itemRepo), []);
    },
  },
  {
    promises: ['P1', 'P3'],
    name: 'a hold that was confirmed or extended since it was read stays, and the others are taken back once',
    run: async ({ open }) => {
      const deduplicator = new Deduplicator(open());
      await deduplicator.addItemsToBank(vouchers(3));
      for (const user of users(3)) await deduplicator.claim(user, { holdForMs: 1 });
      await runtime.sleep(A_MOMENT_MS);
      const held = await ownedBy(open(), users(3));
      const read = await readExpiredHolds(open(), 3);
      await deduplicator.confirm('user-1');
      await deduplicator.claim('user-2', { holdForMs: HOUR_MS });
      const released: (string | null)[] = [];
      for (const hold of [...read, ...read]) {
        const item = await hold.release({});
        if (item !== null) released.push(item);
      }
      assert.deepEqual(released, [held[2]]);
      assert.deepEqual(await ownedBy(open(), users(3)), [held[0], held[1], null]);
      assert.deepEqual(await accountedItems(open(), users(3)), vouchers(3));
    },
  },
  {
    promises: ['P1', 'P2', 'P3'],
    name: 'of a confirmation and two sweeps at once one wins, for each of 20 IDs',
    run: async (storage) => {
      const nodes = await openNodesWithEndedHolds(storage, 20);
      const held = await ownedBy(storage.open(), users(20));
      const sweeps = [0, 1].map((index) => patiently(() => sweepOnce(nodeOf(nodes, index))));
      const confirmed = await Promise.all(
        users(20).map((user, index) => patiently(() => nodeOf(nodes, index).confirm(user))),
      );
      const released = sum(await Promise.all(sweeps));
      const owned = await ownedBy(storage.open(), users(20));
      assert.deepEqual(confirmed, owned, 'what was confirmed, and what the IDs have');
      for (const [index, item] of owned.entries()) {
        if (item !== null) assert.equal(item, held[index], 'another item than was held');
      }
      assert.equal(released, owned.filter((item) => item === null).length, 'items taken back');
      await sweepOnce(nodeOf(nodes, 2));
      assert.deepEqual(await ownedBy(storage.open(), users(20)), owned);
      assert.deepEqual(await accountedItems(storage.open(), users(20)), vouchers(20).sort());
    },
  },
  {
    promises: ['P1', 'P2', 'P3'],
    name: 'extensions and two sweeps at once: each ID has what it was told, for as long as it was told',
    run: async (storage) => {
      const nodes = await openNodesWithEndedHolds(storage, 20);
      const sweeps = [0, 1].map((index) => patiently(() => sweepOnce(nodeOf(nodes, index))));
      const extended = await Promise.all(
        users(20).map((user, index) =>
          patiently(() => nodeOf(nodes, index).claim(user, { holdForMs: HOUR_MS })),
        ),
      );
      await Promise.all(sweeps);
      await sweepOnce(nodeOf(nodes, 2));
      const owned = await ownedBy(storage.open(), users(20));
      assert.deepEqual(
        extended.map(({ item }) => item),
        owned,
      );
      assert.deepEqual(await accountedItems(storage.open(), users(20)), vouchers(20).sort());
    },
  },
  {
    promises: ['P2', 'P3'],
    name: 'three sweeps at once take each item back once',
    run: async (storage) => {
      const nodes = await openNodesWithEndedHolds(storage, 10);
      const released = await Promise.all(nodes.map((node) => patiently(() => sweepOnce(node))));
      const missing = 10 - sum(released);
      assert.equal(missing > 0 ? await sweepUntil(nodeOf(nodes, 0), missing) : 0, missing);
      assert.deepEqual(await drain(storage.open().itemRepo), vouchers(10).sort());
    },
  },
  {
    promises: [],
    name: 'a hold of no possible length is refused, and no item leaves the bank',
    run: async ({ open }) => {
      const deduplicator = new Deduplicator(open());
      await deduplicator.addItemsToBank(vouchers(1));
      for (const holdForMs of [0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, '1' as never]) {
        const call = deduplicator.claim('user-1', { holdForMs });
        assert.equal(await codeOf(call), 'STORAGEBOX_INVALID_OPTION');
      }
      assert.deepEqual(await drain(open().itemRepo), vouchers(1));
    },
  },
];

export const holdChecks: readonly ConformanceCheck[] = [
  ...checks.map((check) => ({ ...check, needs: 'holds' as const })),
  {
    promises: ['P1', 'P3'],
    needs: ['holds', 'releaseItem'],
    name: 'a hold that was released is neither confirmed nor taken back, and a later one is another one',
    run: async ({ open }) => {
      const deduplicator = new Deduplicator(open());
      await deduplicator.addItemsToBank(vouchers(1));
      await deduplicator.claim('user-1', { holdForMs: 1 });
      await runtime.sleep(A_MOMENT_MS);
      assert.equal(await deduplicator.releaseItemForDeduplicationId('user-1'), 'voucher-1');
      assert.equal(await deduplicator.confirm('user-1'), null);
      assert.equal((await deduplicator.releaseExpiredHolds()).released, 0);
      const { status, heldUntil } = await deduplicator.claim('user-1');
      assert.deepEqual([status, heldUntil], ['claimed', null]);
      assert.equal((await deduplicator.releaseExpiredHolds()).released, 0);
    },
  },
  {
    promises: ['P1', 'P3'],
    needs: ['holds', 'chosenItems'],
    name: 'a chosen item can be held, and is taken back like any other',
    run: async ({ open }) => {
      const deduplicator = new Deduplicator(open());
      await deduplicator.addItemsToBank(vouchers(3));
      const held = await deduplicator.claim('user-1', { item: 'voucher-2', holdForMs: 1 });
      assert.deepEqual([held.status, held.item], ['claimed', 'voucher-2']);
      assert.ok(held.heldUntil instanceof Date, 'the end of the hold');
      await runtime.sleep(A_MOMENT_MS);
      assert.equal(await sweepUntil(deduplicator, 1), 1);
      const { status } = await deduplicator.claim('user-2', { item: 'voucher-2' });
      assert.equal(status, 'claimed');
    },
  },
];

/** Three nodes, and as many items, each held by a user of its own, whose holds have ended. */
async function openNodesWithEndedHolds(
  storage: TestStorage,
  count: number,
): Promise<Deduplicator[]> {
  const nodes = openNodes(storage, 3);
  await storage.open().itemRepo.batchAddItems(vouchers(count));
  await Promise.all(
    users(count).map((user, index) =>
      patiently(() => nodeOf(nodes, index).claim(user, { holdForMs: 1 })),
    ),
  );
  await runtime.sleep(A_MOMENT_MS);
  return nodes;
}

/** How many items came back. */
async function sweepOnce(node: Deduplicator): Promise<number> {
  const { found, released, kept, ofOtherBanks } = await node.releaseExpiredHolds();
  assert.equal(found, released + kept + ofOtherBanks, 'holds that were found');
  return released;
}

/** Sweeps until so many items are back: what has ended a moment ago need not be found at once. */
export async function sweepUntil(node: Deduplicator, count: number): Promise<number> {
  const startMs = runtime.nowMs();
  let released = 0;
  for (;;) {
    released += await patiently(() => sweepOnce(node));
    if (released >= count || runtime.nowMs() - startMs > SWEEP_PATIENCE_MS) return released;
    await runtime.sleep(A_MOMENT_MS);
  }
}

/** Reads until there are so many: what has ended a moment ago need not be found at once. */
async function readExpiredHolds(pair: RepositoryPair, count: number): Promise<ExpiredHold[]> {
  const startMs = runtime.nowMs();
  for (;;) {
    const holds: ExpiredHold[] = [];
    const found = (await writesOf(pair))?.expiredHolds?.({ at: runtime.date() }) ?? [];
    for await (const hold of found) holds.push(hold);
    if (holds.length >= count || runtime.nowMs() - startMs > SWEEP_PATIENCE_MS) return holds;
    await runtime.sleep(A_MOMENT_MS);
  }
}

/** What each of the IDs has. */
export function ownedBy(
  { deduplicationRepo }: RepositoryPair,
  deduplicationIds: readonly string[],
): Promise<(string | null)[]> {
  return Promise.all(
    deduplicationIds.map((deduplicationId) =>
      deduplicationRepo.getValueForDeduplicationId(deduplicationId),
    ),
  );
}

function assertEndsAt(heldUntil: Date | null | undefined, earliestMs: number): void {
  assert.ok(heldUntil instanceof Date, 'the end of the hold');
  const lateMs = heldUntil.getTime() - earliestMs;
  assert.ok(
    lateMs >= -A_MOMENT_MS && lateMs <= SLACK_MS,
    `the hold ends ${lateMs} ms later than it should`,
  );
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
