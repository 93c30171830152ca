// The suite proves itself: a backend with a fault must fail the checks of the promise that it breaks.
import type { AtomicClaim, AtomicReleaseOptions } from 'storagebox/core';
import { DeduplicationMemoryRepository, ItemBankMemoryRepository } from 'storagebox/memory';
import { conformanceReport, type PromiseName, type RepositoryPair } from 'storagebox/testing';
import { expect, test } from 'vitest';
import { MapDeduplication, SetItemBank } from '../support/custom-backend.js';

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

/** The in-memory pair with a release of its own in place of the right one. */
function releasingBy(
  release: (
    claim: Required<AtomicClaim>,
    bank: ItemBankMemoryRepository,
    deduplicationId: string,
    options: AtomicReleaseOptions,
  ) => Promise<string | null>,
): RepositoryPair {
  const itemRepo = new ItemBankMemoryRepository();
  class Releasing extends DeduplicationMemoryRepository {
    override async atomicClaimWith(): Promise<AtomicClaim> {
      const claim = (await super.atomicClaimWith(itemRepo)) as Required<AtomicClaim>;
      return {
        claimItem: claim.claimItem,
        releaseItem: (deduplicationId, options) =>
          release(claim, itemRepo, deduplicationId, options),
      };
    }
  }
  return { itemRepo, deduplicationRepo: new Releasing() };
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
    return { open: () => pair };
  });

test('a backend without a fault fails no check', async () => {
  const { passed, failed, brokenPromises } = await report(() => ({}));
  expect({ failed, brokenPromises }).toEqual({ failed: [], brokenPromises: [] });
  expect(passed.length).toBeGreaterThan(30);
});

test('the checks of release are left out, and the report says why, for a pair that cannot', async () => {
  const { leftOut } = await report(() => ({}));
  expect(leftOut.length).toBeGreaterThan(5);
  expect(new Set(leftOut.map(({ reason }) => reason))).toEqual(
    new Set(['the atomic claim has no `releaseItem`']),
  );
  const whole = await report(() =>
    releasingBy(({ releaseItem }, _bank, ...call) => releaseItem(...call)),
  );
  expect({ failed: whole.failed, leftOut: whole.leftOut }).toEqual({ failed: [], leftOut: [] });
});

for (const [name, { makeFaulty, broken }] of Object.entries(faults)) {
  test(`a backend that ${name} fails, and the report names the promise`, async () => {
    const { failed, brokenPromises } = await report(makeFaulty);
    expect(failed).not.toEqual([]);
    expect(brokenPromises).toEqual(expect.arrayContaining([...broken]));
  });
}
