import { groupedBarChart, lineChart } from '../chart.js';
import { medianOf } from '../statistics.js';
import type { StoreName } from './bench-store.js';
import { CONTESTANTS } from './contestant.js';
import type { Results } from './results.js';

const TITLES: Record<StoreName, string> = { postgres: 'PostgreSQL', sqlite: 'SQLite' };

/** By the name of the file; none of what was not measured. */
export function charts(results: Results): Record<string, string> {
  const { store, claims, growth } = results;
  return {
    ...(Object.keys(claims).length > 0 && { [`${store}.svg`]: rateChart(results) }),
    ...(Object.keys(growth).length > 1 && { [`${store}-growth.svg`]: growthChart(results) }),
  };
}

function rateChart({ store, claims }: Results): string {
  const loads = Object.entries(claims);
  return groupedBarChart({
    title: `Claims per second on ${TITLES[store]}`,
    description:
      'Median of the rounds. ⤭: IDs in no order, ↓: to the last item, ↻: repeats, ∅: sold out.',
    yLabel: 'claims per second',
    yScale: 'log',
    groups: loads.map(([load]) => shortened(load)),
    series: CONTESTANTS.map((name) => ({
      name,
      values: loads.map(([, { [name]: rounds }]) =>
        rounds === undefined ? null : medianOf(rounds, 'perSecond'),
      ),
    })),
  });
}

function growthChart({ store, growth }: Results): string {
  const sizes = Object.keys(growth).map(Number);
  return lineChart({
    title: `Claims per second on ${TITLES[store]}, by the size of the bank`,
    description: '64 callers in one process. Median of the rounds.',
    xLabel: 'items in the bank',
    yLabel: 'claims per second',
    xScale: 'log',
    xTicks: sizes,
    series: [
      {
        name: 'storagebox',
        points: sizes.map((size) => ({ x: size, y: medianOf(growth[size], 'perSecond') })),
      },
    ],
  });
}

const MARKS = {
  repeats: ' ↻',
  'sold out': ' ∅',
  'to the last item': ' ↓',
  'in no order': ' ⤭',
};

/** "new IDs, 64 callers over 4, to the last item" → "64/4 ↓": all groups share one line. */
function shortened(load: string): string {
  const [, callers = '', processes] = /(\d+) callers?(?: over (\d+))?/.exec(load) ?? [];
  const mark = Object.entries(MARKS).find(([kind]) => load.includes(kind))?.[1] ?? '';
  return `${callers}${processes === undefined ? '' : `/${processes}`}${mark}`;
}
