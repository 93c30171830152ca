// npm run bench -- --store postgres|sqlite [--quick] [--only TEXT]…
//
// Writes bench/results/<store>.json and the charts. A failed audit ends it.
import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type BenchStore, STORE_NAMES, type StoreName } from './bench-store.js';
import { charts } from './charts.js';
import { openClaimers } from './claimers.js';
import { goalsOf } from './goals.js';
import { planOf } from './loads.js';
import { Measurement } from './measure.js';
import type { Results } from './results.js';
import { claimTable, growthTable, LEGEND, seedingTable, snapshotTable } from './tables.js';

const RESULTS_FOLDER = new URL('../results/', import.meta.url);

const { values: options } = parseArgs({
  options: {
    store: { type: 'string', default: '' },
    /** A smoke run, in less than a minute. Its figures mean nothing. */
    quick: { type: 'boolean', default: false },
    /** Only loads whose names contain it, or one of them. */
    only: { type: 'string', multiple: true, default: [''] },
  },
});

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

const storeName = STORE_NAMES.find((name) => name === options.store);
if (storeName === undefined) {
  throw new Error(`--store: expected dynamodb, ${STORE_NAMES.join(' or ')}.`);
}
const store = await openStore(storeName);
const claimers = await openClaimers();
const startMs = performance.now();
try {
  const results = await measureAll();
  console.log(`\n\n${goalsOf(results)}\n\n${minutesSince(startMs)} minutes`);
  await mkdir(RESULTS_FOLDER, { recursive: true });
  await write(`${storeName}.json`, `${JSON.stringify(results, null, 2)}\n`);
  for (const [name, chart] of Object.entries(charts(results))) await write(name, chart);
} finally {
  claimers.stop();
  await store.stop();
}

/** One store loads no driver of another. */
async function openStore(name: StoreName): Promise<BenchStore> {
  if (name === 'postgres') return (await import('./postgres/store.js')).openPostgres();
  return (await import('./sqlite/store.js')).openSqlite();
}

async function measureAll(): Promise<Results> {
  const { name, about } = store;
  const results: Results = {
    store: name,
    node: process.version,
    cpus: availableParallelism(),
    about,
    claims: {},
    seeding: {},
    growth: {},
    snapshot: {},
  };
  const { warmUps, loads, seeding, growth, snapshot } = planOf(name, options.quick);
  const isWanted = (what: string) => options.only.some((part) => what.includes(part));
  const measurement = new Measurement(store, claimers, () => process.stdout.write('.'));
  console.log(
    Object.entries(about)
      .flatMap(([what, value]) => `${what} ${value}`)
      .join(', '),
  );

  announce('warming up');
  for (const warmUp of warmUps) await measurement.claims(warmUp);
  console.log(`\n${LEGEND}`);
  for (const load of loads.filter((one) => isWanted(one.name))) {
    announce(load.name);
    const rounds = await measurement.claims(load);
    results.claims[load.name] = rounds;
    console.log(`\n${claimTable(rounds)}`);
  }
  if (isWanted('growth')) {
    announce('growth');
    results.growth = await measurement.growth(growth);
    console.log(`\n${growthTable(results.growth)}`);
  }
  if (snapshot !== null && isWanted('snapshot')) {
    announce('snapshot');
    results.snapshot = await measurement.snapshot(snapshot);
    console.log(`\n${snapshotTable(results.snapshot)}`);
  }
  if (isWanted('seeding')) {
    announce(`seeding ${seeding.items.toLocaleString('en')} items`);
    const rounds = await measurement.seeding(seeding.items, seeding.rounds);
    results.seeding[seeding.items] = rounds;
    console.log(`\n${seedingTable(rounds)}`);
  }
  return results;
}

function announce(name: string): void {
  process.stdout.write(`\n${name} `);
}

async function write(name: string, content: string): Promise<void> {
  const file = new URL(name, RESULTS_FOLDER);
  await writeFile(file, content);
  console.log(fileURLToPath(file));
}

function minutesSince(startMs: number): string {
  return ((performance.now() - startMs) / 60_000).toFixed(1);
}
