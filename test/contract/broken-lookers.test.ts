// A backend that shows something else than what it holds, or whose ledger forgets, must fail the suite.
import type { Assignment, BatchAddItemsOptions, Listing, ListOptions } from 'storagebox/core';
import { DeduplicationMemoryRepository, ItemBankMemoryRepository } from 'storagebox/memory';
import { conformanceReport } from 'storagebox/testing';
import { expect, test } from 'vitest';

/** Methods that replace the right ones of the in-memory pair, which they may call. */
interface Fault {
  readonly ofBank?: (right: ItemBankMemoryRepository) => object;
  readonly ofAssignments?: (
    right: DeduplicationMemoryRepository,
    bank: ItemBankMemoryRepository,
  ) => object;
  readonly ofLedger?: (right: ItemBankMemoryRepository) => object;
}

/** The right listing, with other elements. */
function changed<Element>(
  listed: Listing<Element>,
  elements: () => AsyncIterable<Element>,
): Listing<Element> {
  return {
    get cursor() {
      return listed.cursor;
    },
    [Symbol.asyncIterator]: () => elements()[Symbol.asyncIterator](),
  };
}

/** Each assignment as it is told to somebody who looks it up. */
const lookedUp = (tell: (found: Assignment) => Assignment): Fault => ({
  ofAssignments: (right) => ({
    getAssignment: async (deduplicationId: string) => {
      const found = await right.getAssignment(deduplicationId);
      return found === null ? null : tell(found);
    },
  }),
});

const faults: Record<string, Fault> = {
  'counts 42': { ofBank: () => ({ countItems: async () => 42 }) },
  'lists nonsense': {
    ofBank: (right) => ({
      listItems: (options?: ListOptions) =>
        changed(right.listItems(options), async function* () {
          yield 'nonsense';
        }),
    }),
  },
  'lists each item twice': {
    ofBank: (right) => ({
      listItems: (options?: ListOptions) => {
        const listed = right.listItems(options);
        return changed(listed, async function* () {
          for await (const item of listed) yield* [item, item];
        });
      },
    }),
  },
  'lists everything in each segment': {
    ofBank: (right) => ({
      listItems: (options: ListOptions = {}) =>
        changed(right.listItems(options), async function* () {
          for (let left = options.segments ?? 1; left > 0; left--) yield* right.listItems();
        }),
    }),
  },
  'trims what it lists': {
    ofBank: (right) => ({
      listItems: (options?: ListOptions) => {
        const listed = right.listItems(options);
        return changed(listed, async function* () {
          for await (const item of listed) yield item.trim();
        });
      },
    }),
  },
  'ignores the cursor': {
    ofBank: (right) => ({
      listItems: ({ cursor: _, ...options }: ListOptions = {}) => right.listItems(options),
    }),
  },
  'ignores the signal': {
    ofBank: (right) => ({
      listItems: ({ signal: _, ...options }: ListOptions = {}) => right.listItems(options),
    }),
  },
  'counts what was added, not what is left': {
    ofBank: (right) => {
      let added = 0;
      return {
        batchAddItems: async (items: Iterable<string>, options?: BatchAddItemsOptions) => {
          const report = await right.batchAddItems(items, options);
          added += report.added;
          return report;
        },
        countItems: async () => added,
      };
    },
  },
  'estimates half an item': { ofBank: () => ({ estimateItemCount: async () => 0.5 }) },
  'takes every assignment for its own': { ofBank: () => ({ ownsAssignment: () => true }) },
  'takes no assignment for its own': { ofBank: () => ({ ownsAssignment: () => false }) },
  'claims when it is only looked at': {
    ofAssignments: (right, bank) => ({
      getAssignment: async (deduplicationId: string) => {
        const found = await right.getAssignment(deduplicationId);
        const writes = await right.atomicWritesWith(bank);
        await writes?.claimItem(deduplicationId, { skipFirstRead: false });
        return found;
      },
    }),
  },
  'looks up another ID': lookedUp((found) => ({ ...found, deduplicationId: found.item })),
  'tells the time at which it was looked at': lookedUp((found) => ({
    ...found,
    assignedAt: new Date(Date.now() + 3_600_000),
  })),
  'names no bank': lookedUp((found) => ({ ...found, itemBankName: null })),
  'counts assignments of all times': {
    ofAssignments: (right) => ({
      countAssignments: ({ assignedAfter: _, ...options }: { assignedAfter?: Date } = {}) =>
        right.countAssignments(options),
    }),
  },
  'lists released assignments as well': {
    ofAssignments: (right) => {
      const ever = new Map<string, Assignment>();
      return {
        listAssignments: (options?: ListOptions) => {
          const listed = right.listAssignments(options);
          return changed(listed, async function* () {
            for await (const each of right.listAssignments()) ever.set(each.deduplicationId, each);
            yield* ever.values();
          });
        },
      };
    },
  },
  'forgets what ever entered': { ofLedger: () => new ItemBankMemoryRepository() },
  'asks its ledger when an item is given back': {
    ofLedger: (right) => ({ returnItemToBank: (item: string) => right.addItemToBank(item) }),
  },
  'says that it filled its ledger': {
    ofLedger: () => ({
      fillLedger: async () => ({ read: 8, added: 7, repeats: 0, alreadyKnown: 1 }),
    }),
  },
  'fills into its ledger only what the bank holds': {
    ofLedger: (right) => ({
      fillLedger: (_: DeduplicationMemoryRepository, options: BatchAddItemsOptions) =>
        right.fillLedger(new DeduplicationMemoryRepository(), options),
    }),
  },
  'reads the assignments before the bank when it fills its ledger': {
    ofLedger: (right) => ({
      fillLedger: async (ids: DeduplicationMemoryRepository, options: BatchAddItemsOptions) => {
        const read: Assignment[] = [];
        for await (const each of ids.listAssignments()) read.push(each);
        return right.fillLedger(listing(read), options);
      },
    }),
  },
  'fills into its ledger what other banks handed out': {
    ofLedger: (right) => ({
      fillLedger: async (ids: DeduplicationMemoryRepository, options: BatchAddItemsOptions) => {
        const anonymous: Assignment[] = [];
        for await (const each of ids.listAssignments()) {
          anonymous.push({ ...each, itemBankName: null });
        }
        return right.fillLedger(listing(anonymous), options);
      },
    }),
  },
};

