import { groupedBarChart } from './chart.js';
import { CONTESTANTS } from './contestants.js';
import type { Results } from './results.js';

/** Answers per second of each contestant in each scenario where all of them took part. */
export function rateChart({ claims, requestDelayMs }: Results): string {
  const scenarios = Object.entries(claims).filter(([, figures]) =>
    CONTESTANTS.every((contestant) => figures[contestant] !== undefined),
  );
  return groupedBarChart({
    title: 'Claims per second',
    description: `Median of the rounds on DynamoDB Local, ${requestDelayMs} ms of delay per request.`,
    yLabel: 'claims per second',
    yScale: 'log',
    groups: scenarios.map(([scenario]) => shortened(scenario)),
    series: CONTESTANTS.map((name) => ({
      name,
      values: scenarios.map(([, figures]) => figures[name]?.perSecond.median ?? null),
    })),
  });
}

/** "new IDs, 64 callers over 8, to the last item" → "64/8 ↓": a dozen groups share one line. */
function shortened(scenario: string): string {
  const [, callers = '', nodes = '1'] = /(\d+) callers?(?: over (\d+))?/.exec(scenario) ?? [];
  const kind = scenario.startsWith('repeats') ? ' ↻' : scenario.endsWith('last item') ? ' ↓' : '';
  return `${callers}/${nodes}${kind}`;
}
