// The tables and charts of docs/scaling.md.
import { lineChart } from '../chart.js';
import type { RateOutcome, SaleOutcome } from './scenarios.js';

export interface Report {
  readonly byPartitions: readonly RateOutcome[];
  readonly byNodes: readonly RateOutcome[];
  readonly sales: readonly SaleOutcome[];
}

const NAMES = { pool: 'StorageBox', headScan: 'scan from the head' } as const;

export function partitionTable({ byPartitions }: Report): string {
  return table(
    ['warm write units', 'partitions', 'limit, claims/s', ...RATE_COLUMNS],
    pairs(byPartitions).map(([pool, headScan]) => [
      number(pool.writeUnits),
      number(pool.result.partitions),
      number(pool.limitPerSecond),
      ...rateCells(pool, headScan),
    ]),
  );
}

export function nodeTable({ byNodes }: Report): string {
  return table(
    ['nodes', 'limit, claims/s', ...RATE_COLUMNS],
    pairs(byNodes).map(([pool, headScan]) => [
      number(pool.nodes),
      number(pool.limitPerSecond),
      ...rateCells(pool, headScan),
    ]),
  );
}

const RATE_COLUMNS = [
  'StorageBox, claims/s',
  'of the limit',
  'transactions per claim',
  'throttled per claim',
  'p50, ms',
  'scan from the head, claims/s',
];

function rateCells(pool: RateOutcome, headScan: RateOutcome): string[] {
  const { result } = pool;
  return [
    number(pool.claimsPerSecond),
    percent(pool.claimsPerSecond / pool.limitPerSecond),
    decimal(result.transactions / result.claims),
    decimal(result.throttledTransactions / result.claims),
    number(result.claimMs.p50),
    number(headScan.claimsPerSecond),
  ];
}

export function saleTable({ sales }: Report): string {
  return table(
    [
      'sale',
      'warm write units',
      'choice',
      'handed out',
      'last one after',
      'p50 / p99, ms',
      'transactions per claim',
      'sold-out answers, p50 / p99, ms',
      'throttled requests',
      'calls that threw',
      'unanswered',
      'USD',
    ],
    sales.map((sale) => {
      const { result } = sale;
      const throttled =
        result.throttledTransactions + result.throttledScans + result.throttledIdReads;
      return [
        `${number(sale.items)} items, ${number(sale.askers)} users in ${seconds(sale.arrivalMs)}, ${number(sale.nodes)} nodes`,
        number(sale.writeUnits),
        NAMES[sale.choice],
        number(result.claims),
        seconds(result.lastClaimMs),
        `${number(result.claimMs.p50)} / ${number(result.claimMs.p99)}`,
        decimal(result.transactions / result.claims),
        result.soldOutAnswers === 0
          ? 'none'
          : `${number(result.soldOutAnswers)}, ${number(result.soldOutMs.p50)} / ${number(result.soldOutMs.p99)}`,
        number(throttled),
        number(result.failedCalls),
        number(result.unanswered),
        result.costUsd.toFixed(2),
      ];
    }),
  );
}

export function partitionChart({ byPartitions }: Report): string {
  const outcomes = pairs(byPartitions);
  return lineChart({
    title: `Claims per second, ${number(byPartitions[0]?.nodes ?? 0)} nodes`,
    description:
      'Simulated: claims per second against the warm write units of each table, for the limit that the partitions set, for StorageBox, and for an atomic claim that scans from the head of the table.',
    xLabel: 'warm write units of each table',
    yLabel: 'claims per second',
    xScale: 'log',
    yScale: 'log',
    xTicks: outcomes.map(([{ writeUnits }]) => writeUnits),
    series: series(outcomes, ({ writeUnits }) => writeUnits),
  });
}

export function nodeChart({ byNodes }: Report): string {
  const outcomes = pairs(byNodes);
  return lineChart({
    title: `Claims per second, ${number(byNodes[0]?.writeUnits ?? 0)} warm write units`,
    description:
      'Simulated: claims per second against the number of nodes, for the limit that partitions and nodes set, for StorageBox, and for an atomic claim that scans from the head of the table.',
    xLabel: 'nodes',
    yLabel: 'claims per second',
    xScale: 'log',
    yScale: 'log',
    xTicks: outcomes.map(([{ nodes }]) => nodes),
    series: series(outcomes, ({ nodes }) => nodes),
  });
}

type Pair = readonly [pool: RateOutcome, headScan: RateOutcome];

function series(outcomes: readonly Pair[], xOf: (outcome: RateOutcome) => number) {
  const line = (name: string, yOf: (pair: Pair) => number) => ({
    name,
    points: outcomes.map((pair) => ({ x: xOf(pair[0]), y: yOf(pair) })),
  });
  return [
    { ...line('limit', ([pool]) => pool.limitPerSecond), isDashed: true },
    line(NAMES.pool, ([pool]) => pool.claimsPerSecond),
    line(NAMES.headScan, ([, headScan]) => headScan.claimsPerSecond),
  ];
}

/** The outcomes of both choices, side by side. */
function pairs(outcomes: readonly RateOutcome[]): Pair[] {
  return outcomes
    .filter(({ choice }) => choice === 'pool')
    .map((pool) => {
      const headScan = outcomes.find(
        ({ choice, nodes, writeUnits }) =>
          choice === 'headScan' && nodes === pool.nodes && writeUnits === pool.writeUnits,
      );
      if (headScan === undefined) throw new Error('Each scenario is run with both choices.');
      return [pool, headScan];
    });
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[], fill = ' ') =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0, fill)).join(' | ')} |`;
  const rule = line(
    head.map(() => ''),
    '-',
  );
  return [line(head), rule, ...rows.map((row) => line(row))].join('\n');
}

function number(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

function decimal(value: number): string {
  return Number.isFinite(value) ? value.toFixed(2) : 'none';
}

function percent(value: number): string {
  return `${(value * 100).toFixed(0)} %`;
}

function seconds(valueMs: number): string {
  return `${(valueMs / 1_000).toFixed(valueMs % 1_000 === 0 ? 0 : 1)} s`;
}
