import { describe, expect, test } from 'vitest';
import { DEFAULT_MODEL, type Model } from '../../bench/capacity/model.js';
import { Partitions } from '../../bench/capacity/partitions.js';
import { type SaleOptions, simulateSale } from '../../bench/capacity/sale.js';
import { SimulatedTables } from '../../bench/capacity/simulated-tables.js';
import { runtime } from '../../src/environment/runtime.js';
import { seededRandom } from '../verification/seeded-random.js';

const SALE: SaleOptions = {
  choice: 'pool',
  nodes: 4,
  items: 300,
  askers: 500,
  arrivalMs: 500,
  endMs: 20_000,
  writeUnits: 4_000,
  seed: 1,
  model: DEFAULT_MODEL,
};

describe('a partition', () => {
  function writesLetIn(partitions: Partitions, fromMs: number, toMs: number, perMs: number) {
    let letIn = 0;
    for (let nowMs = fromMs; nowMs < toMs; nowMs++) {
      for (let count = 0; count < perMs; count++) {
        if (!partitions.canWrite(0, 1, nowMs)) continue;
        partitions.write(0, 1);
        letIn++;
      }
    }
    return letIn;
  }
  const model = (changes: Partial<Model>): Model => ({ ...DEFAULT_MODEL, ...changes });

  test('takes 1,000 write units and 3,000 read units a second, however many are asked for', () => {
    const partitions = new Partitions(DEFAULT_MODEL, 1);
    expect(writesLetIn(partitions, 0, 2_000, 5)).toBe(1_999);
    let reads = 0;
    for (let nowMs = 0; nowMs < 1_000; nowMs++) {
      for (let count = 0; count < 5; count++) if (partitions.read(0, 1, nowMs)) reads++;
    }
    expect(reads).toBe(2_997);
    expect(partitions).toMatchObject({ writeUnits: 1_999, readUnits: 2_997 });
  });

  test('gives 300 seconds of saved-up capacity on top where that is asked for', () => {
    const partitions = new Partitions(model({ burstSeconds: 300, isBurstSavedUp: true }), 1);
    expect(writesLetIn(partitions, 0, 1_000, 500)).toBe(300_999);
  });

  test('splits in two when it has throttled for long enough, and only then', () => {
    const partitions = new Partitions(model({ splitAfterMs: 2_000 }), 1);
    writesLetIn(partitions, 0, 1_500, 2);
    expect(partitions.count).toBe(1);
    writesLetIn(partitions, 1_500, 2_100, 2);
    expect(partitions).toMatchObject({ count: 2, splits: 1 });
    expect([partitions.of(0.49), partitions.of(0.5), partitions.of(0.99)]).toEqual([0, 1, 1]);
    // Another 2,000 ms of throttling, counted anew for each half.
    writesLetIn(partitions, 2_100, 4_000, 2);
    expect(partitions.count).toBe(2);
  });

  test('is throttled by the quota of its table, too', () => {
    const partitions = new Partitions(model({ tableUnitsPerSecond: 500 }), 4);
    expect(writesLetIn(partitions, 0, 1_000, 5)).toBe(499);
  });
});

describe('a simulated scan', () => {
  const ITEMS = 500;
  const saved = { ...DEFAULT_MODEL, isBurstSavedUp: true };
  const tables = () => new SimulatedTables(saved, 10, ITEMS, seededRandom(7));

  function scanAll(bank: SimulatedTables, nowMs: number): string[] {
    const items: string[] = [];
    for (let key: string | null = null; ; ) {
      const page = bank.scan(key, 30, nowMs);
      if (page === null) throw new Error('Nothing throttles here.');
      items.push(...page.items);
      if (page.nextKey === null) return items;
      key = page.nextKey;
    }
  }

  test('shows every row once, page by page', () => {
    const items = scanAll(tables(), 0);
    expect(items).toHaveLength(ITEMS);
    expect(new Set(items).size).toBe(ITEMS);
  });

  test('shows a row until its transaction is applied, and never after', () => {
    const bank = tables();
    expect(bank.claim([{ idHash: 0.5, item: '3' }], 10, 15)).toEqual(['committed']);
    expect(bank.claim([{ idHash: 0.6, item: '3' }], 12, 17)).toEqual(['conflict']);
    expect(bank.claim([{ idHash: 0.6, item: '3' }], 15, 20)).toEqual(['itemGone']);
    expect(scanAll(bank, 14)).toContain('3');
    expect(scanAll(bank, 15)).not.toContain('3');
  });

  test('costs a unit for each partition that it searches, rows or none', () => {
    const empty = new SimulatedTables(saved, 10, 0, seededRandom(7));
    expect(empty.scan(null, 30, 0)).toEqual({ items: [], nextKey: null, searchedPartitions: 10 });
    expect(empty.bank.readUnits).toBe(10);
  });

  test('begins at different places for different made-up keys', () => {
    const bank = tables();
    const firsts = ['a', 'b', 'c', 'd'].map((key) => bank.scan(key, 1, 0)?.items[0]);
    expect(new Set(firsts).size).toBe(4);
  });
});

