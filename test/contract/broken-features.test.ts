// A pair that chooses, holds, groups, writes alongside or joins transactions in a wrong way must fail the suite.
import {
  AlongsideRefusedError,
  type AtomicWrites,
  type BatchAddItemsOptions,
  type ClaimedItem,
  type GroupMember,
  type ItemBankRepository,
} from 'storagebox/core';
import {
  DeduplicationMemoryRepository,
  ItemBankMemoryRepository,
  type MemoryWrite,
} from 'storagebox/memory';
import { conformanceChecks, conformanceReport, type PromiseName } from 'storagebox/testing';
import { expect, test } from 'vitest';
import { ownWritesInMemory } from '../support/own-writes.js';

type Writes = Required<AtomicWrites<MemoryWrite>>;

/** What the pair does otherwise than the right one, which it may call. */
type Change = (right: Writes, bank: ItemBankRepository) => PartOfWrites;

type PartOfWrites = {
  readonly [Name in keyof AtomicWrites]?: AtomicWrites<MemoryWrite>[Name] | undefined;
};

interface Fault {
  readonly change?: Change;
  readonly Bank?: typeof ItemBankMemoryRepository;
  /** Of the checks that must notice it, by a part of their name. */
  readonly noticedBy: string;
  readonly broken?: readonly PromiseName[];
}

const groupsUnderWay = new WeakMap<ItemBankRepository, number>();

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Takes the item back in the middle, and claims it again. */
const again = (result: ClaimedItem, status: ClaimedItem['status']) => ({ ...result, status });

const FEATURES = ['item', 'holdForMs', 'alongside', 'within'] as const;

/** Overlooks that the items belong into a transaction. */
class AddsAtOnce extends ItemBankMemoryRepository {
  override batchAddItems(
    items: Iterable<string>,
    { within: _, ...options }: BatchAddItemsOptions = {},
  ) {
    return super.batchAddItems(items, options);
  }
}

