import assert from 'node:assert/strict';
import type { ConformanceCheck } from './conformance-check.js';
import { codeOf, drain, rejectionOf, UNUSABLE_KEYS, UNUSUAL_KEYS, vouchers } from './helpers.js';

/** More than any backend writes or reads at once. */
const MANY = 250;

export const itemBankChecks: readonly ConformanceCheck[] = [
  {
    promises: [],
    name: 'an empty bank gives null',
    run: async ({ open }) => {
      assert.equal(await open().itemRepo.getItemFromBank(), null);
    },
  },
  {
    promises: ['P2', 'P3'],
    name: 'what was put in comes out, each item once',
    run: async ({ open }) => {
      const { itemRepo } = open();
      await itemRepo.batchAddItems(vouchers(MANY));
      assert.deepEqual(await drain(itemRepo), vouchers(MANY).sort());
    },
  },
  {
    promises: ['P2', 'P4'],
    name: '60 takers at once share 40 items out, 20 get null',
    run: async ({ open }) => {
      const nodes = [open(), open(), open()];
      await open().itemRepo.batchAddItems(vouchers(40));
      const taken = await Promise.all(
        nodes.flatMap(({ itemRepo }) =>
          Array.from({ length: 20 }, () => itemRepo.getItemFromBank()),
        ),
      );
      const items = taken.filter((item) => item !== null);
      assert.deepEqual(items.sort(), vouchers(40).sort());
    },
  },
  {
    promises: [],
    name: 'an item that was taken can be given back and taken again',
    run: async ({ open }) => {
      const { itemRepo } = open();
      await itemRepo.addItemToBank('voucher-1');
      assert.equal(await itemRepo.getItemFromBank(), 'voucher-1');
      await itemRepo.returnItemToBank('voucher-1');
      assert.deepEqual(await drain(itemRepo), ['voucher-1']);
    },
  },
  {
    promises: ['P2'],
    name: 'an item that is added twice is in the bank once',
    run: async ({ open }) => {
      const { itemRepo } = open();
      await itemRepo.addItemToBank('voucher-1');
      await itemRepo.addItemToBank('voucher-1');
      assert.deepEqual(await drain(itemRepo), ['voucher-1']);
    },
  },
  {
    promises: [],
    name: 'a batch drops repeats, leaves known items alone, and reports both',
    run: async ({ open }) => {
      const { itemRepo } = open();
      await itemRepo.addItemToBank('voucher-1');
      const report = await itemRepo.batchAddItems(['voucher-1', 'voucher-2', 'voucher-2']);
      assert.deepEqual(report, { read: 3, added: 1, repeats: 1, alreadyKnown: 1 });
      assert.deepEqual(await drain(itemRepo), ['voucher-1', 'voucher-2']);
    },
  },
  {
    promises: [],
    name: 'an empty batch adds nothing and reports zeros',
    run: async ({ open }) => {
      const report = await open().itemRepo.batchAddItems([]);
      assert.deepEqual(report, { read: 0, added: 0, repeats: 0, alreadyKnown: 0 });
    },
  },
  {
    promises: [],
    name: 'a batch takes an async iterable and reports its progress',
    run: async ({ open }) => {
      const { itemRepo } = open();
      const stream = async function* () {
        yield* vouchers(MANY);
      };
      const addedSoFar: number[] = [];
      await itemRepo.batchAddItems(stream(), { onProgress: ({ added }) => addedSoFar.push(added) });
      assert.equal(Math.max(...addedSoFar), MANY);
      assert.deepEqual(await drain(itemRepo), vouchers(MANY).sort());
    },
  },
  {
    promises: ['P5'],
    name: 'a batch whose input fails tells which items are in and which are not',
    run: async ({ open }) => {
      const { itemRepo } = open();
      const breaking = async function* () {
        yield* vouchers(MANY);
        throw new Error('the input broke');
      };
      const error = await rejectionOf(itemRepo.batchAddItems(breaking()));
      assert.equal(error?.code, 'STORAGEBOX_BATCH_NOT_FULLY_ADDED');
      assert.equal(error.read, MANY);
      const certainlyIn = vouchers(MANY).filter(
        (item) => !error.notAdded.includes(item) && !error.unconfirmed.includes(item),
      );
      const found = await drain(itemRepo);
      assert.deepEqual(
        certainlyIn.filter((item) => !found.includes(item)),
        [],
        'items that should be in the bank and are not',
      );
      assert.deepEqual(
        error.notAdded.filter((item) => found.includes(item)),
        [],
        'items that should not be in the bank and are',
      );
    },
  },
  {
    promises: [],
    name: 'an invalid item is refused, alone and in a batch, of which then nothing is added',
    run: async ({ open }) => {
      const { itemRepo } = open();
      for (const unusable of UNUSABLE_KEYS as readonly string[]) {
        assert.equal(await codeOf(itemRepo.addItemToBank(unusable)), 'STORAGEBOX_INVALID_ITEM');
        assert.equal(await codeOf(itemRepo.returnItemToBank(unusable)), 'STORAGEBOX_INVALID_ITEM');
        assert.equal(
          await codeOf(itemRepo.batchAddItems(['voucher-1', unusable])),
          'STORAGEBOX_INVALID_ITEM',
        );
      }
      assert.deepEqual(await drain(itemRepo), []);
    },
  },
  {
    promises: [],
    name: 'a batch that is no iterable of items is refused; so is a lone string',
    run: async ({ open }) => {
      const { itemRepo } = open();
      for (const input of [undefined, null, 7, 'voucher-1'] as unknown as string[][]) {
        assert.equal(await codeOf(itemRepo.batchAddItems(input)), 'STORAGEBOX_INVALID_OPTION');
      }
    },
  },
  {
    promises: ['P3'],
    name: 'unusual items stay apart and come back as they were',
    run: async ({ open }) => {
      const { itemRepo } = open();
      await itemRepo.batchAddItems(UNUSUAL_KEYS);
      assert.deepEqual(await drain(itemRepo), [...UNUSUAL_KEYS].sort());
    },
  },
];
