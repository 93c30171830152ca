// A bank with a ledger: an item enters once, ever. Where a check needs an item of which the ledger knows
// nothing, it puts it in by `returnItemToBank`, which does not look at the ledger. A bank that is its own ledger
// knows it from then on.
import assert from 'node:assert/strict';
import type { BatchAddItemsReport } from '../contracts/item-bank-repository.js';
import { canFillLedger, type ItemBankLedger } from '../contracts/ledger.js';
import type { DeduplicationLooking } from '../contracts/looking.js';
import { Deduplicator } from '../hand-out/deduplicator.js';
import type { ConformanceCheck, RepositoryPair, TestStorage } from './conformance-check.js';
import { canRelease, codeOf, drain, users, vouchers } from './helpers.js';

const checks: readonly Omit<ConformanceCheck, 'needs'>[] = [
  {
    promises: ['P2'],
    name: 'an item that was handed out does not enter again, alone or in a batch',
    run: async (storage) => {
      const { itemRepo } = open(storage);
      await itemRepo.batchAddItems(vouchers(2));
      await itemRepo.addItemToBank('voucher-3');
      await drain(itemRepo);
      const again = await open(storage).itemRepo.batchAddItems([...vouchers(3), 'voucher-4']);
      assert.deepEqual(again, { read: 4, added: 1, repeats: 0, alreadyKnown: 3 });
      await open(storage).itemRepo.addItemToBank('voucher-2');
      assert.deepEqual(await drain(itemRepo), ['voucher-4']);
    },
  },
  {
    promises: ['P3'],
    name: 'an item that the ledger knows can be given back, and is in the bank once',
    run: async (storage) => {
      const { itemRepo } = open(storage);
      await itemRepo.addItemToBank('voucher-1');
      assert.equal(await itemRepo.getItemFromBank(), 'voucher-1');
      await itemRepo.returnItemToBank('voucher-1');
      await itemRepo.returnItemToBank('voucher-1');
      assert.deepEqual(await drain(itemRepo), ['voucher-1']);
    },
  },
  {
    promises: ['P2'],
    name: 'an item that the bank has without its ledger is known once it is added, and from then on',
    run: async (storage) => {
      const { itemRepo } = open(storage);
      await itemRepo.returnItemToBank('voucher-1');
      const known = { read: 1, added: 0, repeats: 0, alreadyKnown: 1 };
      assert.deepEqual(await itemRepo.batchAddItems(['voucher-1']), known);
      assert.equal(await itemRepo.getItemFromBank(), 'voucher-1');
      assert.deepEqual(await itemRepo.batchAddItems(['voucher-1']), known);
      assert.equal(await itemRepo.getItemFromBank(), null);
    },
  },
  {
    promises: ['P2', 'P3'],
    name: 'batches of the same items at once, while items are handed out: each enters once',
    run: async (storage) => {
      const nodes = [open(storage), open(storage), open(storage)];
      const taken = nodes.map(async ({ itemRepo }) => {
        const items: (string | null)[] = [];
        for (let round = 0; round < 20; round++) items.push(await itemRepo.getItemFromBank());
        return items;
      });
      const [reports, takenByAll] = await Promise.all([
        Promise.all(nodes.map(({ itemRepo }) => itemRepo.batchAddItems(vouchers(60)))),
        Promise.all(taken),
      ]);
      const given = takenByAll.flat().filter((item) => item !== null);
      const left = await drain(open(storage).itemRepo);
      assert.deepEqual([...given, ...left].sort(), vouchers(60).sort());
      const sum = (part: 'added' | 'alreadyKnown') =>
        reports.reduce((total, report) => total + report[part], 0);
      assert.deepEqual([sum('added'), sum('alreadyKnown')], [60, 120]);
    },
  },
  {
    promises: ['P2', 'P3'],
    name: 'a released item returns although the ledger knows it, and a retired one never enters again',
    run: async (storage) => {
      const pair = open(storage);
      if (!(await canRelease(pair))) return;
      const deduplicator = new Deduplicator(pair);
      await deduplicator.addItemsToBank(['voucher-1']);
      await deduplicator.claim('user-1');
      assert.equal(await deduplicator.releaseItemForDeduplicationId('user-1'), 'voucher-1');
      assert.equal(await deduplicator.fetchItemForDeduplicationId('user-2'), 'voucher-1');
      assert.equal(await deduplicator.retireItemForDeduplicationId('user-2'), 'voucher-1');
      await deduplicator.addItemsToBank(['voucher-1']);
      // One of which the ledger learns by its retirement.
      await pair.itemRepo.returnItemToBank('voucher-2');
      await deduplicator.claim('user-3');
      assert.equal(await deduplicator.retireItemForDeduplicationId('user-3'), 'voucher-2');
      await deduplicator.addItemsToBank(['voucher-2']);
      assert.equal(await pair.itemRepo.getItemFromBank(), null);
    },
  },
];

