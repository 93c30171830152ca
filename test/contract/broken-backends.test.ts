// The suite proves itself: a backend with a fault must fail the checks of the promise that it breaks.
import {
  type AtomicClaim,
  type AtomicReleaseOptions,
  assertDeduplicationId,
  assertItem,
  ContentionError,
  DeduplicationIdAlreadyAssignedError,
  type ItemBankRepository,
  isStorageBoxError,
} from 'storagebox/core';
import { DeduplicationMemoryRepository, ItemBankMemoryRepository } from 'storagebox/memory';
import { conformanceReport, type PromiseName, type RepositoryPair } from 'storagebox/testing';
import { expect, test } from 'vitest';
import { MapDeduplication, SetItemBank, Store } from '../support/custom-backend.js';

class ForgetsRepeats extends SetItemBank {
  readonly #list: string[] = [];
  override async addItemToBank(item: string): Promise<void> {
    await super.addItemToBank(item);
    this.#list.push(item);
  }
  override async getItemFromBank(): Promise<string | null> {
    return this.#list.pop() ?? super.getItemFromBank();
  }
}

class LosesEveryTenth extends SetItemBank {
  #taken = 0;
  override async getItemFromBank(): Promise<string | null> {
    if (++this.#taken % 10 === 0) await super.getItemFromBank();
    return super.getItemFromBank();
  }
}

class ReadsThenTakes extends SetItemBank {
  override async getItemFromBank(): Promise<string | null> {
    const [first = null] = this.items;
    await Promise.resolve();
    if (first !== null) this.items.delete(first);
    return first;
  }
}

class SaysEmptyWhenBusy extends SetItemBank {
  #isBusy = false;
  override async getItemFromBank(): Promise<string | null> {
    if (this.#isBusy) return null;
    this.#isBusy = true;
    await Promise.resolve();
    this.#isBusy = false;
    return super.getItemFromBank();
  }
}

class Overwrites extends MapDeduplication {
  override async putDeduplicationId(deduplicationId: string, item: string): Promise<void> {
    this.itemsById.delete(deduplicationId);
    return super.putDeduplicationId(deduplicationId, item);
  }
}

class LooksThenPuts extends MapDeduplication {
  override async putDeduplicationId(deduplicationId: string, item: string): Promise<void> {
    const isFree = !this.itemsById.has(deduplicationId);
    await Promise.resolve();
    if (isFree) this.itemsById.delete(deduplicationId);
    return super.putDeduplicationId(deduplicationId, item);
  }
}

class TakesAnything extends SetItemBank {
  override async addItemToBank(item: string): Promise<void> {
    this.items.add(item);
  }
}

class FoldsCase extends MapDeduplication {
  override putDeduplicationId(deduplicationId: string, item: string): Promise<void> {
    return super.putDeduplicationId(deduplicationId?.toLowerCase?.(), item);
  }
}

class RefusesItsOwnAssignment extends MapDeduplication {
  override async putDeduplicationId(deduplicationId: string, item: string): Promise<void> {
    if (this.itemsById.has(deduplicationId)) throw new Error('duplicate key');
    return super.putDeduplicationId(deduplicationId, item);
  }
}

/** How stores compare keys that are not the same, by what it is called below. */
const COMPARISONS: Record<string, Comparison> = {
  'ignores trailing blanks': (key) => key.replace(/ +$/, ''),
  'drops zero-width characters': (key) => key.replace(/[\u200B-\u200D\u2060\uFEFF]/g, ''),
  'folds full-width letters': (key) =>
    key.replace(/[\uFF01-\uFF5E]/g, (wide) =>
      String.fromCharCode(wide.charCodeAt(0) - 0xff01 + 0x21),
    ),
  'folds ß': (key) => key.replaceAll('ß', 'ss'),
};

type Comparison = (key: string) => string;

/** Holds the first of several strings that compare as equal. */
class ComparingSet extends Set<string> {
  readonly #comparison: Comparison;
  readonly #compared = new Set<string>();

  constructor(comparison: Comparison) {
    super();
    this.#comparison = comparison;
  }

  override has(key: string): boolean {
    return this.#compared.has(this.#comparison(key));
  }

  override add(key: string): this {
    if (this.has(key)) return this;
    this.#compared.add(this.#comparison(key));
    return super.add(key);
  }

  override delete(key: string): boolean {
    this.#compared.delete(this.#comparison(key));
    return super.delete(key);
  }
}

class ComparingMap extends Map<string, string> {
  readonly #comparison: Comparison;

