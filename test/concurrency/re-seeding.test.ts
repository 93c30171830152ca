// Seed scripts that are killed and started again while the sale is on, and a list that is seeded anew.
import { fork } from 'node:child_process';
import { randomInt, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type {
  BatchGetItemCommandOutput,
  TransactWriteItemsCommandInput,
} from '@aws-sdk/client-dynamodb';
import { type BatchAddItemsReport, Deduplicator } from 'storagebox';
import { expect, inject, onTestFinished, test } from 'vitest';
import { audit } from '../support/audit.js';
import { intercept } from '../support/interceptor.js';
import type { ReseedingTask } from '../support/reseeding-worker.js';
import { grouped, sized, tellFigures } from '../support/sizes.js';
import {
  allRows,
  freshTables,
  freshTablesWithLedger,
  openPair,
  type Tables,
  throughOwnClient,
} from '../support/tables.js';

const COPIES = 2;
const SEEDING = sized(
  { items: 2_000, kills: 4 },
  { items: 50_000, kills: 20 },
  { items: 20_000, kills: 20 },
);
const CONTROL = sized({ items: 1_000, kills: 4 }, { items: 2_000, kills: 6 });
const COMPLETE_LIST = sized(1_000, 20_000);
/** Of up to 1 KB, written or refused. */
const WRITE_UNITS_A_ROW = 2;

const vouchers = (count: number) => Array.from({ length: count }, (_, index) => `voucher-${index}`);

/** `null` when it was killed, which happens soon after it added so many items, or at its end. */
async function runScript(
  task: ReseedingTask,
  killAfter: number | null,
): Promise<BatchAddItemsReport | null> {
  const script = fork(fileURLToPath(new URL('../support/reseeding-worker.ts', import.meta.url)), {
    execArgv: ['--import', 'tsx'],
  });
  onTestFinished(() => {
    script.kill('SIGKILL');
  });
  let report: BatchAddItemsReport | null = null;
  script.on('message', (progress: BatchAddItemsReport) => {
    report = progress;
    if (killAfter === null) return;
    const isDue = progress.added > killAfter || progress.read === task.items;
    if (isDue) setTimeout(() => script.kill('SIGKILL'), randomInt(20));
  });
  script.send(task);
  // The last report may arrive after the end, but not after the channel is closed.
  const [[exitCode, signal]] = await Promise.all([
    once(script, 'exit'),
    once(script, 'disconnect'),
  ]);
  if (signal === 'SIGKILL') return null;
  if (exitCode !== 0) throw new Error(`A seed script ended with exit code ${exitCode}.`);
  return report;
}

/** Copies of a script at once, killed and started again, until the last runs may end. */
async function seedUnderFire(tables: Tables, items: number, kills: number) {
  const { itemBankTableName, ledgerTableName } = tables;
  const endpoint = inject('dynamoDbEndpoint');
  const task = { endpoint, itemBankTableName, ledgerTableName, items };
  let killsLeft = kills;
  const runCopy = async () => {
    while (killsLeft > 0) {
      killsLeft--;
      // Spread over the whole list, and while something is being added.
      const wasKilled = (await runScript(task, randomInt(Math.floor(items / kills)))) === null;
      if (!wasKilled) killsLeft++;
    }
    return runScript(task, null);
  };
  return Promise.all(Array.from({ length: COPIES }, runCopy));
}

/** Claims for one new ID after the other, by so many callers at once, until told to stop. */
async function claimUntil(
  tables: Tables,
  callers: number,
  isOver: (lastItem: string | null) => boolean,
) {
  const deduplicator = new Deduplicator(openPair(throughOwnClient(tables)));
  const run = randomUUID();
  let users = 0;
  const callUntilOver = async () => {
    for (;;) {
      const item = await deduplicator.fetchItemForDeduplicationId(`${run}-${users++}`);
      if (isOver(item)) return;
      if (item === null) await sleep(10);
    }
  };
  await Promise.all(Array.from({ length: callers }, callUntilOver));
}

async function saleUnderFire(tables: Tables, items: number, kills: number) {
  const startMs = performance.now();
  let isSeeded = false;
  const claims = claimUntil(tables, 1, () => isSeeded);
  const reports = await seedUnderFire(tables, items, kills);
  isSeeded = true;
  await claims;
  return { reports, seconds: secondsSince(startMs) };
}

function secondsSince(startMs: number): number {
  return Math.round((performance.now() - startMs) / 100) / 10;
}

test(`${grouped(SEEDING.items)} items seeded by two scripts at once, killed ${SEEDING.kills} times while the sale is on, enter once each`, async () => {
  const { items, kills } = SEEDING;
  const tables = await freshTablesWithLedger();
  const { reports, seconds } = await saleUnderFire(tables, items, kills);

  const { lost, twice, left, owners } = await audit(tables, vouchers(items));
  const ledger = (await allRows(tables.client, tables.ledgerTableName)).map((row) => row.item?.S);
  const claimed = owners.size;
  tellFigures({ items, kills, claimed, left: left.length, lost, twice, seconds });
  expect({ lost, twice }).toEqual({ lost: 0, twice: 0 });
  expect(left.length + claimed).toBe(items);
  expect(claimed).toBeGreaterThan(0);
  expect(new Set(ledger)).toEqual(new Set(vouchers(items)));
  for (const report of reports) {
    expect(report).toMatchObject({ read: items, repeats: 0 });
    expect((report?.added ?? 0) + (report?.alreadyKnown ?? 0)).toBe(items);
  }
});

test('without a ledger the same hands items out twice', async () => {
  const { items, kills } = CONTROL;
  const tables = await freshTables();
  const { seconds } = await saleUnderFire(tables, items, kills);
  await claimUntil(tables, 8, (item) => item === null);

  const { lost, owners } = await audit(tables, vouchers(items));
  const handedOutTwice = owners.size - new Set(owners.values()).size;
  tellFigures({ control: 'no ledger', items, kills, lost, handedOutTwice, seconds });
  expect(lost).toBe(0);
  expect(handedOutTwice).toBeGreaterThan(0);
});

test('a list that is complete is seeded again for a fraction of the units, and nothing is added', async () => {
  const items = COMPLETE_LIST;
  const tables = await freshTablesWithLedger();
  const first = await seedMeasured(tables, items);
  await claimUntil(tables, 8, countingTo(200));
  const again = await seedMeasured(tables, items);

  tellFigures({ items, first: first.cost, again: again.cost });
  expect(first.report).toEqual({ read: items, added: items, repeats: 0, alreadyKnown: 0 });
  expect(again.report).toEqual({ read: items, added: 0, repeats: 0, alreadyKnown: items });
  expect(again.cost.writeUnits).toBe(0);
  expect(first.cost.writeUnits).toBe(4 * items);
  expect(again.cost.readUnits).toBe(items / 2);
});

function countingTo(count: number): () => boolean {
  let calls = 0;
  return () => ++calls >= count;
}

/**
 * Seeds the whole list, and counts the units: for reads those that DynamoDB tells, for writes those
 * that it bills by its documentation, since DynamoDB Local tells as many for 50 rows as for one. See
 * "Amazon DynamoDB Transactions: How it works" in the Developer Guide, section "Capacity management".
 */
async function seedMeasured(tables: Tables, items: number) {
  const ofItsOwn = throughOwnClient(tables);
  let writeUnits = 0;
  let readUnits = 0;
  intercept(ofItsOwn.client, async ({ input, send }) => {
    const { TransactItems: rows } = input as Partial<TransactWriteItemsCommandInput>;
    if (rows !== undefined) {
      writeUnits += rows.length * WRITE_UNITS_A_ROW;
      return send();
    }
    const output: BatchGetItemCommandOutput = await send({
      ...input,
      ReturnConsumedCapacity: 'TOTAL',
    });
    for (const { CapacityUnits = 0 } of output.ConsumedCapacity ?? []) readUnits += CapacityUnits;
    return output;
  });
  const startMs = performance.now();
  const report = await openPair(ofItsOwn).itemRepo.batchAddItems(vouchers(items));
  return { report, cost: { seconds: secondsSince(startMs), writeUnits, readUnits } };
}
