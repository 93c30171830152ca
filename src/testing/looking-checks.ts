// What a pair shows of its contents: counted, listed and looked up. Each check needs the contract that it
// tests; a pair that has neither is not checked.
import assert from 'node:assert/strict';
import {
  type Assignment,
  canLookAtItems,
  type DeduplicationLooking,
  type ItemBankLooking,
  type Listing,
  type ListOptions,
} from '../contracts/looking.js';
import { Deduplicator } from '../hand-out/deduplicator.js';
import type { ConformanceCheck, RepositoryPair, TestStorage } from './conformance-check.js';
import {
  canRelease,
  codeOf,
  fetchItem,
  rejectionOf,
  UNUSABLE_KEYS,
  UNUSUAL_KEYS,
  users,
  vouchers,
} from './helpers.js';

/** Between a store's clock and this process's. */
const MAX_CLOCK_SKEW_MS = 10_000;
/** Times that a store has to tell apart; they are in milliseconds. */
const TIMES_APART_MS = 5;

const SEGMENTS: readonly number[] = [1, 4, 30];
const PAGE_SIZES: readonly (number | undefined)[] = [undefined, 1, 7];

/** What can be listed: items, or assignments by their IDs. */
interface Listed<Element> {
  readonly noun: string;
  readonly needs: 'lookingAtItems' | 'lookingAtAssignments';
  /** Puts in so many, and gives what the listing shall show of them. */
  fill(storage: TestStorage, count: number): Promise<string[]>;
  /** Takes out one of what was put in, if the pair can. */
  remove(pair: RepositoryPair, key: string): Promise<void>;
  list(pair: RepositoryPair, options?: ListOptions): Listing<Element>;
  keyOf(element: Element): string;
  count(pair: RepositoryPair, options?: ListOptions): Promise<number>;
  estimate(pair: RepositoryPair): Promise<number>;
}

const items: Listed<string> = {
  noun: 'item',
  needs: 'lookingAtItems',
  fill: async ({ open }, count) => {
    await open().itemRepo.batchAddItems(vouchers(count));
    return vouchers(count);
  },
  remove: async ({ itemRepo }, item) => {
    const taken: string[] = [];
    for (let last: string | null = null; last !== item; ) {
      last = await itemRepo.getItemFromBank();
      assert.notEqual(last, null, 'a listed item could not be taken out');
      taken.push(last as string);
    }
    for (const other of taken.slice(0, -1)) await itemRepo.returnItemToBank(other);
  },
  list: (pair, options) => bankOf(pair).listItems(options),
  keyOf: (item) => item,
  count: (pair, options) => bankOf(pair).countItems(options),
  estimate: (pair) => bankOf(pair).estimateItemCount(),
};

const assignments: Listed<Assignment> = {
  noun: 'assignment',
  needs: 'lookingAtAssignments',
  fill: async (storage, count) => {
    await storage.open().itemRepo.batchAddItems(vouchers(count));
    const deduplicator = new Deduplicator(storage.open());
    await Promise.all(users(count).map((user) => fetchItem(deduplicator, user)));
    return users(count);
  },
  remove: async (pair, deduplicationId) => {
    if (await canRelease(pair)) {
      await new Deduplicator(pair).releaseItemForDeduplicationId(deduplicationId);
    }
  },
  list: (pair, options) => assignmentsOf(pair).listAssignments(options),
  keyOf: ({ deduplicationId }) => deduplicationId,
  count: (pair, options) => assignmentsOf(pair).countAssignments(options),
  estimate: (pair) => assignmentsOf(pair).estimateAssignmentCount(),
};

