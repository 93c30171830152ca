import type { CrashFigures } from './figures.js';

const WIDTH = 16;

/** One column for each run. */
export function tableOf(runs: Readonly<Record<string, CrashFigures>>): string {
  const columns = Object.entries(runs).map(([title, figures]) => [title, ...cellsOf(figures)]);
  const rows = ['', ...LABELS].map((label, row) => {
    const cells = columns.map((column) => String(column[row]).padStart(WIDTH));
    return `  ${label.padEnd(38)}${cells.join('')}`;
  });
  return `${rows.join('\n')}\n`;
}

const LABELS = [
  'kills (SIGKILL)',
  'calls',
  'requests on the wire',
  'of these of several claims',
  'wire faults',
  'items',
  'claims',
  'repeats',
  'null answers',
  'outcome unknown',
  'lost',
  'twice',
  'wrong null',
  'of these to an ID with an item',
  'violations, documented rules',
  'violations, strict rules',
  'calls never answered',
  'torn journal lines',
  'slowest answer',
  'elapsed',
] as const;

function cellsOf(figures: CrashFigures): string[] {
  const numbers = [
    figures.kills,
    figures.calls,
    figures.wireRequests,
    figures.groups,
    figures.wireFaults,
    figures.seeded,
    figures.claims,
    figures.repeats,
    figures.nulls,
    figures.unknown,
    figures.lost,
    figures.twice,
    figures.wrongNull,
    figures.nullToOwner,
    figures.violations,
    figures.strictViolations,
    figures.unanswered,
    figures.tornLines,
  ];
  const times = [figures.slowestMs, figures.elapsedMs];
  return [
    ...numbers.map((number) => number.toLocaleString('en')),
    ...times.map((ms) => `${(ms / 1_000).toFixed(1)} s`),
  ];
}
