import { Deduplicator } from 'storagebox';
import { expect, test } from 'vitest';
import { audit } from '../support/audit.js';
import { sized, tellFigures } from '../support/sizes.js';
import { freshTables, openPair } from '../support/tables.js';
import { untilServed } from '../support/until-served.js';

const CLAIMERS = 64;
const ROUNDS = sized(40, 200);
const NODES = 4;

test(`64 claimers for one single item, ${ROUNDS} rounds: one winner each, the rest null or their own`, async () => {
  const tables = await freshTables();
  const { itemRepo } = openPair(tables);
  const nodes = Array.from({ length: NODES }, () => new Deduplicator(openPair(tables)));
  const claimers = Array.from({ length: CLAIMERS }, (_, claimer) => `claimer-${claimer}`);
  const owned = new Map<string, string>();
  const figures = { rounds: 0, winners: 0, null: 0, 'their own': 0, 'anything else': 0 };

  for (let round = 0; round < ROUNDS; round++) {
    // Once most of the claimers have an item, others take their places.
    const ids = claimers.map((claimer) => `${claimer}-${Math.floor(round / 32)}`);
    const item = `item-${round}`;
    await itemRepo.addItemToBank(item);
    const results = await Promise.all(
      ids.map(async (id, index) => {
        const node = nodes[(index + round) % NODES] as Deduplicator;
        let calls = 0;
        const result = await untilServed(() => {
          calls++;
          return node.claim(id);
        });
        return { result, isRetry: calls > 1 };
      }),
    );
    for (const [index, { result, isRetry }] of results.entries()) {
      const id = ids[index] as string;
      // A retry can find what a claim has done that did not learn it.
      const isClaim = result.status === 'claimed' || (result.status === 'existing' && isRetry);
      if (isClaim && result.item === item && !owned.has(id)) {
        owned.set(id, item);
        figures.winners++;
      } else if (result.status === 'existing' && result.item === owned.get(id)) {
        figures['their own']++;
      } else if (result.status === 'exhausted' && !owned.has(id)) {
        figures.null++;
      } else {
        figures['anything else']++;
      }
    }
    figures.rounds++;
    expect(figures.winners).toBe(figures.rounds);
  }
  tellFigures(figures);
  expect(figures['anything else']).toBe(0);
  const seeded = Array.from({ length: ROUNDS }, (_, round) => `item-${round}`);
  expect(await audit(tables, seeded)).toMatchObject({ lost: 0, twice: 0, left: [] });
});