const faults: Record<string, Fault> = {
  'gives any item in place of the chosen one': {
    change: ({ claimItem }) => ({
      claimItem: (id, { item: _, ...options }) => claimItem(id, options),
    }),
    // Of one choice among few items, luck can make it right.
    noticedBy: 'items of unusual names can be chosen',
    broken: ['P2'],
  },
  'gives another item when the chosen one is taken': {
    change: ({ claimItem }) => ({
      claimItem: async (id, options) => {
        const result = await claimItem(id, options);
        const { item: _, ...rest } = options;
        return result.status === 'taken' ? claimItem(id, rest) : result;
      },
    }),
    noticedBy: 'is taken, and the ID gets none instead',
  },
  'says "taken" to an ID that has another item': {
    change: ({ claimItem }) => ({
      claimItem: async (id, options) => {
        const result = await claimItem(id, options);
        const isOther = options.item !== undefined && result.item !== options.item;
        return isOther ? { status: 'taken', item: null } : result;
      },
    }),
    noticedBy: 'is told which, whatever it chooses',
    broken: ['P1'],
  },
  'chooses by a list that is stale': {
    change: (right, bank) => ({
      claimItem: async (id, options) => {
        if (options.item === undefined) return right.claimItem(id, options);
        const isThere = await has(bank, options.item);
        await turn();
        if (!isThere) return right.claimItem(id, options);
        const result = await right.claimItem(id, options);
        if (result.status !== 'taken') return result;
        // It was there a moment ago, so this one gets it as well.
        await bank.addItemToBank(options.item);
        return right.claimItem(id, options);
      },
    }),
    noticedBy: 'choose one item at once',
    broken: ['P2'],
  },
  'holds for good': {
    change: ({ claimItem }) => ({
      claimItem: (id, { holdForMs: _, ...options }) => claimItem(id, options),
    }),
    noticedBy: 'is told when the hold ends',
  },
  'does not tell that a hold is one': {
    change: ({ claimItem }) => ({
      claimItem: async (id, options) => {
        const { heldUntil: _, ...result } = await claimItem(id, options);
        return result as Awaited<ReturnType<Writes['claimItem']>>;
      },
    }),
    noticedBy: 'is told when the hold ends',
  },
  'extends a hold at a claim without one': {
    change: ({ claimItem }) => ({
      claimItem: (id, options) => claimItem(id, { holdForMs: 7_200_000, ...options }),
    }),
    noticedBy: 'neither confirms a hold nor extends it',
  },
  'confirms a hold at a claim without one': {
    change: ({ claimItem, confirmItem }) => ({
      claimItem: async (id, options) => {
        if (options.holdForMs === undefined) await confirmItem(id, {});
        return claimItem(id, options);
      },
    }),
    noticedBy: 'neither confirms a hold nor extends it',
  },
  'shortens a hold': {
    change: ({ claimItem, releaseItem }) => ({
      claimItem: async (id, options) => {
        if (options.holdForMs === undefined) return claimItem(id, options);
        const { skipFirstRead } = options;
        const now = await claimItem(id, { skipFirstRead });
        if (now.status !== 'existing' || now.heldUntil == null) return claimItem(id, options);
        await releaseItem(id, { fate: 'return' });
        const shortened = await claimItem(id, { ...options, item: now.item });
        return again(shortened as ClaimedItem, 'existing');
      },
    }),
    noticedBy: 'never shortens it',
  },
  'keeps the first end of a hold': {
    change: ({ claimItem }) => ({
      claimItem: async (id, options) => {
        const { holdForMs: _, ...rest } = options;
        const result = await claimItem(id, { ...options, holdForMs: options.holdForMs });
        return result.status === 'existing' ? claimItem(id, rest) : result;
      },
      confirmItem: async () => null,
    }),
    noticedBy: 'is the ID’s for good',
  },
  'opens again what an ID has for good': {
    change: ({ claimItem, releaseItem }) => ({
      claimItem: async (id, options) => {
        const result = await claimItem(id, options);
        const isForGood = result.status === 'existing' && result.heldUntil === null;
        if (options.holdForMs === undefined || !isForGood) return result;
        await releaseItem(id, { fate: 'return' });
        return again(
          (await claimItem(id, { ...options, item: result.item })) as ClaimedItem,
          'existing',
        );
      },
    }),
    noticedBy: 'has for good as it is',
    broken: ['P1'],
  },
  'has no limit for holds': {
    change: ({ claimItem }) => ({
      claimItem: (id, { maxHoldMs: _, ...options }) => claimItem(id, options),
    }),
    noticedBy: 'no hold lasts longer',
  },
  'confirms whatever the ID has': {
    change: ({ confirmItem }) => ({
      confirmItem: (id, { item: _, ...options }) => confirmItem(id, options),
    }),
    noticedBy: 'with another one than was paid for',
    broken: ['P1'],
  },
  'confirms once only': {
    change: ({ claimItem, confirmItem }) => ({
      confirmItem: async (id, options) => {
        const now = await claimItem(id, { skipFirstRead: false });
        return now.heldUntil == null ? null : confirmItem(id, options);
      },
    }),
    noticedBy: 'a second confirmation has the same answer',
  },
  'confirms by word alone': {
    change: ({ claimItem }) => ({
      confirmItem: async (id) => {
        const { status, item } = await claimItem(id, { skipFirstRead: false });
        return status === 'existing' ? item : null;
      },
    }),
    noticedBy: 'is the ID’s for good',
    broken: ['P1'],
  },
  'confirms no hold that has ended': {
    change: ({ claimItem, confirmItem }) => ({
      confirmItem: async (id, options) => {
        const { heldUntil } = await claimItem(id, { skipFirstRead: false });
        return heldUntil != null && heldUntil < new Date() ? null : confirmItem(id, options);
      },
    }),
    noticedBy: 'belongs to its ID until it is taken back',
  },
  'takes back all holds': {
    change: ({ expiredHolds }) => ({
      expiredHolds: () => expiredHolds({ at: new Date(Date.now() + 86_400_000) }),
    }),
    noticedBy: 'the holds that have ended, and no others',
    broken: ['P1'],
  },
  'takes back nothing': {
    change: () => ({ expiredHolds: async function* () {} }),
    noticedBy: 'the holds that have ended, and no others',
  },
  'forgets the end of the hold when it takes one back': {
    change: ({ expiredHolds, releaseItem }) => ({
      expiredHolds: async function* (options) {
        for await (const { deduplicationId } of expiredHolds(options)) {
          const release = async () => {
            await turn();
            return releaseItem(deduplicationId, { fate: 'return' });
          };
          yield { deduplicationId, release };
        }
      },
    }),
    noticedBy: 'since it was read stays',
    broken: ['P1'],
  },
  'takes a later hold back in place of the one that was read': {
    change: ({ expiredHolds, releaseItem, claimItem }) => ({
      expiredHolds: async function* (options) {
        for await (const { deduplicationId, release } of expiredHolds(options)) {
          yield {
            deduplicationId,
            release: async (how) => {
              const { heldUntil } = await claimItem(deduplicationId, { skipFirstRead: false });
              if (heldUntil != null) return releaseItem(deduplicationId, { fate: 'return' });
              return release(how);
            },
          };
        }
      },
    }),
    noticedBy: 'since it was read stays',
    broken: ['P1'],
  },
  'gives an item whose hold has ended to whoever asks': {
    change: ({ claimItem, expiredHolds }) => ({
      claimItem: async (id, options) => {
        for await (const hold of expiredHolds({ at: new Date() })) await hold.release({});
        return claimItem(id, options);
      },
    }),
    noticedBy: 'belongs to its ID until it is taken back',
    broken: ['P1'],
  },
  'loses what it takes back': {
    change: ({ expiredHolds, releaseItem }) => ({
      expiredHolds: async function* (options) {
        for await (const { deduplicationId } of expiredHolds(options)) {
          yield {
            deduplicationId,
            release: () => releaseItem(deduplicationId, { fate: 'retire' }),
          };
        }
      },
    }),
    noticedBy: 'three sweeps at once',
    broken: ['P3'],
  },
  'serves a group one by one': {
    change: ({ claimItem }) => ({
      claimItems: async (ids, options) => {
        const members: GroupMember[] = [];
        for (const deduplicationId of ids) {
          await turn();
          const { maxHoldMs, holdForMs } = options;
          const one = await claimItem(deduplicationId, {
            skipFirstRead: false,
            maxHoldMs,
            holdForMs,
          });
          const itemsNeeded = ids.length - members.length;
          if (one.item === null) return { status: 'exhausted', itemsNeeded, itemsSeen: 0 };
          members.push({ deduplicationId, ...(one as ClaimedItem) });
        }
        const isNew = members.some(({ status }) => status === 'claimed');
        return { status: isNew ? 'claimed' : 'existing', members };
      },
    }),
    noticedBy: 'too little gets nothing',
    broken: ['P3'],
  },
  'lets two groups keep each other from the last items': {
    change: ({ claimItems }, bank) => ({
      claimItems: async (ids, options) => {
        const count = (by: number) => {
          const underWay = (groupsUnderWay.get(bank) ?? 0) + by;
          groupsUnderWay.set(bank, underWay);
          return underWay;
        };
        count(1);
        await turn();
        const isAlone = count(0) === 1;
        await turn();
        count(-1);
        if (isAlone) return claimItems(ids, options);
        return { status: 'exhausted', itemsNeeded: ids.length, itemsSeen: 0 };
      },
    }),
    noticedBy: 'of two groups at once for the last items',
    broken: ['P4'],
  },
  'gives every ID of a group a new item': {
    change: ({ claimItems, releaseItem }) => ({
      claimItems: async (ids, options) => {
        for (const id of ids) await releaseItem(id, { fate: 'return' });
        return claimItems(ids, options);
      },
    }),
    noticedBy: 'keep it, and the others get one',
    broken: ['P1'],
  },
  'counts the whole group when too few items are left': {
    change: ({ claimItems }) => ({
      claimItems: async (ids, options) => {
        const result = await claimItems(ids, options);
        return result.status === 'exhausted' ? { ...result, itemsNeeded: ids.length } : result;
      },
    }),
    noticedBy: 'is told how much there is',
  },
  'holds no groups': {
    change: ({ claimItems }) => ({
      claimItems: (ids, { holdForMs: _, ...options }) => claimItems(ids, options),
    }),
    noticedBy: 'a group can be held',
  },
  'makes own writes again for an ID that has its item': {
    change: ({ claimItem }) => ({
      claimItem: async (id, options) => {
        const result = await claimItem(id, options);
        if (result.status === 'existing') options.alongside?.(result.item)();
        return result;
      },
    }),
    noticedBy: 'and not again for an ID that has its item',
  },
  'leaves own writes out': {
    change: ({ claimItem }) => ({
      claimItem: (id, { alongside: _, ...options }) => claimItem(id, options),
    }),
    noticedBy: 'made once with the claim',
  },
  'makes own writes after the claim': {
    change: ({ claimItem }) => ({
      claimItem: async (id, { alongside, ...options }) => {
        const result = await claimItem(id, options);
        if (result.status === 'claimed') inOneStep(() => alongside?.(result.item)());
        return result;
      },
    }),
    noticedBy: 'whose own writes are refused writes nothing',
  },
  'makes own writes before the claim': {
    change: ({ claimItem }) => ({
      claimItem: async (id, { alongside, ...options }) => {
        if (alongside !== undefined) inOneStep(() => alongside('any item')());
        return claimItem(id, options);
      },
    }),
    noticedBy: 'come before a refusal',
  },
  'throws what the own writes threw': {
    change: ({ claimItem }) => ({
      claimItem: (id, options) =>
        claimItem(id, options).catch((error: unknown) => {
          throw error instanceof AlongsideRefusedError ? new Error('refused') : error;
        }),
    }),
    noticedBy: 'whose own writes are refused writes nothing',
  },
  'makes own writes for a confirmed item again': {
    change: ({ confirmItem }) => ({
      confirmItem: async (id, options) => {
        const item = await confirmItem(id, { item: options.item });
        if (item !== null) options.alongside?.(item)();
        return item;
      },
    }),
    noticedBy: 'a confirmation whose own writes are refused',
  },
  'makes own writes for each ID of a group': {
    change: ({ claimItems }) => ({
      claimItems: (ids, options) =>
        claimItems(ids, {
          ...options,
          alongside: (members) => () => {
            const write = options.alongside?.(members);
            for (const _ of members) write?.();
          },
        }),
    }),
    noticedBy: 'own writes of a group are made once',
  },
  'leaves own writes of a release out': {
    change: ({ releaseItem }) => ({
      releaseItem: (id, { alongside: _, ...options }) => releaseItem(id, options),
    }),
    noticedBy: 'a release whose own writes are refused',
  },
  'gives an item within a transaction, and loses that at the commit': {
    change: ({ claimItem }) => {
      const claimedIn = new WeakSet<object>();
      return {
        features: FEATURES,
        claimItem: async (id, options) => {
          if (options.within === undefined) return claimItem(id, options);
          const status = claimedIn.has(options.within) ? 'existing' : 'claimed';
          claimedIn.add(options.within);
          return { status, item: 'voucher-1' };
        },
      };
    },
    noticedBy: 'what an ID claims in a transaction',
    broken: ['P1'],
  },
  'adds at once what it cannot add within a transaction': {
    Bank: AddsAtOnce,
    noticedBy: 'items that are added in a transaction',
    broken: ['P3'],
  },
};