  constructor(comparison: Comparison) {
    super();
    this.#comparison = comparison;
  }

  override get(key: string): string | undefined {
    return super.get(this.#comparison(key));
  }

  override set(key: string, value: string): this {
    return super.set(this.#comparison(key), value);
  }
}

/** As a queue with a visibility timeout does. */
class Leases extends SetItemBank {
  override async getItemFromBank(): Promise<string | null> {
    const { items } = this;
    const item = await super.getItemFromBank();
    if (item !== null) setTimeout(() => items.add(item), 2_000).unref();
    return item;
  }
}

class ReadsFailureAsEmpty extends SetItemBank {
  override getItemFromBank(): Promise<string | null> {
    return super.getItemFromBank().catch(() => null);
  }
}

class ReadsFailureAsKnown extends SetItemBank {
  override async batchAddItems(items: Iterable<string> | AsyncIterable<string>) {
    const report = super.batchAddItems(items);
    return report.catch((error: { code?: unknown }) => {
      if (error.code !== 'STORAGEBOX_BATCH_NOT_FULLY_ADDED') throw error;
      if (!('unconfirmed' in error) || (error.unconfirmed as string[]).length === 0) throw error;
      return { read: 2, added: 0, repeats: 0, alreadyKnown: 2 };
    });
  }
}

class LosesFailedAdditions extends SetItemBank {
  override async addItemToBank(item: string): Promise<void> {
    assertItem(item);
    await super.addItemToBank(item).catch(() => {});
  }
}

class ReadsFailureAsNone extends MapDeduplication {
  override async getValueForDeduplicationId(deduplicationId: string): Promise<string | null> {
    assertDeduplicationId(deduplicationId);
    return super.getValueForDeduplicationId(deduplicationId).catch(() => null);
  }
}

class ReadsFailureAsTaken extends MapDeduplication {
  override async putDeduplicationId(deduplicationId: string, item: string): Promise<void> {
    await super.putDeduplicationId(deduplicationId, item).catch((error: unknown) => {
      throw isStorageBoxError(error) ? error : new DeduplicationIdAlreadyAssignedError(item);
    });
  }
}

/** Right, and slow to assign: the last item is out of the bank for a while. */
class AssignsSlowly extends MapDeduplication {
  override async putDeduplicationId(deduplicationId: string, item: string): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 1));
    return super.putDeduplicationId(deduplicationId, item);
  }
}

type ClaimAndRelease = Required<Pick<AtomicClaim, 'claimItem' | 'releaseItem'>>;

/** The in-memory pair with a release of its own in place of the right one. */
function releasingBy(
  release: (
    claim: ClaimAndRelease,
    bank: ItemBankRepository,
    deduplicationId: string,
    options: AtomicReleaseOptions,
  ) => Promise<string | null>,
): RepositoryPair {
  return atomicBy((claim, bank) => ({
    claimItem: claim.claimItem,
    releaseItem: (deduplicationId, options) => release(claim, bank, deduplicationId, options),
  }));
}

/** The in-memory pair with an atomic claim of its own in place of the right one. */
function atomicBy(
  change: (claim: ClaimAndRelease, bank: ItemBankRepository) => AtomicClaim,
): RepositoryPair {
  class Changed extends DeduplicationMemoryRepository {
    readonly store = new Store({});

    override async atomicClaimWith(bank: ItemBankRepository): Promise<AtomicClaim> {
      const claim = (await super.atomicClaimWith(bank)) as ClaimAndRelease;
      return change(
        {
          claimItem: async (...call) => this.store.rows && claim.claimItem(...call),
          releaseItem: async (...call) => this.store.rows && claim.releaseItem(...call),
        },
        bank,
      );
    }
  }
  return { itemRepo: new ItemBankMemoryRepository(), deduplicationRepo: new Changed() };
}

interface Fault {
  readonly makeFaulty: () => Partial<RepositoryPair>;
  readonly broken: readonly PromiseName[];
}

const faults: Record<string, Fault> = {
  'keeps an item twice': {
    makeFaulty: () => ({ itemRepo: new ForgetsRepeats() }),
    broken: ['P2'],
  },
  'loses items': { makeFaulty: () => ({ itemRepo: new LosesEveryTenth() }), broken: ['P3'] },
  'gives one item to two takers': {
    makeFaulty: () => ({ itemRepo: new ReadsThenTakes() }),
    broken: ['P2'],
  },
  'says "empty" when it is busy': {
    makeFaulty: () => ({ itemRepo: new SaysEmptyWhenBusy() }),
    broken: ['P4'],
  },
  'overwrites an assignment': {
    makeFaulty: () => ({ deduplicationRepo: new Overwrites() }),
    broken: ['P1'],
  },
  'lets two assignments win': {
    makeFaulty: () => ({ deduplicationRepo: new LooksThenPuts() }),
    broken: ['P1'],
  },
  'throws an error of its own for an ID that has an item': {
    makeFaulty: () => ({ deduplicationRepo: new RefusesItsOwnAssignment() }),
    broken: ['P1'],
  },
  'takes any item': { makeFaulty: () => ({ itemRepo: new TakesAnything() }), broken: [] },
  'confuses IDs': { makeFaulty: () => ({ deduplicationRepo: new FoldsCase() }), broken: [] },
  ...Object.fromEntries(
    Object.entries(COMPARISONS).flatMap(([name, comparison]): [string, Fault][] => [
      [
        `${name} of items`,
        {
          makeFaulty: () => ({ itemRepo: new SetItemBank(new ComparingSet(comparison)) }),
          broken: ['P3'],
        },
      ],
      [
        `${name} of IDs`,
        {
          makeFaulty: () => ({
            deduplicationRepo: new MapDeduplication(new ComparingMap(comparison)),
          }),
          broken: ['P2'],
        },
      ],
    ]),
  ),
  'gives items back after 2 seconds': {
    makeFaulty: () => ({ itemRepo: new Leases() }),
    broken: ['P2'],
  },
  'reads a failure as an empty bank': {
    makeFaulty: () => ({ itemRepo: new ReadsFailureAsEmpty() }),
    broken: ['P5'],
  },
  'reads a failure as items that are known': {
    makeFaulty: () => ({ itemRepo: new ReadsFailureAsKnown() }),
    broken: ['P5'],
  },
  'says that an item is in when it is not': {
    makeFaulty: () => ({ itemRepo: new LosesFailedAdditions() }),
    broken: ['P5'],
  },
  'reads a failure as an ID without an item': {
    makeFaulty: () => ({ deduplicationRepo: new ReadsFailureAsNone() }),
    broken: ['P5'],
  },
  'reads a failure as an ID that has an item': {
    makeFaulty: () => ({ deduplicationRepo: new ReadsFailureAsTaken() }),
    broken: ['P5'],
  },
  'tells an ID that all is gone while it gets the last item': {
    makeFaulty: () => {
      const busy = new Set<string>();
      return atomicBy((claim) => ({
        ...claim,
        claimItem: async (id, options) => {
          if (busy.has(id)) return { status: 'exhausted', item: null };
          busy.add(id);
          await new Promise((resolve) => setTimeout(resolve, 1));
          busy.delete(id);
          return claim.claimItem(id, options);
        },
      }));
    },
    broken: ['P1'],
  },
  'returns an item to the bank of whoever releases it': {
    makeFaulty: () =>
      releasingBy(async ({ releaseItem }, bank, id, options) => {
        const item = await releaseItem(id, { fate: 'retire' });
        if (item !== null && options.fate === 'return') await bank.addItemToBank(item);
        return item;
      }),
    broken: ['P2', 'P3'],
  },
  'loses what is released': {
    makeFaulty: () =>
      releasingBy(({ releaseItem }, _bank, id) => releaseItem(id, { fate: 'retire' })),
    broken: ['P3'],
  },
  'returns what is retired': {
    makeFaulty: () =>
      releasingBy(({ releaseItem }, _bank, id) => releaseItem(id, { fate: 'return' })),
    broken: ['P3'],
  },
  'returns an item before its assignment has ended': {
    makeFaulty: () =>
      releasingBy(async ({ claimItem, releaseItem }, bank, id, options) => {
        const { status, item } = await claimItem(id, { skipFirstRead: false });
        if (status !== 'existing') return releaseItem(id, options);
        if (options.fate === 'return') await bank.addItemToBank(item);
        await new Promise((resolve) => setTimeout(resolve, 1));
        return releaseItem(id, { fate: 'retire' });
      }),
    broken: ['P3'],
  },
  'tells everybody who releases at once that it was theirs': {
    makeFaulty: () => {
      const underWay = new Map<string, Promise<string | null>>();
      return releasingBy(async ({ releaseItem }, _bank, id, options) => {
        const own = underWay.get(id) ?? releaseItem(id, options);
        underWay.set(id, own);
        setTimeout(() => underWay.delete(id), 1);
        return own;
      });
    },
    broken: ['P3'],
  },
};

const report = (makeFaulty: () => Partial<RepositoryPair>) =>
  conformanceReport(() => {
    const pair = {
      itemRepo: new SetItemBank(),
      deduplicationRepo: new MapDeduplication(),
      ...makeFaulty(),
    };
    return { open: () => pair, breakStore: () => breakStore(pair) };
  });

function breakStore(pair: RepositoryPair): void {
  for (const repository of Object.values(pair)) {
    if ('store' in repository) repository.store.break();
    if (repository instanceof ItemBankMemoryRepository) failAlways(repository, bankMethods);
    if (repository instanceof DeduplicationMemoryRepository) failAlways(repository, idMethods);
  }
}

const bankMethods = ['batchAddItems', 'addItemToBank', 'returnItemToBank', 'getItemFromBank'];
const idMethods = ['getValueForDeduplicationId', 'putDeduplicationId'];

/** What is in memory has no store that could fail. */
function failAlways(repository: object, methods: readonly string[]): void {
  const fail = () => Promise.reject(new Error('The store does not answer.'));
  for (const method of methods) Object.assign(repository, { [method]: fail });
}

// Each report waits for what may be given back late, so all of them wait at the same time.
const flawless = report(() => ({}));
const releasing = report(() =>
  releasingBy(({ releaseItem }, _bank, ...call) => releaseItem(...call)),
);
const slow = report(() => ({ deduplicationRepo: new AssignsSlowly() }));
const busy = report(() => {
  let underWay = 0;
  return atomicBy((claim) => ({
    ...claim,
    claimItem: async (id, options) => {
      const isBusy = underWay >= 100;
      underWay++;
      try {
        await new Promise((resolve) => setTimeout(resolve, isBusy ? 50 : 1));
        if (isBusy) throw new ContentionError(10_000);
        return await claim.claimItem(id, options);
      } finally {
        underWay--;
      }
    },
  }));
});
const reports = Object.entries(faults).map(
  ([name, { makeFaulty, broken }]) => [name, broken, report(makeFaulty)] as const,
);

test('a backend without a fault fails no check', async () => {
  const { passed, failed, brokenPromises } = await flawless;
  expect({ failed, brokenPromises }).toEqual({ failed: [], brokenPromises: [] });
  expect(passed.length).toBeGreaterThan(30);
});

test('checks are left out, and the report says why, for a pair that lacks what they test', async () => {
  const { leftOut } = await flawless;
  expect(leftOut.length).toBeGreaterThan(5);
  const noFeatures = [
    'the pair has no atomic writes with the feature `item`',
    'the pair has no atomic writes with the feature `holdForMs`',
    'the pair has no atomic writes with `claimItems`',
    'the pair has no atomic writes with the feature `alongside`',
    'the pair has no atomic writes with the feature `within`',
  ];
  const noLedger = 'the storage has no `openWithLedger`';
  expect(new Set(leftOut.map(({ reason }) => reason))).toEqual(
    new Set([
      'the pair has no atomic writes with `releaseItem`',
      ...noFeatures,
      'the item bank repository has not all methods of `ItemBankLooking`',
      'the deduplication repository has not all methods of `DeduplicationLooking`',
      noLedger,
      'there is no bank with `fillLedger` beside assignments that can be listed',
    ]),
  );
  const whole = await releasing;
  expect(whole.failed).toEqual([]);
  expect(new Set(whole.leftOut.map(({ reason }) => reason))).toEqual(
    new Set([
      ...noFeatures,
      noLedger,
      'there is no bank with `fillLedger` beside assignments that can be listed',
    ]),
  );
});

test('a pair in two steps whose last item is out for a moment fails no check', async () => {
  const { failed } = await slow;
  expect(failed).toEqual([]);
});

test('a pair whose calls give up while 100 others are under way fails no check', async () => {
  const { failed } = await busy;
  expect(failed).toEqual([]);
});

for (const [name, broken, brokenReport] of reports) {
  test(`a backend that ${name} fails, and the report names the promise`, async () => {
    const { failed, brokenPromises } = await brokenReport;
    expect(failed).not.toEqual([]);
    expect(brokenPromises).toEqual(expect.arrayContaining([...broken]));
  });
}
