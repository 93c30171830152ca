import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, inject, test } from 'vitest';
import { messageOf } from '../../examples/quickstart/child-message.js';
import type { SeedingReport } from '../support/seeding-worker.js';
import { grouped, sized, tellFigures } from '../support/sizes.js';
import { allRows, freshTables } from '../support/tables.js';

const ITEMS = sized(5_000, 100_000);
const REPEATS = ITEMS / 10;
const MAX_HEAP_GROWTH_MB = 64;

test(`${grouped(ITEMS)} items from an async generator with repeats enter in constant memory`, async () => {
  const tables = await freshTables();
  const { itemBankTableName } = tables;
  const worker = fork(fileURLToPath(new URL('../support/seeding-worker.ts', import.meta.url)), {
    execArgv: ['--expose-gc', '--import', 'tsx'],
  });
  worker.send({ endpoint: inject('dynamoDbEndpoint'), itemBankTableName, items: ITEMS });
  const report = (await messageOf(worker)) as SeedingReport;
  tellFigures({ ...report });

  expect(report).toMatchObject({
    read: ITEMS + REPEATS,
    added: ITEMS,
    repeats: REPEATS,
    alreadyKnown: 0,
  });
  expect(report.lastProgress).toBe(ITEMS);
  expect(report.progressReports).toBe(ITEMS / 100);
  expect(report.heapGrowthMb).toBeLessThan(MAX_HEAP_GROWTH_MB);
  expect(await allRows(tables.client, itemBankTableName)).toHaveLength(ITEMS);
});
