// The figures that the stores are tuned for, compared with what this run measured. They are ratios within the run,
// so they mean the same on any machine.
import { type Spread, spreadOf } from '../statistics.js';
import { callersText, RATE_GOALS } from './loads.js';
import { type ClaimFigures, HELD } from './measure.js';
import type { Results } from './results.js';
import { ratioSpread, spreadText } from './tables.js';

interface Goal {
  readonly what: string;
  readonly measured: Spread;
  readonly atLeast?: number;
  readonly atMost?: number;
}

const STOCKS = ['items left', 'to the last item'];
/** Of claims that wait for the lock that one process holds. */
const MOST_SQLITE_P99_MS = 200;
const LEAST_GROWTH = 0.8;
const LEAST_WITH_SNAPSHOT = 0.3;

export function goalsOf(results: Results): string {
  const goals = [...rateGoals(results), ...latencyGoals(results), ...growthGoals(results)]
    .concat(snapshotGoals(results))
    .filter(({ measured }) => !Number.isNaN(measured.median));
  const width = Math.max(0, ...goals.map(({ what }) => what.length));
  return goals.map((goal) => line(goal, width)).join('\n');
}

function line({ what, measured, atLeast, atMost }: Goal, width: number): string {
  const isMet =
    measured.median >= (atLeast ?? Number.NEGATIVE_INFINITY) &&
    measured.median <= (atMost ?? Number.POSITIVE_INFINITY);
  const bound = atMost === undefined ? `≥ ${atLeast}` : `≤ ${atMost}`;
  const digits = measured.median >= 100 ? 0 : 2;
  const median = measured.median.toFixed(digits).padStart(7);
  return `${isMet ? '✓' : '✗'} ${what.padEnd(width)} ${median} ${spreadText(measured, digits).padEnd(15)} ${bound}`;
}

function rateGoals({ store, claims }: Results): Goal[] {
  return STOCKS.flatMap((stock) =>
    RATE_GOALS[store].map(({ atLeast, ...callers }) => {
      const load = `new IDs, ${callersText(callers)}, ${stock}`;
      const { storagebox, 'usual recipe': recipe } = claims[load] ?? {};
      const what = `claims/s to the usual recipe's: ${load}`;
      return { what, measured: ratioSpread(storagebox, recipe), atLeast };
    }),
  );
}

function latencyGoals({ store, claims }: Results): Goal[] {
  if (store !== 'sqlite') return [];
  return STOCKS.map((stock) => {
    const load = `new IDs, 64 callers over 4, ${stock}`;
    const measured = spreadOf((claims[load]?.storagebox ?? []).map(({ p99Ms }) => p99Ms));
    return { what: `p99, ms: ${load}`, measured, atMost: MOST_SQLITE_P99_MS };
  });
}

function growthGoals({ growth }: Results): Goal[] {
  const [smallest, ...larger] = Object.keys(growth);
  const roundsOf = (size: string | undefined): readonly ClaimFigures[] | undefined =>
    size === undefined ? undefined : growth[size];
  return larger.map((size) => ({
    what: `claims/s to those with ${readable(smallest)} items: ${readable(size)} items`,
    measured: ratioSpread(roundsOf(size), roundsOf(smallest)),
    atLeast: LEAST_GROWTH,
  }));
}

function snapshotGoals({ snapshot }: Results): Goal[] {
  const { [HELD]: held, 'no old snapshot': none } = snapshot;
  const what = 'claims/s with an old snapshot held to those without';
  return [{ what, measured: ratioSpread(held, none), atLeast: LEAST_WITH_SNAPSHOT }];
}

function readable(size: string | undefined): string {
  return Number(size).toLocaleString('en');
}
