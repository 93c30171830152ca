import assert from 'node:assert/strict';
import type { ConformanceCheck } from './conformance-check.js';
import { codeOf, rejectionOf, UNUSABLE_KEYS, UNUSUAL_KEYS, vouchers } from './helpers.js';

export const deduplicationChecks: readonly ConformanceCheck[] = [
  {
    promises: [],
    name: 'an ID without an item gives null',
    run: async ({ open }) => {
      assert.equal(await open().deduplicationRepo.getValueForDeduplicationId('user-1'), null);
    },
  },
  {
    promises: [],
    name: 'an assigned item is seen at once, from every process',
    run: async ({ open }) => {
      await open().deduplicationRepo.putDeduplicationId('user-1', 'voucher-1');
      assert.equal(
        await open().deduplicationRepo.getValueForDeduplicationId('user-1'),
        'voucher-1',
      );
    },
  },
  {
    promises: ['P1'],
    name: 'a second assignment is refused with the existing item, which stays',
    run: async ({ open }) => {
      const { deduplicationRepo } = open();
      await deduplicationRepo.putDeduplicationId('user-1', 'voucher-1');
      const error = await rejectionOf(deduplicationRepo.putDeduplicationId('user-1', 'voucher-2'));
      assert.equal(error?.code, 'STORAGEBOX_DEDUPLICATION_ID_ALREADY_ASSIGNED');
      assert.equal(error.existingItem, 'voucher-1');
      assert.equal(await deduplicationRepo.getValueForDeduplicationId('user-1'), 'voucher-1');
    },
  },
  {
    promises: ['P1'],
    name: 'of 50 assignments to one ID at once one wins, and the others learn which',
    run: async ({ open }) => {
      const nodes = [open(), open()];
      const learnt = await Promise.all(
        vouchers(50).map(async (item, index) => {
          const { deduplicationRepo } = nodes[index % nodes.length] ?? open();
          const error = await rejectionOf(deduplicationRepo.putDeduplicationId('user-1', item));
          if (error === null) return { item, hasWon: true };
          assert.equal(error.code, 'STORAGEBOX_DEDUPLICATION_ID_ALREADY_ASSIGNED');
          return { item: error.existingItem, hasWon: false };
        }),
      );
      assert.equal(learnt.filter(({ hasWon }) => hasWon).length, 1, 'winners');
      assert.equal(new Set(learnt.map(({ item }) => item)).size, 1, 'different items learnt');
    },
  },
  {
    promises: [],
    name: 'an invalid ID or item is refused and assigns nothing',
    run: async ({ open }) => {
      const { deduplicationRepo } = open();
      for (const unusable of UNUSABLE_KEYS as readonly string[]) {
        assert.equal(
          await codeOf(deduplicationRepo.getValueForDeduplicationId(unusable)),
          'STORAGEBOX_INVALID_DEDUPLICATION_ID',
        );
        assert.equal(
          await codeOf(deduplicationRepo.putDeduplicationId(unusable, 'voucher-1')),
          'STORAGEBOX_INVALID_DEDUPLICATION_ID',
        );
        assert.equal(
          await codeOf(deduplicationRepo.putDeduplicationId('user-1', unusable)),
          'STORAGEBOX_INVALID_ITEM',
        );
      }
      assert.equal(await deduplicationRepo.getValueForDeduplicationId('user-1'), null);
    },
  },
  {
    promises: ['P2'],
    name: 'unusual IDs stay apart, and their items come back as they were',
    run: async ({ open }) => {
      const { deduplicationRepo } = open();
      for (const key of UNUSUAL_KEYS) await deduplicationRepo.putDeduplicationId(key, key);
      for (const key of UNUSUAL_KEYS) {
        assert.equal(await deduplicationRepo.getValueForDeduplicationId(key), key);
      }
    },
  },
];
