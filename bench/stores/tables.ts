// The figures as text.
import type { Rounds } from '../results.js';
import { type Spread, spreadOf } from '../statistics.js';
import type { ContestantName } from './contestant.js';
import type { ClaimFigures, SeedingFigures } from './measure.js';

const NAME_WIDTH = 28;
const CLAIM_HEADINGS = [
  'claims/s',
  '(least–most)',
  '× limit',
  '× recipe',
  '(least–most)',
  'p50 ms',
  'p99 ms',
  'CPU ms',
  'errors',
];
const CLAIM_WIDTHS = [9, 17, 9, 10, 15, 9, 9, 8, 8];

export const LEGEND = `
  limit         the bare driver, one known item a claim
  storagebox    the package as it is
  usual recipe  what people copy: one transaction a claim
CPU: of the processes that claim.`;

/** Medians of the rounds; each contestant a line. */
export function claimTable(byContestant: Rounds<ContestantName, ClaimFigures>): string {
  return claimLines(byContestant, {
    limit: byContestant.limit,
    recipe: byContestant['usual recipe'],
  });
}

export function growthTable(bySize: Rounds<string, ClaimFigures>): string {
  const named = Object.entries(bySize).map(([size, rounds]) => [
    `${Number(size).toLocaleString('en')} items`,
    rounds,
  ]);
  return claimLines(Object.fromEntries(named), {});
}

export function snapshotTable(byName: Rounds<string, ClaimFigures>): string {
  return claimLines(byName, {});
}

export function seedingTable(bySeeder: Rounds<string, SeedingFigures>): string {
  const lines = Object.entries(bySeeder).map(([seeder, rounds = []]) => {
    const rate = spreadOf(rounds.map(({ perSecond }) => perSecond)).median;
    const cpuMs = spreadOf(rounds.map((figures) => figures.cpuMs)).median;
    return [seeder, rate.toFixed(0), cpuMs.toFixed(4)] as const;
  });
  return [['', 'items/s', 'CPU ms'] as const, ...lines]
    .map(([name, ...columns]) => line(name, columns, [10, 10]))
    .join('\n');
}

/** Each round's ratio: what slows the machine for a while slows both sides of it. `NaN` without figures. */
export function ratioSpread(
  rounds: readonly ClaimFigures[] | undefined,
  others: readonly ClaimFigures[] | undefined,
): Spread {
  const ratios = (rounds ?? []).flatMap(({ perSecond }, round) => {
    const other = others?.[round];
    return other === undefined ? [] : perSecond / other.perSecond;
  });
  return spreadOf(ratios);
}

export function spreadText({ least, most }: Spread, digits: number): string {
  return `(${least.toFixed(digits)}–${most.toFixed(digits)})`;
}

interface References {
  readonly limit?: readonly ClaimFigures[] | undefined;
  readonly recipe?: readonly ClaimFigures[] | undefined;
}

function claimLines(byName: Rounds<string, ClaimFigures>, { limit, recipe }: References): string {
  const cells = (rounds: readonly ClaimFigures[]) => {
    const spread = (key: keyof ClaimFigures) => spreadOf(rounds.map((figures) => figures[key]));
    const toRecipe = ratioSpread(rounds, recipe);
    return [
      spread('perSecond').median.toFixed(0),
      spreadText(spread('perSecond'), 0),
      limit === undefined ? '' : ratioSpread(rounds, limit).median.toFixed(2),
      recipe === undefined ? '' : toRecipe.median.toFixed(2),
      recipe === undefined ? '' : spreadText(toRecipe, 2),
      spread('p50Ms').median.toFixed(2),
      spread('p99Ms').median.toFixed(1),
      spread('cpuMs').median.toFixed(3),
      spread('errors').median.toFixed(3),
    ];
  };
  const lines = Object.entries(byName).map(([name, rounds = []]) =>
    line(name, cells(rounds), CLAIM_WIDTHS),
  );
  return [line('', CLAIM_HEADINGS, CLAIM_WIDTHS), ...lines].join('\n');
}

function line(name: string, columns: readonly string[], widths: readonly number[]): string {
  const padded = columns.map((column, index) => column.padStart(widths[index] ?? 0));
  return `  ${name.padEnd(NAME_WIDTH)}${padded.join('')}`;
}