const fillingChecks: readonly Omit<ConformanceCheck, 'needs'>[] = [
  {
    promises: ['P2'],
    name: 'filling the ledger enters what is in the bank and what was handed out, once',
    run: async (storage) => {
      const pair = open(storage);
      for (const item of vouchers(7)) await pair.itemRepo.returnItemToBank(item);
      for (const user of users(3)) await new Deduplicator(pair).claim(user);
      await pair.itemRepo.addItemToBank('known');
      const progress: number[] = [];
      const report = await fill(pair, { onProgress: ({ read }) => progress.push(read) });
      assertFilled(report, { read: 8, known: 1 });
      assert.equal(progress.at(-1), 8);
      const again = await fill(open(storage));
      assert.deepEqual(again, { read: 8, added: 0, repeats: 0, alreadyKnown: 8 });
      assert.equal((await drain(pair.itemRepo)).length, 5, 'items in the bank afterwards');
      await pair.itemRepo.batchAddItems([...vouchers(7), 'known']);
      assert.equal(await pair.itemRepo.getItemFromBank(), null);
    },
  },
  {
    promises: [],
    name: 'filling misses no item that is handed out meanwhile',
    run: async (storage) => {
      const pair = open(storage);
      for (const item of vouchers(5)) await pair.itemRepo.returnItemToBank(item);
      await new Deduplicator(pair).claim('user-1');
      const { deduplicationRepo } = pair;
      const listed = deduplicationRepo as typeof deduplicationRepo & DeduplicationLooking;
      // Whoever reads the assignments first would find the next item neither among them nor in the bank.
      const claimsAtTheEnd: DeduplicationLooking = {
        getAssignment: (id) => listed.getAssignment(id),
        countAssignments: (options) => listed.countAssignments(options),
        estimateAssignmentCount: () => listed.estimateAssignmentCount(),
        listAssignments: (options) => {
          const listing = listed.listAssignments(options);
          return {
            cursor: listing.cursor,
            async *[Symbol.asyncIterator]() {
              yield* listing;
              await new Deduplicator(pair).claim('user-2');
            },
          };
        },
      };
      const { itemRepo } = pair;
      assert.ok(canFillLedger(itemRepo));
      await itemRepo.fillLedger(claimsAtTheEnd);
      await drain(itemRepo);
      const { added } = await itemRepo.batchAddItems(vouchers(5));
      assert.equal(added, 0, 'items that entered a second time');
    },
  },
  {
    promises: [],
    name: 'filling leaves out what was handed out from another bank',
    run: async (storage, createStorage) => {
      assert.ok(createStorage, 'this check makes a second bank: pass createStorage');
      const pair = open(storage);
      const other = await createStorage();
      try {
        const { itemRepo } = open(other);
        await itemRepo.returnItemToBank('of the other bank');
        const { deduplicationRepo } = pair;
        const { itemBankName } = await new Deduplicator({ itemRepo, deduplicationRepo }).claim(
          'ann',
        );
        // Where banks have no names, nothing tells them apart.
        if (itemBankName == null) return;
        await pair.itemRepo.returnItemToBank('voucher-1');
        const report = await fill(pair);
        assertFilled(report, { read: 1, known: 0 });
      } finally {
        await other.dispose?.();
      }
    },
  },
  {
    promises: [],
    name: 'filling is refused without a ledger, and without assignments that can be listed',
    run: async (storage) => {
      const pair = storage.open();
      if (canFillLedger(pair.itemRepo)) {
        await pair.itemRepo.returnItemToBank('voucher-1');
        const code = await codeOf(fill(pair));
        await drain(pair.itemRepo);
        await pair.itemRepo.addItemToBank('voucher-1');
        const hasEntered = (await pair.itemRepo.getItemFromBank()) !== null;
        // The bank of `open` may have a ledger, too.
        assert.equal(code, hasEntered ? 'STORAGEBOX_INVALID_OPTION' : 'no error');
      }
      const nothing = {} as typeof pair.deduplicationRepo;
      const withoutAssignments = { ...open(storage), deduplicationRepo: nothing };
      assert.equal(await codeOf(fill(withoutAssignments)), 'STORAGEBOX_INVALID_OPTION');
    },
  },
  {
    promises: [],
    name: 'filling that is stopped says so, and goes on when it is run again',
    run: async (storage) => {
      const pair = open(storage);
      for (const item of vouchers(5)) await pair.itemRepo.returnItemToBank(item);
      const controller = new AbortController();
      const stopped = fill(pair, {
        signal: controller.signal,
        concurrency: 1,
        onProgress: () => controller.abort(new Error('enough')),
      });
      // It may have been done by then.
      assert.match(await codeOf(stopped), /^(STORAGEBOX_BATCH_NOT_FULLY_ADDED|no error)$/);
      const { read } = await fill(pair);
      assert.equal(read, 5);
      await drain(pair.itemRepo);
      const { added } = await pair.itemRepo.batchAddItems(vouchers(5));
      assert.equal(added, 0);
    },
  },
];

export const ledgerChecks: readonly ConformanceCheck[] = [
  ...checks.map((check) => ({ ...check, needs: 'ledger' as const })),
  ...fillingChecks.map((check) => ({ ...check, needs: 'fillingLedger' as const })),
];

/** Checked before: see `needs`. */
function open({ openWithLedger }: TestStorage): RepositoryPair {
  assert.ok(openWithLedger, 'this check needs a bank with a ledger: pass openWithLedger');
  return openWithLedger();
}

/** @param expected how many items were read, and how many of them were added, and not given back */
function assertFilled(
  { read, added, repeats, alreadyKnown }: BatchAddItemsReport,
  expected: { readonly read: number; readonly known: number },
): void {
  assert.deepEqual({ read, repeats }, { read: expected.read, repeats: 0 });
  assert.equal(added + alreadyKnown, read);
  const isOwnLedger = alreadyKnown === read;
  if (!isOwnLedger) assert.equal(alreadyKnown, expected.known, 'items that the ledger knew');
}

function fill(
  { itemRepo, deduplicationRepo }: RepositoryPair,
  options?: Parameters<ItemBankLedger['fillLedger']>[1],
) {
  assert.ok(canFillLedger(itemRepo), 'a bank with a ledger has fillLedger');
  const listed = deduplicationRepo as typeof deduplicationRepo & DeduplicationLooking;
  return itemRepo.fillLedger(listed, options);
}
