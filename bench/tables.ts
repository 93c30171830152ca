// The figures as text.
import type { ContestantName } from './contestants.js';
import type { ClaimFigures } from './measure.js';
import type { Results, Spreads } from './results.js';
import type { Spread } from './statistics.js';

const NAME_WIDTH = 26;
const HEADINGS = [
  'claims/s',
  '(least–most)',
  '× limit',
  '× original',
  'requests',
  'transact.',
  'RRU',
  'WRU',
  'p50 ms',
  'p99 ms',
  'CPU ms',
  'errors',
];
const WIDTHS = [9, 15, 8, 11, 9, 10, 7, 7, 9, 9, 8, 8];

type ByContestant = Partial<Record<ContestantName, Spreads<ClaimFigures>>>;

/** Medians of the rounds; each contestant a line. */
export function claimTable(byContestant: ByContestant): string {
  const lines = Object.entries(byContestant).map(([contestant, figures]) =>
    line(contestant, cells(figures, byContestant)),
  );
  return [line('', HEADINGS), ...lines].join('\n');
}

function cells(figures: Spreads<ClaimFigures>, others: ByContestant): string[] {
  const { perSecond } = figures;
  const ratioTo = (other: Spreads<ClaimFigures> | undefined) =>
    other === undefined ? '' : (perSecond.median / other.perSecond.median).toFixed(2);
  return [
    perSecond.median.toFixed(0),
    `(${perSecond.least.toFixed(0)}–${perSecond.most.toFixed(0)})`,
    ratioTo(others.limit),
    ratioTo(others.original),
    digits(figures.requests),
    digits(figures.transactions),
    digits(figures.readUnits),
    digits(figures.writeUnits),
    figures.p50Ms.median.toFixed(1),
    figures.p99Ms.median.toFixed(1),
    digits(figures.cpuMs),
    digits(figures.errors),
  ];
}

export function otherTables({ seeding, memoryPair, ownCpuMicroseconds }: Results): string {
  const seedingLines = Object.entries(seeding).flatMap(([scenario, byContestant]) => [
    scenario,
    ...Object.entries(byContestant).map(
      ([contestant, { perSecond, writeUnits, cpuMs, heapGrowthMb }]) =>
        `  ${contestant.padEnd(NAME_WIDTH)}${perSecond.median.toFixed(0).padStart(8)} items/s  ` +
        `${digits(writeUnits)} WRU/item  ${cpuMs.median.toFixed(3)} ms CPU/item  ` +
        `heap growth ${heapGrowthMb.most.toFixed(1)} MB`,
    ),
  ]);
  const memoryLines = Object.entries(memoryPair).map(
    ([items, { perSecond, cpuMicroseconds }]) =>
      `  ${`${Number(items).toLocaleString('en')} items`.padEnd(NAME_WIDTH)}` +
      `${perSecond.toFixed(0).padStart(8)} claims/s  ${cpuMicroseconds.toFixed(2)} µs CPU/claim`,
  );
  return [
    ...seedingLines,
    '',
    'in-memory pair, one process',
    ...memoryLines,
    '',
    `the library's own CPU, SDK excluded: ${ownCpuMicroseconds.toFixed(1)} µs/claim`,
  ].join('\n');
}

function line(name: string, columns: readonly string[]): string {
  const padded = columns.map((column, index) => column.padStart(WIDTHS[index] ?? 0));
  return `  ${name.padEnd(NAME_WIDTH)}${padded.join('')}`;
}

function digits({ median }: Spread): string {
  return median.toFixed(2);
}
