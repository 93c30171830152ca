// What is simulated: the rates that a table and a number of nodes sustain, and whole sales.
import { MAX_GROUP_SIZE } from '../../src/dynamodb/claim/grouped-claims.js';
import { MAX_READS_PER_REQUEST } from './gathered-reads.js';
import { type Model, partitionCount, TRANSACTIONAL_WRITE_UNITS } from './model.js';
import { type Choice, type SaleResult, simulateSale } from './sale.js';

/** More users than can be served, so that the rate shows the limit. */
const OVERLOAD = 1.2;
/**
 * One partition takes 500 claims a second, and a scan from the head uses only one. More users than this
 * only make the simulation slower.
 */
const MAX_HEAD_SCAN_ASKERS_PER_SECOND = 20_000;
/** So many that nodes seldom meet, and items do not run low. */
const RATE_ITEMS = 1_000_000;

export interface RateScenario {
  readonly nodes: number;
  readonly writeUnits: number;
  readonly durationMs: number;
}

/** More and more write units with the same nodes, then more and more nodes with the same write units. */
export const PARTITION_SCENARIOS: readonly RateScenario[] = [
  { nodes: 2_000, writeUnits: 4_000, durationMs: 10_000 },
  { nodes: 2_000, writeUnits: 10_000, durationMs: 5_000 },
  { nodes: 2_000, writeUnits: 40_000, durationMs: 3_000 },
  { nodes: 2_000, writeUnits: 100_000, durationMs: 2_000 },
  { nodes: 2_000, writeUnits: 400_000, durationMs: 1_000 },
  { nodes: 2_000, writeUnits: 1_000_000, durationMs: 1_000 },
];
export const NODE_SCENARIOS: readonly RateScenario[] = [1, 10, 100, 500, 2_000].map((nodes) => ({
  nodes,
  writeUnits: 100_000,
  durationMs: 2_000,
}));

export interface SaleScenario {
  readonly nodes: number;
  readonly items: number;
  readonly askers: number;
  readonly arrivalMs: number;
  readonly endMs: number;
  readonly writeUnits: number;
  readonly choices: readonly Choice[];
}

const SALE = {
  nodes: 500,
  items: 50_000,
  askers: 100_000,
  arrivalMs: 10_000,
  endMs: 30_000,
} as const;
export const SALE_SCENARIOS: readonly SaleScenario[] = [
  ...[4_000, 10_000].map((writeUnits) => ({
    ...SALE,
    writeUnits,
    choices: ['pool', 'oneByOne'] as const,
  })),
  ...[20_000, 30_000].map((writeUnits) => ({
    ...SALE,
    writeUnits,
    choices: ['pool'] as const,
  })),
  { ...SALE, writeUnits: 40_000, choices: ['pool', 'headScan'] },
  // So few nodes that their claims share transactions.
  { ...SALE, nodes: 10, writeUnits: 10_000, choices: ['pool', 'oneByOne'] },
];
/** The largest one, which takes minutes. */
export const FULL_SALE_SCENARIOS: readonly SaleScenario[] = [
  {
    nodes: 2_000,
    items: 1_000_000,
    askers: 10_000_000,
    arrivalMs: 60_000,
    endMs: 90_000,
    writeUnits: 400_000,
    choices: ['pool'],
  },
];

export interface RateOutcome extends RateScenario {
  readonly choice: Choice;
  readonly limitPerSecond: number;
  readonly claimsPerSecond: number;
  readonly result: SaleResult;
}

export interface SaleOutcome extends SaleScenario {
  readonly choice: Choice;
  readonly result: SaleResult;
}

export interface RunOptions {
  readonly model: Model;
  readonly seed: number;
  readonly onProgress: (share: number) => void;
}

/** The upper bound: the writes that the partitions take, and the claims that the nodes have CPU for. */
export function limitPerSecond(scenario: RateScenario, choice: Choice, model: Model): number {
  const { nodes, writeUnits } = scenario;
  const partitions = partitionCount(model, writeUnits, 0);
  const writeLimit = (partitions * model.partitionWriteUnitsPerSecond) / TRANSACTIONAL_WRITE_UNITS;
  const nodeLimit = (nodes * 1_000) / (choice === 'pool' ? sharedCpuMs(model) : model.requestCpuMs);
  return Math.min(writeLimit, nodeLimit);
}

/** Of a claim whose read and whose transaction are shared by as many as possible. */
function sharedCpuMs(model: Model): number {
  const { requestCpuMs, gatheredReadCpuMs, groupedClaimCpuMs } = model;
  const readMs = requestCpuMs / MAX_READS_PER_REQUEST + gatheredReadCpuMs;
  const claimMs = (requestCpuMs + (MAX_GROUP_SIZE - 1) * groupedClaimCpuMs) / MAX_GROUP_SIZE;
  return readMs + claimMs;
}

export async function measureRate(
  scenario: RateScenario,
  choice: Choice,
  options: RunOptions,
): Promise<RateOutcome> {
  const { nodes, writeUnits, durationMs } = scenario;
  const limit = limitPerSecond(scenario, choice, options.model);
  const askersPerSecond =
    choice === 'headScan'
      ? Math.min(limit * OVERLOAD, MAX_HEAD_SCAN_ASKERS_PER_SECOND)
      : limit * OVERLOAD;
  const result = await simulateSale({
    ...options,
    choice,
    nodes,
    writeUnits,
    items: RATE_ITEMS,
    askers: Math.round((askersPerSecond * durationMs) / 1_000),
    arrivalMs: durationMs,
    endMs: durationMs,
  });
  const claimsPerSecond = (result.claims * 1_000) / durationMs;
  return { ...scenario, choice, limitPerSecond: limit, claimsPerSecond, result };
}

export async function holdSale(
  scenario: SaleScenario,
  choice: Choice,
  options: RunOptions,
): Promise<SaleOutcome> {
  return { ...scenario, choice, result: await simulateSale({ ...scenario, ...options, choice }) };
}
