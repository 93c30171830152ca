// The tables and charts of docs/scaling.md.
import { lineChart } from '../chart.js';
import type { Choice } from './sale.js';
import type { RateOutcome, SaleOutcome } from './scenarios.js';

export interface Report {
  readonly byPartitions: readonly RateOutcome[];
  readonly byNodes: readonly RateOutcome[];
  readonly sales: readonly SaleOutcome[];
}

const NAMES = {
  pool: 'StorageBox',
  oneByOne: 'one by one',
  headScan: 'scan from the head',
} as const;

export function partitionTable({ byPartitions }: Report): string {
  return rateTable(byPartitions, ['headScan'], {
    'warm write units': ({ writeUnits }) => number(writeUnits),
    partitions: ({ result }) => number(result.partitions),
  });
}

export function nodeTable({ byNodes }: Report): string {
  return rateTable(byNodes, ['oneByOne', 'headScan'], { nodes: ({ nodes }) => number(nodes) });
}

type Columns = Record<string, (outcome: RateOutcome) => string>;

const RATE_COLUMNS: Columns = {
  'limit, claims/s': ({ limitPerSecond }) => number(limitPerSecond),
  'StorageBox, claims/s': ({ claimsPerSecond }) => number(claimsPerSecond),
  'of the limit': ({ claimsPerSecond, limitPerSecond }) =>
    percent(claimsPerSecond / limitPerSecond),
  'claims per transaction': ({ result }) => decimal(result.attempts / result.transactions),
  'attempts per claim': ({ result }) => decimal(result.attempts / result.claims),
  'throttled per claim': ({ result }) => decimal(result.throttledTransactions / result.claims),
  'p50, ms': ({ result }) => number(result.claimMs.p50),
};

/** A row for each scenario: all about StorageBox, and the rates of the other choices. */
function rateTable(
  outcomes: readonly RateOutcome[],
  others: readonly Choice[],
  scenarioColumns: Columns,
): string {
  const columns = { ...scenarioColumns, ...RATE_COLUMNS };
  return table(
    [...Object.keys(columns), ...others.map((choice) => `${NAMES[choice]}, claims/s`)],
    outcomesOf(outcomes, 'pool').map((pool, row) => [
      ...Object.values(columns).map((cellOf) => cellOf(pool)),
      ...others.map((choice) => number(outcomesOf(outcomes, choice)[row]?.claimsPerSecond ?? 0)),
    ]),
  );
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
      'claims per transaction',
      'attempts per claim',
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
        decimal(result.attempts / result.transactions),
        decimal(result.attempts / result.claims),
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
  return lineChart({
    title: `Claims per second, ${number(byPartitions[0]?.nodes ?? 0)} nodes`,
    description:
      'Simulated: claims per second against the warm write units of each table, for the limit that the partitions set, for StorageBox, and for an atomic claim that scans from the head of the table.',
    xLabel: 'warm write units of each table',
    yLabel: 'claims per second',
    xScale: 'log',
    yScale: 'log',
    ...lines(byPartitions, ['pool', 'headScan'], ({ writeUnits }) => writeUnits),
  });
}

export function nodeChart({ byNodes }: Report): string {
  return lineChart({
    title: `Claims per second, ${number(byNodes[0]?.writeUnits ?? 0)} warm write units`,
    description:
      'Simulated: claims per second against the number of nodes, for the limit that partitions and nodes set, for StorageBox, for the same one by one, and for an atomic claim that scans from the head of the table.',
    xLabel: 'nodes',
    yLabel: 'claims per second',
    xScale: 'log',
    yScale: 'log',
    ...lines(byNodes, ['pool', 'oneByOne', 'headScan'], ({ nodes }) => nodes),
  });
}

function lines(
  outcomes: readonly RateOutcome[],
  choices: readonly Choice[],
  xOf: (outcome: RateOutcome) => number,
) {
  const line = (name: string, choice: Choice, yOf: (outcome: RateOutcome) => number) => ({
    name,
    points: outcomesOf(outcomes, choice).map((outcome) => ({ x: xOf(outcome), y: yOf(outcome) })),
  });
  return {
    xTicks: outcomesOf(outcomes, 'pool').map(xOf),
    series: [
      { ...line('limit', 'pool', ({ limitPerSecond }) => limitPerSecond), isDashed: true },
      ...choices.map((choice) =>
        line(NAMES[choice], choice, ({ claimsPerSecond }) => claimsPerSecond),
      ),
    ],
  };
}

/** In the order of the scenarios, which is the same for each choice. */
function outcomesOf(outcomes: readonly RateOutcome[], choice: Choice): RateOutcome[] {
  return outcomes.filter((outcome) => outcome.choice === choice);
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
