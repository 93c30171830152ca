// The suite proves itself: a backend with a fault must fail the checks of the promise that it breaks.
import { conformanceChecks, type RepositoryPair } from 'storagebox/testing';
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

const faults: Record<string, () => Partial<RepositoryPair>> = {
  'keeps an item twice': () => ({ itemRepo: new ForgetsRepeats() }),
  'loses items': () => ({ itemRepo: new LosesEveryTenth() }),
  'gives one item to two takers': () => ({ itemRepo: new ReadsThenTakes() }),
  'says "empty" when it is busy': () => ({ itemRepo: new SaysEmptyWhenBusy() }),
  'overwrites an assignment': () => ({ deduplicationRepo: new Overwrites() }),
  'lets two assignments win': () => ({ deduplicationRepo: new LooksThenPuts() }),
  'takes any item': () => ({ itemRepo: new TakesAnything() }),
  'confuses IDs': () => ({ deduplicationRepo: new FoldsCase() }),
};

async function failedChecks(makeFaulty: () => Partial<RepositoryPair>): Promise<string[]> {
  const failed: string[] = [];
  for (const check of Object.values(conformanceChecks).flat()) {
    const pair = {
      itemRepo: new SetItemBank(),
      deduplicationRepo: new MapDeduplication(),
      ...makeFaulty(),
    };
    await check.run({ open: () => pair }).catch(() => failed.push(check.name));
  }
  return failed;
}

test('a backend without a fault fails no check', async () => {
  expect(await failedChecks(() => ({}))).toEqual([]);
});

for (const [name, makeFaulty] of Object.entries(faults)) {
  test(`a backend that ${name} fails`, async () => {
    expect(await failedChecks(makeFaulty)).not.toEqual([]);
  });
}