describe('a simulated transaction of several claims', () => {
  const claimOf = (item: number, idHash = 0.5) => ({ idHash, item: String(item) });
  const group = [0, 1, 2, 3].map((item) => claimOf(item));
  const saved = { ...DEFAULT_MODEL, isBurstSavedUp: true };

  test('is committed as a whole', () => {
    const tables = new SimulatedTables(saved, 1, 500, seededRandom(7));
    expect(tables.claim(group, 0, 5)).toEqual(Array(4).fill('committed'));
    expect(tables.scan(null, 1, 5)?.items).toEqual(['4']);
    expect([tables.bank.writeUnits, tables.deduplication.writeUnits]).toEqual([8, 8]);
  });

  test('is cancelled as a whole, and consumes all of it', () => {
    const tables = new SimulatedTables(saved, 1, 500, seededRandom(7));
    tables.claim([claimOf(1)], 0, 5);
    tables.claim([claimOf(2)], 3, 8);
    const others = 'cancelledByOthers';
    expect(tables.claim(group, 6, 11)).toEqual([others, 'itemGone', 'conflict', others]);
    expect(tables.bank.writeUnits).toBe(2 + 2 + 8);
    expect(tables.claim([claimOf(0), claimOf(3)], 6, 11)).toEqual(['committed', 'committed']);
  });

  test('is throttled as a whole when one partition lacks the units, and consumes nothing', () => {
    const tables = new SimulatedTables(DEFAULT_MODEL, 2, 500, seededRandom(7));
    const [first, last, lastButOne] = [
      claimOf(0, 0.1),
      claimOf(499, 0.9),
      claimOf(498, 0.9),
    ] as const;
    // After 2 ms, each partition has the units for one row.
    expect(tables.claim([first, last, lastButOne], 2, 7)).toEqual([
      'cancelledByOthers',
      'throttled',
      'throttled',
    ]);
    expect(tables.bank.writeUnits + tables.deduplication.writeUnits).toBe(0);
    expect(tables.claim([first, last], 2, 7)).toEqual(['committed', 'committed']);
    expect(tables.claim([lastButOne], 2, 7)).toEqual(['throttled']);
  });
});

describe('a simulated sale', () => {
  test.each(['pool', 'oneByOne', 'headScan'] as const)(
    'hands out every item once (%s)',
    async (choice) => {
      const result = await simulateSale({ ...SALE, choice });
      expect(result).toMatchObject({ claims: 300, soldOutAnswers: 200, unanswered: 0 });
      const inVain = result.lostRaces + result.conflicts + result.cancellationsByOthers;
      expect(result.attempts).toBe(300 + inVain);
      // Two units for each of the two rows.
      expect(result.writeUnits).toBe(result.attempts * 4);
      // In vain or not, each asker's ID is read at most once plainly and once in a transaction.
      expect(result.deduplicationReadUnits).toBeLessThanOrEqual(500 * 1 + 200 * 2);
    },
  );

  describe('on one node that has too little CPU for all', () => {
    const rush = { ...SALE, nodes: 1, items: 1_500, askers: 2_000, arrivalMs: 1_000 };
    const writeUnits = 10_000;

    test('shares transactions; who is held up by another claim goes on with its item', async () => {
      const result = await simulateSale({ ...rush, writeUnits });
      expect(result).toMatchObject({ claims: 1_500, soldOutAnswers: 500, unanswered: 0 });
      expect(result.attempts / result.transactions).toBeGreaterThan(3);
      expect(result.cancellationsByOthers).toBeGreaterThan(0);
      expect(result).toMatchObject({ attempts: 1_500, writeUnits: 6_000 });
    });

    test('goes one by one where that is asked for, as before claims shared transactions', async () => {
      const result = await simulateSale({ ...rush, writeUnits, choice: 'oneByOne' });
      expect(result).toMatchObject({ claims: 1_500, transactions: 1_500, attempts: 1_500 });
      expect(result).toMatchObject({ scans: 14, deduplicationReadUnits: 4_733 });
      expect(result.lastClaimMs).toBeCloseTo(1317.8486441336304, 9);
    });
  });

  test('comes out the same for the same seed, and otherwise for another', async () => {
    const result = await simulateSale(SALE);
    expect(await simulateSale(SALE)).toEqual(result);
    expect(await simulateSale({ ...SALE, seed: 2 })).not.toEqual(result);
  });

  test('stays below what the partitions take; a scan from the head below what one does', async () => {
    const rush = {
      ...SALE,
      nodes: 40,
      items: 50_000,
      askers: 6_000,
      arrivalMs: 1_000,
      endMs: 1_000,
    };
    const pool = await simulateSale({ ...rush, writeUnits: 8_000 });
    const headScan = await simulateSale({ ...rush, writeUnits: 8_000, choice: 'headScan' });
    expect(pool.partitions).toBe(8);
    expect(pool.attempts).toBeLessThanOrEqual(4_000);
    expect(pool.claims).toBeGreaterThan(2_000);
    expect(headScan.transactions).toBeLessThanOrEqual(500);
    expect(pool.throttledTransactions).toBeGreaterThan(0);
  });

  test('gives time and chance back when it ends', async () => {
    const before = { ...runtime };
    await simulateSale(SALE);
    expect({ ...runtime }).toEqual(before);
  });
});
