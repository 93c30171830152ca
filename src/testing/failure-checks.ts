// Which promises hold when calls to the backend fail and processes crash between the two steps of a
// claim. These checks use no atomic writes: the five methods must work on their own.
import assert from 'node:assert/strict';
import { DeduplicationRepository } from '../contracts/deduplication-repository.js';
import {
  type BatchAddItemsOptions,
  ItemBankRepository,
} from '../contracts/item-bank-repository.js';
import { Deduplicator } from '../hand-out/deduplicator.js';
import type { ConformanceCheck, RepositoryPair } from './conformance-check.js';
import { accountedItems, rejectionOf, users, vouchers } from './helpers.js';

/** Set for each method that is to fail: before it did its work, or after. */
interface Faults {
  beforePut?: () => void;
  afterPut?: () => void;
  afterTake?: () => Promise<void>;
}

export const failureChecks: readonly ConformanceCheck[] = [
  {
    promises: ['P1', 'P3'],
    name: 'an assignment that lands without an answer is found out, and its item is the ID’s',
    run: async ({ open }) => {
      await open().itemRepo.batchAddItems(vouchers(3));
      const deduplicator = new Deduplicator(withFaults(open(), { afterPut: failOnce() }));
      const item = await deduplicator.fetchItemForDeduplicationId('user-1');
      assert.equal(await open().deduplicationRepo.getValueForDeduplicationId('user-1'), item);
      assert.deepEqual(await accountedItems(open(), users(1)), vouchers(3));
    },
  },
  {
    promises: ['P1', 'P3', 'P6'],
    name: 'an assignment that fails before it lands is retried',
    run: async ({ open }) => {
      await open().itemRepo.batchAddItems(vouchers(3));
      const deduplicator = new Deduplicator(withFaults(open(), { beforePut: failOnce() }));
      const item = await deduplicator.fetchItemForDeduplicationId('user-1');
      assert.equal(await new Deduplicator(open()).fetchItemForDeduplicationId('user-1'), item);
      assert.deepEqual(await accountedItems(open(), users(1)), vouchers(3));
    },
  },
  {
    promises: ['P3', 'P5'],
    name: 'an assignment that never lands throws an error with the item, and nothing else is missing',
    run: async ({ open }) => {
      await open().itemRepo.batchAddItems(vouchers(3));
      const deduplicator = new Deduplicator(withFaults(open(), { beforePut: fail }));
      const error = await rejectionOf(deduplicator.fetchItemForDeduplicationId('user-1'));
      assert.equal(error?.code, 'STORAGEBOX_ITEM_STRANDED');
      assert.deepEqual(
        [...(await accountedItems(open(), users(1))), error.item].sort(),
        vouchers(3),
      );
    },
  },
  {
    promises: ['P2', 'P3'],
    name: 'of 20 two-step claims for one ID at once one keeps its item, the others give theirs back',
    run: async ({ open }) => {
      await open().itemRepo.batchAddItems(vouchers(30));
      const answers = await Promise.all(
        Array.from({ length: 20 }, () =>
          new Deduplicator(withFaults(open(), {})).fetchItemForDeduplicationId('user-1'),
        ),
      );
      assert.equal(new Set(answers).size, 1, 'different answers for one ID');
      assert.deepEqual(await accountedItems(open(), users(1)), [...vouchers(30)].sort());
    },
  },
  {
    promises: ['P1', 'P2', 'P3'],
    name: 'a process that crashes between the two steps strands one item, and nothing goes twice',
    run: async ({ open }) => {
      await open().itemRepo.batchAddItems(vouchers(10));
      let hasCrashed = () => {};
      const crashed = new Promise<void>((resolve) => {
        hasCrashed = resolve;
      });
      const crash = () => {
        hasCrashed();
        return new Promise<never>(() => {});
      };
      const doomed = new Deduplicator(withFaults(open(), { afterTake: crash }));
      doomed.fetchItemForDeduplicationId('user-1').catch(() => {});
      await crashed;

      const survivor = new Deduplicator(open());
      const answers: (string | null)[] = [];
      for (const user of users(10)) {
        answers.push(await survivor.fetchItemForDeduplicationId(user));
      }
      const items = answers.filter((item) => item !== null);
      assert.equal(items.length, 9, 'items that are left after one was stranded');
      assert.equal(new Set(items).size, items.length, 'an item went to two IDs');
      assert.notEqual(answers[0], null, 'the ID of the crashed call got nothing when asked again');
    },
  },
];

function fail(): never {
  throw new Error('a failure that the check injects');
}

/** Fails the first time. */
function failOnce(): () => void {
  let isFirst = true;
  return () => {
    if (!isFirst) return;
    isFirst = false;
    fail();
  };
}

/** The pair with only its five methods, some of which fail. */
function withFaults({ itemRepo, deduplicationRepo }: RepositoryPair, faults: Faults) {
  return {
    itemRepo: new FaultyItemBank(itemRepo, faults),
    deduplicationRepo: new FaultyDeduplication(deduplicationRepo, faults),
  };
}

class FaultyItemBank extends ItemBankRepository {
  readonly #itemRepo: ItemBankRepository;
  readonly #faults: Faults;

  constructor(itemRepo: ItemBankRepository, faults: Faults) {
    super();
    this.#itemRepo = itemRepo;
    this.#faults = faults;
  }

  override batchAddItems(
    items: Iterable<string> | AsyncIterable<string>,
    options?: BatchAddItemsOptions,
  ) {
    return this.#itemRepo.batchAddItems(items, options);
  }

  override addItemToBank(item: string): Promise<void> {
    return this.#itemRepo.addItemToBank(item);
  }

  override returnItemToBank(item: string): Promise<void> {
    return this.#itemRepo.returnItemToBank(item);
  }

  override async getItemFromBank(): Promise<string | null> {
    const item = await this.#itemRepo.getItemFromBank();
    await this.#faults.afterTake?.();
    return item;
  }
}

class FaultyDeduplication extends DeduplicationRepository {
  readonly #deduplicationRepo: DeduplicationRepository;
  readonly #faults: Faults;

  constructor(deduplicationRepo: DeduplicationRepository, faults: Faults) {
    super();
    this.#deduplicationRepo = deduplicationRepo;
    this.#faults = faults;
  }

  override getValueForDeduplicationId(deduplicationId: string): Promise<string | null> {
    return this.#deduplicationRepo.getValueForDeduplicationId(deduplicationId);
  }

  override async putDeduplicationId(deduplicationId: string, item: string): Promise<void> {
    this.#faults.beforePut?.();
    await this.#deduplicationRepo.putDeduplicationId(deduplicationId, item);
    this.#faults.afterPut?.();
  }
}
