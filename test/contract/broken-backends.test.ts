// The suite proves itself: a backend with a fault must fail the checks of the promise that it breaks.
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

for (const [name, { makeFaulty, broken }] of Object.entries(faults)) {
  test(`a backend that ${name} fails, and the report names the promise`, async () => {
    const { failed, brokenPromises } = await report(makeFaulty);
    expect(failed).not.toEqual([]);
    expect(brokenPromises).toEqual(expect.arrayContaining([...broken]));
  });
}
