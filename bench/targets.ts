// The figures that the library is tuned for, compared with what this run measured. They are ratios
// within the run, so they mean the same on any machine.
import type { ContestantName } from './contestants.js';
import type { ClaimFigures } from './measure.js';
import type { Results } from './results.js';

interface Target {
  readonly what: string;
  readonly value: number;
  readonly atLeast?: number;
  readonly atMost?: number;
}

export function targetsOf(results: Results): string {
  const targets = [
    ...transactionTargets(results),
    ...requestTargets(results),
    ...rateTargets(results),
    ...inProcessTargets(results),
    ...seedingTargets(results),
  ].filter(({ value }) => !Number.isNaN(value));
  const width = Math.max(0, ...targets.map(({ what }) => what.length));
  return targets
    .map(
      ({ what, value, atLeast = Number.NEGATIVE_INFINITY, atMost = Number.POSITIVE_INFINITY }) => {
        const isMet = value >= atLeast && value <= atMost;
        const bound = atMost === Number.POSITIVE_INFINITY ? `≥ ${atLeast}` : `≤ ${atMost}`;
        const printed = value >= 1_000 ? value.toFixed(0) : value.toFixed(3);
        return `${isMet ? '✓' : '✗'} ${what.padEnd(width)}  ${printed.padStart(9)}  (${bound})`;
      },
    )
    .join('\n');
}

function transactionTargets(results: Results): Target[] {
  const transactions = (scenario: string) =>
    figure(results, scenario, 'storagebox', 'transactions');
  const bounds: readonly (readonly [scenario: string, atMost: number])[] = [
    ['new IDs, 64 callers over 8, items left', 1.05],
    ['new IDs, 64 callers over 8, to the last item', 1.15],
    ['new IDs, 256 callers over 8, items left', 1.2],
    ['new IDs, 256 callers over 8, to the last item', 1.2],
    ['new IDs, 500 callers over 2, items left', 1.2],
    ['new IDs, 500 callers over 2, to the last item', 1.2],
  ];
  return bounds.map(([scenario, atMost]) => ({
    what: `transactions a claim: ${scenario}`,
    value: transactions(scenario),
    atMost,
  }));
}

function requestTargets(results: Results): Target[] {
  const rush = 'new IDs, 64 callers over 8, items left';
  const requests = (scenario: string, contestant: ContestantName = 'storagebox') =>
    figure(results, scenario, contestant, 'requests');
  return [
    { what: 'requests a claim, by default', value: requests(rush), atMost: 2.1 },
    {
      what: 'requests a claim, skipFirstRead',
      value: requests(rush, 'storagebox, skipFirstRead'),
      atMost: 1.1,
    },
    { what: 'requests a repeat', value: requests('repeats, 64 callers over 8'), atMost: 1 },
    { what: 'requests a "sold out"', value: requests('sold out, 64 callers'), atMost: 2.1 },
  ];
}

function rateTargets(results: Results): Target[] {
  const ratio = (
    scenario: string,
    key: 'perSecond' | 'p99Ms',
    contestant: ContestantName,
    to: ContestantName,
  ) => figure(results, scenario, contestant, key) / figure(results, scenario, to, key);
  const toLimit = ['1 caller', '64 callers'].map((callers) => ({
    what: `claims/s to the limit's, skipFirstRead, ${callers}`,
    value: ratio(
      `new IDs, ${callers}, items left`,
      'perSecond',
      'storagebox, skipFirstRead',
      'limit',
    ),
    atLeast: 0.9,
  }));
  const toOriginal = (scenario: string, atLeast: number) => ({
    what: `claims/s to the original's: ${scenario}`,
    value: ratio(scenario, 'perSecond', 'storagebox', 'original'),
    atLeast,
  });
  const slowest = (scenario: string) => ({
    what: `p99 to the original's: ${scenario}`,
    value: ratio(scenario, 'p99Ms', 'storagebox', 'original'),
    atMost: 0.2,
  });
  return [
    ...toLimit,
    toOriginal('new IDs, 64 callers over 8, items left', 2),
    toOriginal('new IDs, 64 callers over 8, to the last item', 2),
    toOriginal('new IDs, 500 callers over 2, items left', 10),
    toOriginal('new IDs, 500 callers over 2, to the last item', 10),
    slowest('new IDs, 64 callers over 8, items left'),
    slowest('new IDs, 64 callers over 8, to the last item'),
    toOriginal('repeats, 64 callers over 8', 5),
    toOriginal('sold out, 64 callers', 1),
    toOriginal('sold out, 64 callers over 8', 1),
  ];
}

function inProcessTargets({ ownCpuMicroseconds, memoryPair }: Results): Target[] {
  return [
    { what: "the library's own CPU, µs a claim", value: ownCpuMicroseconds, atMost: 50 },
    ...Object.entries(memoryPair).map(([items, { perSecond }]) => ({
      what: `in-memory pair, ${Number(items).toLocaleString('en')} items, claims/s`,
      value: perSecond,
      atLeast: 200_000,
    })),
  ];
}

function seedingTargets({ seeding }: Results): Target[] {
  return Object.entries(seeding).flatMap(
    ([scenario, { storagebox, 'bare transactions': bare }]) => [
      {
        what: `${scenario}: rate to the bare loop's`,
        value:
          (storagebox?.perSecond.median ?? Number.NaN) / (bare?.perSecond.median ?? Number.NaN),
        atLeast: 0.9,
      },
      {
        what: `${scenario}: heap growth, MB`,
        value: storagebox?.heapGrowthMb.most ?? Number.NaN,
        atMost: 64,
      },
    ],
  );
}

/** `NaN` when the scenario was not run. */
function figure(
  { claims }: Results,
  scenario: string,
  contestant: ContestantName,
  key: keyof ClaimFigures,
): number {
  return claims[scenario]?.[contestant]?.[key].median ?? Number.NaN;
}
