// When the store underneath fails, every call throws: no failure may look like empty, none or taken.
import assert from 'node:assert/strict';
import { isStorageBoxError } from '../contracts/errors.js';
import { Deduplicator } from '../hand-out/deduplicator.js';
import type { ConformanceCheck } from './conformance-check.js';

/** Codes that an error may not have, because a broken store cannot know this. */
const ANSWERS: readonly string[] = ['STORAGEBOX_DEDUPLICATION_ID_ALREADY_ASSIGNED'];

export const storeFailureChecks: readonly ConformanceCheck[] = [
  {
    promises: ['P5'],
    name: 'once the store fails, every call throws',
    needs: 'breakStore',
    run: async (storage) => {
      const { itemRepo, deduplicationRepo } = storage.open();
      const deduplicator = new Deduplicator({ itemRepo, deduplicationRepo });
      await deduplicator.addItemsToBank(['voucher-1', 'voucher-2']);
      await deduplicator.claim('user-1');
      await storage.breakStore?.();

      const unasked = new Deduplicator({ itemRepo, deduplicationRepo });
      const calls: Record<string, () => Promise<unknown>> = {
        'claim by an ID that has an item': () => deduplicator.claim('user-1'),
        'claim by a new ID': () => deduplicator.claim('user-2'),
        'claim through a new Deduplicator': () => unasked.claim('user-1'),
        releaseItemForDeduplicationId: () => deduplicator.releaseItemForDeduplicationId('user-1'),
        retireItemForDeduplicationId: () => deduplicator.retireItemForDeduplicationId('user-1'),
        batchAddItems: () => itemRepo.batchAddItems(['voucher-1', 'voucher-3']),
        addItemToBank: () => itemRepo.addItemToBank('voucher-3'),
        returnItemToBank: () => itemRepo.returnItemToBank('voucher-3'),
        getItemFromBank: () => itemRepo.getItemFromBank(),
        'getValueForDeduplicationId of an ID that has an item': () =>
          deduplicationRepo.getValueForDeduplicationId('user-1'),
        'getValueForDeduplicationId of a new ID': () =>
          deduplicationRepo.getValueForDeduplicationId('user-2'),
        'putDeduplicationId of an ID that has an item': () =>
          deduplicationRepo.putDeduplicationId('user-1', 'voucher-3'),
        'putDeduplicationId of a new ID': () =>
          deduplicationRepo.putDeduplicationId('user-2', 'voucher-3'),
      };
      // At once: a backend that retries waits for all of them together.
      await Promise.all(Object.entries(calls).map(([name, call]) => assertThrows(name, call)));
    },
  },
];

async function assertThrows(name: string, call: () => Promise<unknown>): Promise<void> {
  const error = await call().then(
    (answer) => assert.fail(`${name} gave ${describe(answer)} instead of throwing`),
    (reason: unknown) => reason,
  );
  if (error instanceof assert.AssertionError) throw error;
  const answers = isStorageBoxError(error) && ANSWERS.includes(error.code);
  assert.ok(!answers, `${name} threw an error that says that the ID has an item`);
}

function describe(answer: unknown): string {
  return JSON.stringify(answer) ?? String(answer);
}