function checksOf<Element>(listed: Listed<Element>): readonly ConformanceCheck[] {
  const { noun, needs, fill, list, keyOf, count, estimate } = listed;
  const keysIn = async (listing: AsyncIterable<Element>) => {
    const keys: string[] = [];
    for await (const element of listing) keys.push(keyOf(element));
    return keys.sort();
  };
  /** The first ones of a listing, which is then left. */
  const firstIn = async (listing: AsyncIterable<Element>, size: number) => {
    const keys: string[] = [];
    if (size === 0) return keys;
    for await (const element of listing) {
      keys.push(keyOf(element));
      if (keys.length === size) break;
    }
    return keys;
  };
  const checks: readonly Omit<ConformanceCheck, 'promises' | 'needs'>[] = [
    {
      name: `without any ${noun}, none is listed or counted`,
      run: async ({ open }) => {
        assert.deepEqual(await keysIn(list(open(), { segments: 3 })), []);
        assert.equal(await count(open(), { segments: 3 }), 0);
      },
    },
    {
      name: `each ${noun} is listed once and counted, in any number of segments and pages`,
      run: async (storage) => {
        const all = (await fill(storage, 60)).sort();
        for (const segments of SEGMENTS) {
          assert.equal(await count(storage.open(), { segments }), all.length);
          for (const pageSize of PAGE_SIZES) {
            assert.deepEqual(await keysIn(list(storage.open(), { segments, pageSize })), all);
          }
        }
      },
    },
    {
      name: `a listing of ${noun}s goes on from its cursor in another process, wherever it was left`,
      run: async (storage) => {
        const all = (await fill(storage, 12)).sort();
        for (const segments of [1, 3]) {
          for (let size = 0; size <= all.length; size++) {
            const listing = list(storage.open(), { segments, pageSize: 4 });
            const first = await firstIn(listing, size);
            const rest = await keysIn(list(storage.open(), { cursor: listing.cursor }));
            assert.deepEqual([...first, ...rest].sort(), all);
          }
        }
      },
    },
    {
      name: `a listing of ${noun}s that was left goes on when it is iterated again, to its end`,
      run: async (storage) => {
        const all = (await fill(storage, 12)).sort();
        const listing = list(storage.open(), { segments: 2, pageSize: 4 });
        const parts = [await firstIn(listing, 3), await firstIn(listing, 4), await keysIn(listing)];
        assert.deepEqual(parts.flat().sort(), all);
        assert.deepEqual(await keysIn(listing), []);
        assert.deepEqual(await keysIn(list(storage.open(), { cursor: listing.cursor })), []);
      },
    },
    {
      name: `a cursor still fits when the ${noun} before it has gone`,
      run: async (storage) => {
        const all = (await fill(storage, 5)).sort();
        const listing = list(storage.open());
        const [first] = await firstIn(listing, 1);
        await listed.remove(storage.open(), first as string);
        const rest = await keysIn(list(storage.open(), { cursor: listing.cursor }));
        assert.deepEqual([first, ...rest].sort(), all);
      },
    },
    {
      name: `a signal that is aborted ends listing and counting ${noun}s with its reason`,
      run: async (storage) => {
        const all = (await fill(storage, 12)).sort();
        const reason = new Error('enough');
        const controller = new AbortController();
        const { signal } = controller;
        const listing = list(storage.open(), { signal });
        const seen: string[] = [];
        const reading = (async () => {
          for await (const element of listing) {
            if (seen.push(keyOf(element)) === 5) controller.abort(reason);
          }
        })();
        assert.equal(await reasonOf(reading), reason);
        const rest = await keysIn(list(storage.open(), { cursor: listing.cursor }));
        assert.deepEqual([...seen, ...rest].sort(), all);
        assert.equal(await reasonOf(count(storage.open(), { signal })), reason);
        assert.equal(await reasonOf(keysIn(list(storage.open(), { signal }))), reason);
      },
    },
    {
      name: `options that no listing of ${noun}s can use are refused at once`,
      run: async ({ open }) => {
        const { cursor } = list(open());
        const unusable: Readonly<Record<string, readonly unknown[]>> = {
          cursor: ['', 'cursor', cursor.slice(1), `${cursor}AA`, 'bnVsbA', 7],
          segments: [0, 1.5, -1, 1_000_001, '4'],
          pageSize: [0, 1.5],
          signal: [new AbortController()],
        };
        for (const [option, values] of Object.entries(unusable)) {
          for (const value of values) {
            const options = { [option]: value } as ListOptions;
            const refusal = { code: 'STORAGEBOX_INVALID_OPTION', option };
            assert.throws(() => list(open(), options), refusal);
          }
        }
        const segments = 0;
        assert.equal(await codeOf(count(open(), { segments })), 'STORAGEBOX_INVALID_OPTION');
      },
    },
    {
      name: `what is there all the time is listed while other ${noun}s come`,
      run: async (storage) => {
        const all = await fill(storage, 12);
        const seen: string[] = [];
        for await (const element of list(storage.open(), { pageSize: 2 })) {
          if (seen.push(keyOf(element)) === 3) await fill(storage, 20);
        }
        assert.deepEqual(
          all.filter((key) => seen.filter((other) => other === key).length !== 1),
          [],
        );
      },
    },
    {
      name: `an estimate of ${noun}s is a whole number from 0`,
      run: async (storage) => {
        await fill(storage, 3);
        const estimated = await estimate(storage.open());
        assert.ok(Number.isSafeInteger(estimated) && estimated >= 0, `got ${estimated}`);
      },
    },
  ];
  return checks.map((check) => ({ ...check, promises: [], needs }));
}