/** A deduplication repository that lists these. */
function listing(assignments: readonly Assignment[]): DeduplicationMemoryRepository {
  const right = new DeduplicationMemoryRepository();
  const listAssignments = () =>
    changed(right.listAssignments(), async function* () {
      yield* assignments;
    });
  return Object.assign(right, { listAssignments });
}

let banks = 0;

function report({ ofBank, ofAssignments, ofLedger }: Fault) {
  return conformanceReport(() => {
    const name = `bank-${banks++}`;
    const bank = new ItemBankMemoryRepository({ name });
    const withLedger = new ItemBankMemoryRepository({ name, hasLedger: true });
    const assignments = new DeduplicationMemoryRepository();
    const itemRepo = replaced(bank, ofBank?.(bank));
    const bankWithLedger = replaced(withLedger, ofLedger?.(withLedger));
    const deduplicationRepo = replaced(assignments, ofAssignments?.(assignments, bank));
    return {
      open: () => ({ itemRepo, deduplicationRepo }),
      openWithLedger: () => ({ itemRepo: bankWithLedger, deduplicationRepo }),
    };
  });
}

/** The same state, with other methods. */
function replaced<Repository extends object>(right: Repository, methods: object = {}): Repository {
  return methods instanceof ItemBankMemoryRepository
    ? (methods as unknown as Repository)
    : Object.assign(Object.create(right), methods);
}

// Each report waits for what may be given back late, so all of them wait at the same time.
const flawless = report({});
const reports = Object.entries(faults).map(([name, fault]) => [name, report(fault)] as const);

test('the pair without a fault fails no check', async () => {
  const { failed, leftOut } = await flawless;
  expect(failed).toEqual([]);
  expect(new Set(leftOut.map(({ reason }) => reason))).toEqual(
    new Set([
      'the storage has no `ownWrites`',
      'the pair has no atomic writes with the feature `within`',
      'the storage has no `breakStore`',
    ]),
  );
});

for (const [name, faulty] of reports) {
  test(`a backend that ${name} fails`, async () => {
    expect((await faulty).failed.map((check) => check.name)).not.toEqual([]);
  });
}
