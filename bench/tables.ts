// The figures as text.
import type { ContestantName } from './contestants.js';
import type { ClaimFigures, LongCallFigures } from './measure.js';
import type { Results, Rounds } from './results.js';
import { medianOf, mostOf, ratioOf, spreadOf } from './statistics.js';

const NAME_WIDTH = 26;
const HEADINGS = [
  'claims/s',
  '(least–most)',
  '× limit',
  '× 1 by 1',
  '× original',
  'answered',
  'requests',
  'transact.',
  'RRU',
  'WRU',
  'p50 ms',
  'p99 ms',
  'CPU ms',
  'errors',
];
const WIDTHS = [9, 15, 9, 10, 11, 10, 9, 10, 7, 7, 9, 9, 8, 8];

export const LEGEND = `
  limit            the bare SDK, one transaction a claim, on rows that it knows
  limit in groups  the same, but who has to wait shares a transaction with others
  one by one       the control: storagebox, but no two claims share a transaction
  storagebox       the library as it is
  original         the algorithm of the Python module
Claims/s counts answers. The other columns are per answer; per item given out where the bank is sold out on the way.`;

type ByContestant = Rounds<ContestantName, ClaimFigures>;

/** Medians of the rounds; each contestant a line. */
export function claimTable(byContestant: ByContestant): string {
  const lines = Object.entries(byContestant).map(([contestant, rounds]) =>
    line(contestant, cells(rounds, byContestant)),
  );
  return [line('', HEADINGS), ...lines].join('\n');
}

function cells(rounds: readonly ClaimFigures[], others: ByContestant): string[] {
  const perSecond = spreadOf(rounds.map((figures) => figures.perSecond));
  const ratioTo = (other: readonly ClaimFigures[] | undefined) =>
    other === undefined ? '' : ratioOf(rounds, other, 'perSecond').toFixed(2);
  const digits = (key: keyof ClaimFigures) => medianOf(rounds, key).toFixed(2);
  const milliseconds = (key: keyof ClaimFigures) => medianOf(rounds, key).toFixed(1);
  return [
    perSecond.median.toFixed(0),
    `(${perSecond.least.toFixed(0)}–${perSecond.most.toFixed(0)})`,
    ratioTo(others.limit),
    ratioTo(others['one by one']),
    ratioTo(others.original),
    `${(100 * medianOf(rounds, 'answeredShare')).toFixed(0)} %`,
    digits('requests'),
    digits('transactions'),
    digits('readUnits'),
    digits('writeUnits'),
    milliseconds('p50Ms'),
    milliseconds('p99Ms'),
    digits('cpuMs'),
    digits('errors'),
  ];
}

export function otherTables(results: Results): string {
  const { bulk, seeding, memoryPair, ownCpuMicroseconds } = results;
  const memoryLines = Object.entries(memoryPair).map(
    ([items, { perSecond, cpuMicroseconds }]) =>
      `  ${`${Number(items).toLocaleString('en')} items`.padEnd(NAME_WIDTH)}` +
      `${perSecond.toFixed(0).padStart(8)} claims/s  ${cpuMicroseconds.toFixed(2)} µs CPU/claim`,
  );
  return [
    ...longCallLines(bulk, 'claim'),
    ...longCallLines(seeding, 'item'),
    '',
    'in-memory pair, one process',
    ...memoryLines,
    '',
    `the library's own CPU, SDK excluded: ${ownCpuMicroseconds.toFixed(1)} µs/claim`,
  ].join('\n');
}

function longCallLines(
  scenarios: Record<string, Rounds<string, LongCallFigures>>,
  unit: string,
): string[] {
  return Object.entries(scenarios).flatMap(([scenario, byContestant]) => [
    scenario,
    ...Object.entries(byContestant).map(([contestant, rounds = []]) => {
      const median = (key: keyof LongCallFigures, digits: number) =>
        medianOf(rounds, key).toFixed(digits);
      return (
        `  ${contestant.padEnd(NAME_WIDTH)}${median('perSecond', 0).padStart(8)} ${unit}s/s  ` +
        `${median('transactions', 3)} transactions  ${median('writeUnits', 2)} WRU  ` +
        `${median('cpuMs', 3)} ms CPU/${unit}  heap growth ${mostOf(rounds, 'heapGrowthMb').toFixed(1)} MB`
      );
    }),
  ]);
}

function line(name: string, columns: readonly string[]): string {
  const padded = columns.map((column, index) => column.padStart(WIDTHS[index] ?? 0));
  return `  ${name.padEnd(NAME_WIDTH)}${padded.join('')}`;
}