const itemChecks: readonly Omit<ConformanceCheck, 'promises' | 'needs'>[] = [
  {
    name: 'an item that has left the bank is neither listed nor counted, and one that is back is',
    run: async ({ open }) => {
      await open().itemRepo.batchAddItems(vouchers(4));
      const claimed = await new Deduplicator(open()).fetchItemForDeduplicationId('user-1');
      const taken = await open().itemRepo.getItemFromBank();
      const left = vouchers(4).filter((item) => item !== claimed && item !== taken);
      assert.deepEqual(await elementsOf(bankOf(open()).listItems()), left);
      assert.equal(await bankOf(open()).countItems(), 2);
      await open().itemRepo.returnItemToBank(taken as string);
      assert.equal(await bankOf(open()).countItems(), 3);
    },
  },
  {
    name: 'unusual items are listed as they are',
    run: async ({ open }) => {
      await open().itemRepo.batchAddItems(UNUSUAL_KEYS);
      for (const options of [{}, { segments: 3, pageSize: 2 }]) {
        const listed = await elementsOf(bankOf(open()).listItems(options));
        assert.deepEqual(listed, [...UNUSUAL_KEYS].sort());
      }
    },
  },
];

const assignmentChecks: readonly Omit<ConformanceCheck, 'promises' | 'needs'>[] = [
  {
    name: 'an assignment is listed and looked up with its ID, item, bank and time',
    run: async ({ open }) => {
      await open().itemRepo.batchAddItems(vouchers(2));
      const before = Date.now();
      const { item, itemBankName } = await new Deduplicator(open()).claim('user-1');
      const after = Date.now();
      const assignment = await assignmentsOf(open()).getAssignment('user-1');
      assert.deepEqual(await elementsOf(assignmentsOf(open()).listAssignments()), [assignment]);
      assert.ok(assignment, 'no assignment');
      const { deduplicationId, item: found, itemBankName: bank, assignedAt } = assignment;
      // A store may have no times, or those of a server whose clock differs a little.
      const atMs = assignedAt?.getTime() ?? before;
      const isOfClaim = before - MAX_CLOCK_SKEW_MS <= atMs && atMs <= after + MAX_CLOCK_SKEW_MS;
      assert.ok(isOfClaim, 'another time than that of the claim');
      assert.deepEqual([deduplicationId, found, bank], ['user-1', item, itemBankName]);
    },
  },
  {
    name: 'an assignment names a bank that knows it as its own',
    run: async ({ open }, createStorage) => {
      assert.ok(createStorage, 'this check makes a second bank: pass createStorage');
      const { itemRepo, deduplicationRepo } = open();
      if (!canLookAtItems(itemRepo)) return;
      await itemRepo.addItemToBank('voucher-1');
      await new Deduplicator({ itemRepo, deduplicationRepo }).claim('user-1');
      const assignment = await assignmentsOf(open()).getAssignment('user-1');
      assert.ok(assignment !== null && itemRepo.ownsAssignment(assignment), 'not its own');
      assert.ok(itemRepo.ownsAssignment({ itemBankName: null }), 'one that names no bank');
      const other = await createStorage();
      try {
        const isOthers = bankOf(other.open()).ownsAssignment(assignment);
        assert.equal(
          isOthers,
          assignment.itemBankName === null,
          'taken for its own by another bank',
        );
      } finally {
        await other.dispose?.();
      }
    },
  },
  {
    name: 'looking an ID up never claims, and an invalid one is refused',
    run: async ({ open }) => {
      await open().itemRepo.addItemToBank('voucher-1');
      assert.equal(await assignmentsOf(open()).getAssignment('user-1'), null);
      assert.equal(await assignmentsOf(open()).countAssignments(), 0);
      assert.equal(await open().itemRepo.getItemFromBank(), 'voucher-1');
      for (const unusable of UNUSABLE_KEYS as readonly string[]) {
        assert.equal(
          await codeOf(assignmentsOf(open()).getAssignment(unusable)),
          'STORAGEBOX_INVALID_DEDUPLICATION_ID',
        );
      }
    },
  },
  {
    name: 'unusual IDs and items are listed and looked up as they are',
    run: async ({ open }) => {
      const { deduplicationRepo } = open();
      for (const key of UNUSUAL_KEYS) await deduplicationRepo.putDeduplicationId(key, key);
      const listed: string[] = [];
      for await (const { deduplicationId, item } of assignmentsOf(open()).listAssignments({
        segments: 3,
        pageSize: 2,
      })) {
        assert.equal(item, deduplicationId);
        listed.push(deduplicationId);
      }
      assert.deepEqual(listed.sort(), [...UNUSUAL_KEYS].sort());
      for (const key of UNUSUAL_KEYS) {
        assert.equal((await assignmentsOf(open()).getAssignment(key))?.item, key);
      }
    },
  },
  {
    name: 'assignments are counted from a time on',
    run: async ({ open }) => {
      await open().itemRepo.batchAddItems(vouchers(3));
      const times: (Date | null | undefined)[] = [];
      for (const user of users(3)) {
        await new Deduplicator(open()).claim(user);
        times.push((await assignmentsOf(open()).getAssignment(user))?.assignedAt);
        await new Promise((resolve) => setTimeout(resolve, TIMES_APART_MS));
      }
      const countAfter = (ms: number) =>
        assignmentsOf(open()).countAssignments({ assignedAfter: new Date(ms) });
      const refusal = await rejectionOf(countAfter(Number.NaN));
      assert.equal(refusal?.code, 'STORAGEBOX_INVALID_OPTION');
      assert.equal(refusal.option, 'assignedAfter');
      // A store may have no times.
      if (times.some((time) => time === null)) return;
      const [first = 0, second = 0, third = 0] = times.map((time) => Number(time));
      assert.equal(await countAfter(first - 1), 3);
      // Between two of them, because a store may keep them more finely than a Date does.
      assert.equal(await countAfter(second - 1), 2);
      assert.equal(await countAfter(third - 1), 1);
      assert.equal(await countAfter(third + 1), 0);
    },
  },
  {
    name: 'a cursor of one listing is refused by another',
    run: async ({ open }) => {
      const { itemRepo } = open();
      if (!canLookAtItems(itemRepo)) return;
      const ofItems = itemRepo.listItems().cursor;
      const ofAssignments = assignmentsOf(open()).listAssignments().cursor;
      const refusal = { code: 'STORAGEBOX_INVALID_OPTION', option: 'cursor' };
      assert.throws(() => itemRepo.listItems({ cursor: ofAssignments }), refusal);
      assert.throws(() => assignmentsOf(open()).listAssignments({ cursor: ofItems }), refusal);
    },
  },
];

export const lookingChecks: readonly ConformanceCheck[] = [
  ...checksOf(items),
  ...itemChecks.map((check) => ({ ...check, promises: [], needs: items.needs })),
  ...checksOf(assignments),
  ...assignmentChecks.map((check) => ({ ...check, promises: [], needs: assignments.needs })),
];

/** Checked before: see `needs`. */
function bankOf({ itemRepo }: RepositoryPair): ItemBankLooking {
  return itemRepo as RepositoryPair['itemRepo'] & ItemBankLooking;
}

function assignmentsOf({ deduplicationRepo }: RepositoryPair): DeduplicationLooking {
  return deduplicationRepo as RepositoryPair['deduplicationRepo'] & DeduplicationLooking;
}

/** In ascending order where they are strings. */
async function elementsOf<Element>(listing: AsyncIterable<Element>): Promise<Element[]> {
  const elements: Element[] = [];
  for await (const element of listing) elements.push(element);
  return elements.sort();
}

/** What the call rejects with, whatever it is. */
function reasonOf(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => assert.fail('it did not throw'),
    (reason: unknown) => reason,
  );
}
