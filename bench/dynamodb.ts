// npm run bench [-- --store dynamodb] [--full] [--only TEXT]… [--request-delay-ms N]
import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DEFAULT_CLIENT_CONFIG } from 'storagebox';
import { isLocal, useDynamoDb } from '../examples/quickstart/endpoint.js';
import { plant } from '../test/verification/planted-faults.js';
import { measureMemoryPair, measureOwnCpu } from './in-process.js';
import { measureBulk, measureClaims, measureSeeding } from './measure.js';
import { Nodes } from './nodes.js';
import { ONE_BY_ONE } from './one-by-one.js';
import { rateChart } from './rate-chart.js';
import type { Results } from './results.js';
import { bulkScenarios, claimScenarios, seedingScenarios, WARM_UP } from './scenarios.js';
import { claimTable, LEGEND, otherTables } from './tables.js';
import { targetsOf } from './targets.js';

const MEMORY_PAIR_SIZES = [1_000, 10_000, 100_000, 1_000_000];
const LEAST_MEMORY_CLAIMS = 200_000;
const OWN_CPU_CLAIMS = 30_000;
const RESULTS_FOLDER = new URL('results/', import.meta.url);

const { values: options } = parseArgs({
  options: {
    store: { type: 'string' },
    /** Also the largest sizes, and more rounds. */
    full: { type: 'boolean', default: false },
    /** Only scenarios whose names contain it, or one of them. */
    only: { type: 'string', multiple: true, default: [''] },
    /** Added to each request, as the network of a Region would. */
    'request-delay-ms': { type: 'string', default: '0' },
  },
});

process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

// This server works for long: it compiles as well as it can.
process.env.JDK_JAVA_OPTIONS ??= '';
const dynamoDb = await useDynamoDb();
if (isLocal(dynamoDb.endpoint)) {
  process.env.AWS_REGION ??= 'eu-west-1';
  process.env.AWS_ACCESS_KEY_ID ??= 'local';
  process.env.AWS_SECRET_ACCESS_KEY ??= 'local';
}
const oneByOne = await plant(ONE_BY_ONE);
const nodes = new Nodes();
try {
  const results = await measureAll();
  console.log(`\n\n${otherTables(results)}\n\n${targetsOf(results)}\n`);
  await mkdir(RESULTS_FOLDER, { recursive: true });
  await write('bench.json', `${JSON.stringify(results, null, 2)}\n`);
  const chart = rateChart(results);
  if (chart !== null) await write('bench.svg', chart);
} finally {
  nodes.stop();
  await oneByOne.dispose();
  await dynamoDb.stop();
}

async function measureAll(): Promise<Results> {
  const requestDelayMs = Number(options['request-delay-ms']);
  const setting = {
    client: new DynamoDBClient({ ...DEFAULT_CLIENT_CONFIG, endpoint: dynamoDb.endpoint }),
    endpoint: dynamoDb.endpoint,
    requestDelayMs,
    oneByOneSource: oneByOne.source,
  };
  const results: Results = {
    node: process.version,
    cpus: availableParallelism(),
    requestDelayMs,
    claims: {},
    bulk: {},
    seeding: {},
    memoryPair: {},
    ownCpuMicroseconds: Number.NaN,
  };
  const isWanted = ({ name }: { readonly name: string }) =>
    options.only.some((part) => name.includes(part));

  if (isWanted({ name: 'in process' })) {
    announce('in process');
    for (const items of MEMORY_PAIR_SIZES) {
      results.memoryPair[items] = await measureMemoryPair(items, LEAST_MEMORY_CLAIMS);
      showProgress();
    }
    results.ownCpuMicroseconds = await measureOwnCpu(OWN_CPU_CLAIMS);
    showProgress();
  }
  const scenarios = claimScenarios(options.full).filter(isWanted);
  if (scenarios.length > 0) {
    announce(WARM_UP.name);
    await measureClaims(setting, nodes, WARM_UP, showProgress);
    console.log(`\n${LEGEND}`);
  }
  for (const scenario of scenarios) {
    announce(scenario.name);
    const rounds = await measureClaims(setting, nodes, scenario, showProgress);
    results.claims[scenario.name] = rounds;
    console.log(`\n${claimTable(rounds)}`);
  }
  for (const scenario of bulkScenarios(options.full).filter(isWanted)) {
    announce(scenario.name);
    results.bulk[scenario.name] = await measureBulk(setting, nodes, scenario, showProgress);
  }
  for (const scenario of seedingScenarios(options.full).filter(isWanted)) {
    announce(scenario.name);
    results.seeding[scenario.name] = await measureSeeding(setting, nodes, scenario, showProgress);
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

/** One dot for each run. */
function showProgress(): void {
  process.stdout.write('.');
}
