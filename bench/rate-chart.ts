import { groupedBarChart } from './chart.js';
import type { ContestantName } from './contestants.js';
import type { Results } from './results.js';
import { medianOf } from './statistics.js';

const CHARTED = [
  'limit',
  'limit in groups',
  'one by one',
  'storagebox',
  'original',
] as const satisfies readonly ContestantName[];

/** Answers per second; `null` when none of its scenarios was run. */
export function rateChart({ claims, requestDelayMs }: Results): string | null {
  const scenarios = Object.entries(claims).filter(([name]) => /^(new IDs|repeats)/.test(name));
  if (scenarios.length === 0) return null;
  return groupedBarChart({
    title: 'Claims per second',
    description: `Median of the rounds on DynamoDB Local, ${requestDelayMs} ms of delay per request.`,
    yLabel: 'claims per second',
    yScale: 'log',
    groups: scenarios.map(([scenario]) => shortened(scenario)),
    series: CHARTED.map((name) => ({
      name,
      values: scenarios.map(([, { [name]: rounds }]) =>
        rounds === undefined ? null : medianOf(rounds, 'perSecond'),
      ),
    })),
  });
}

/** "new IDs, 64 callers over 8, to the last item" → "64/8 ↓": over a dozen groups share one line. */
function shortened(scenario: string): string {
  const [, callers = '', nodes] = /(\d+) callers?(?: over (\d+))?/.exec(scenario) ?? [];
  const kind = scenario.startsWith('repeats') ? ' ↻' : scenario.endsWith('last item') ? ' ↓' : '';
  return `${callers}${nodes === undefined ? '' : `/${nodes}`}${kind}`;
}