function inOneStep(write: () => void): void {
  try {
    write();
  } catch (cause) {
    throw new AlongsideRefusedError([cause], { cause });
  }
}

async function has(bank: ItemBankRepository, item: string): Promise<boolean> {
  const items: string[] = [];
  for await (const each of (bank as ItemBankMemoryRepository).listItems()) items.push(each);
  return items.includes(item);
}

function report(change: Change = () => ({}), Bank = ItemBankMemoryRepository) {
  return conformanceReport(() => {
    class Changed extends DeduplicationMemoryRepository {
      override async atomicWritesWith(bank: ItemBankRepository) {
        const right = (await super.atomicWritesWith(bank)) as Writes;
        return { ...right, ...change(right, bank) } as Writes;
      }
    }
    const pair = { itemRepo: new Bank(), deduplicationRepo: new Changed() };
    // There are no transactions in memory: what a call writes is written.
    const inOwnTransaction = (body: (within: object) => Promise<void>) => body({});
    return { open: () => pair, ownWrites: ownWritesInMemory, inOwnTransaction };
  });
}

// Each report waits for what may be given back late, so all of them wait at the same time.
const flawless = report();
const heedless = report(() => ({ features: FEATURES }), AddsAtOnce);
const without = {
  'the feature `item`': report(() => ({ features: ['holdForMs', 'alongside'] })),
  'the feature `holdForMs`': report(() => ({
    features: ['item', 'alongside'],
    confirmItem: undefined,
    expiredHolds: undefined,
  })),
  'the feature `alongside`': report(() => ({ features: ['item', 'holdForMs'] })),
  '`claimItems`': report(() => ({ claimItems: undefined })),
  '`releaseItem`': report(() => ({ releaseItem: undefined })),
};
const reports = Object.entries(faults).map(
  ([name, fault]) => [name, fault, report(fault.change, fault.Bank)] as const,
);

