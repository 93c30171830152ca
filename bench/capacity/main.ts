// npm run bench:capacity            rates and sales, in minutes
// npm run bench:capacity -- --full  also 10 million users for 1 million items
//
// Writes bench/results/capacity.json, the charts, and the tables of docs/scaling.md.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { goalsOf } from './goals.js';
import { DEFAULT_MODEL } from './model.js';
import {
  nodeChart,
  nodeTable,
  partitionChart,
  partitionTable,
  type Report,
  saleTable,
} from './report.js';
import type { Choice, SaleResult } from './sale.js';
import {
  FULL_SALE_SCENARIOS,
  holdSale,
  measureRate,
  NODE_SCENARIOS,
  PARTITION_SCENARIOS,
  type RateOutcome,
  type RateScenario,
  type RunOptions,
  SALE_SCENARIOS,
  type SaleOutcome,
  type SaleScenario,
} from './scenarios.js';

const REPOSITORY = new URL('../../', import.meta.url);
const DOCUMENT = new URL('docs/scaling.md', REPOSITORY);

const { values } = parseArgs({
  options: { full: { type: 'boolean', default: false }, seed: { type: 'string', default: '1' } },
});
const seed = Number(values.seed);
const startMs = performance.now();

const byPartitions = await measureRates(PARTITION_SCENARIOS, ['pool', 'headScan']);
const byNodes = await measureRates(NODE_SCENARIOS, ['pool', 'oneByOne', 'headScan']);
const sales = await holdSales(
  values.full ? [...SALE_SCENARIOS, ...FULL_SALE_SCENARIOS] : SALE_SCENARIOS,
);
const report: Report = { byPartitions, byNodes, sales };

const tables = {
  partitions: partitionTable(report),
  nodes: nodeTable(report),
  sales: saleTable(report),
};
for (const [name, markdown] of Object.entries(tables)) console.log(`\n${name}\n\n${markdown}`);
write(
  'bench/results/capacity.json',
  `${JSON.stringify({ seed, model: DEFAULT_MODEL, ...report }, null, 2)}\n`,
);
write('docs/images/scaling-partitions.svg', partitionChart(report));
write('docs/images/scaling-nodes.svg', nodeChart(report));
writeFileSync(DOCUMENT, withTables(readFileSync(DOCUMENT, 'utf8')));
for (const { text, isReached } of goalsOf(report)) console.log(`${isReached ? '✓' : '✗'} ${text}`);
console.log(`\nSimulated in ${Math.round((performance.now() - startMs) / 1_000)} s.`);

async function measureRates(
  scenarios: readonly RateScenario[],
  choices: readonly Choice[],
): Promise<RateOutcome[]> {
  const outcomes: RateOutcome[] = [];
  for (const scenario of scenarios) {
    for (const choice of choices) {
      const name = `${scenario.nodes} nodes, ${scenario.writeUnits} write units, ${choice}`;
      outcomes.push(await shown(name, (options) => measureRate(scenario, choice, options)));
    }
  }
  return outcomes;
}

async function holdSales(scenarios: readonly SaleScenario[]): Promise<SaleOutcome[]> {
  const outcomes: SaleOutcome[] = [];
  for (const scenario of scenarios) {
    for (const choice of scenario.choices) {
      const name = `${scenario.items} items, ${scenario.askers} users, ${scenario.writeUnits} write units, ${choice}`;
      outcomes.push(await shown(name, (options) => holdSale(scenario, choice, options)));
    }
  }
  return outcomes;
}

/** Shows the progress of the work, and how long it took. */
async function shown<Outcome extends { readonly result: SaleResult }>(
  name: string,
  work: (options: RunOptions) => Promise<Outcome>,
): Promise<Outcome> {
  const beganMs = performance.now();
  const show = (state: string) => {
    process.stdout.write(process.stdout.isTTY ? `\r${name}: ${state}` : '');
  };
  show('0 %');
  const outcome = await work({
    model: DEFAULT_MODEL,
    seed,
    onProgress: (share) => show(`${Math.round(share * 100)} %`),
  });
  const elapsed = `${((performance.now() - beganMs) / 1_000).toFixed(1)} s`;
  const { claims, failedCalls } = outcome.result;
  const figures = `${claims} claims, ${failedCalls} calls threw`;
  process.stdout.write(`${process.stdout.isTTY ? '\r' : ''}${name}: ${figures} (${elapsed})\n`);
  return outcome;
}

function withTables(document: string): string {
  return Object.entries(tables).reduce((text, [name, markdown]) => {
    const begin = `<!-- ${name} -->\n`;
    const from = text.indexOf(begin);
    const to = text.indexOf(`<!-- end of ${name} -->`, from);
    if (from < 0 || to < 0) throw new Error(`docs/scaling.md has no place for "${name}".`);
    return `${text.slice(0, from + begin.length)}\n${markdown}\n\n${text.slice(to)}`;
  }, document);
}

function write(path: string, content: string): void {
  const file = new URL(path, REPOSITORY);
  mkdirSync(new URL('.', file), { recursive: true });
  writeFileSync(file, content);
}
