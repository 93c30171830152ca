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
    expect(bank.claim(0.5, '3', 10, 15)).toBe('committed');
    expect(bank.claim(0.6, '3', 12, 17)).toBe('conflict');
    expect(bank.claim(0.6, '3', 15, 20)).toBe('itemGone');
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

describe('a simulated sale', () => {
  test.each(['pool', 'headScan'] as const)('hands out every item once (%s)', async (choice) => {
    const result = await simulateSale({ ...SALE, choice });
    expect(result).toMatchObject({ claims: 300, soldOutAnswers: 200, unanswered: 0 });
    expect(result.transactions).toBe(300 + result.lostRaces + result.conflicts);
    // Two units for each of the two rows.
    expect(result.writeUnits).toBe(result.transactions * 4);
    // In vain or not, each asker's ID is read at most once plainly and once in a transaction.
    expect(result.deduplicationReadUnits).toBeLessThanOrEqual(500 * 1 + 200 * 2);
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
    expect(pool.transactions).toBeLessThanOrEqual(4_000);
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