test('the pair without a fault fails no check', async () => {
  const { failed, leftOut } = await flawless;
  expect(failed).toEqual([]);
  expect(new Set(leftOut.map(({ reason }) => reason))).toEqual(
    new Set([
      'the pair has no atomic writes with the feature `within`',
      'the storage has no `openWithLedger`',
      'there is no bank with `fillLedger` beside assignments that can be listed',
      'the storage has no `breakStore`',
    ]),
  );
});

test.each(Object.entries(without))('a pair without %s fails no check', async (missing, made) => {
  const { failed, leftOut } = await made;
  expect(failed).toEqual([]);
  expect(leftOut.map(({ reason }) => reason)).toContain(
    `the pair has no atomic writes with ${missing}`,
  );
});

test('a pair that writes at once whatever it is to do within a transaction fails every check of them', async () => {
  const { failed } = await heedless;
  const ofOwnTransactions = Object.entries(conformanceChecks)
    .filter(([subject]) => subject.startsWith('own transactions'))
    .flatMap(([, checks]) => checks);
  expect(ofOwnTransactions).not.toEqual([]);
  expect(failed.map(({ name }) => name.replace(/^[P0-9, ]+: /, ''))).toEqual(
    ofOwnTransactions.map(({ name }) => name),
  );
});

test('each fault below names a check that there is', () => {
  const names = Object.values(conformanceChecks)
    .flat()
    .map(({ name }) => name);
  for (const { noticedBy } of Object.values(faults)) {
    expect(names.filter((name) => name.includes(noticedBy))).not.toEqual([]);
  }
});

for (const [name, { noticedBy, broken = [] }, made] of reports) {
  test(`a pair that ${name} fails`, async () => {
    const { failed, brokenPromises } = await made;
    const names = failed.map((check) => check.name);
    expect(names.filter((each) => each.includes(noticedBy))).not.toEqual([]);
    expect(brokenPromises).toEqual(expect.arrayContaining([...broken]));
  });
}
