// The figures that the library is tuned for, compared with what this run measured. They are ratios
// within the run, so they mean the same on any machine.
import type { ContestantName } from './contestants.js';
import type { BulkContestant, ClaimFigures } from './measure.js';
import type { Results } from './results.js';
import { medianOf, mostOf, ratioOf } from './statistics.js';

interface Target {
  readonly what: string;
  readonly value: number;
  readonly atLeast?: number;
  readonly atMost?: number;
  /** What we hope for; missing it is no failure. */
  readonly goal?: number;
}

export function targetsOf(results: Results): string {
  const targets = [
    ...completionTargets(results),
    ...transactionTargets(results),
    ...requestTargets(results),
    ...rateTargets(results),
    ...togetherTargets(results),
    ...smallBankTargets(results),
    ...bulkTargets(results),
    ...inProcessTargets(results),
    ...seedingTargets(results),
  ].filter(({ value }) => !Number.isNaN(value));
  const width = Math.max(0, ...targets.map(({ what }) => what.length));
  return targets.map((target) => line(target, width)).join('\n');
}

function line(target: Target, width: number): string {
  const { what, value, goal } = target;
  const { atLeast = Number.NEGATIVE_INFINITY, atMost = Number.POSITIVE_INFINITY } = target;
  const isMet = value >= atLeast && value <= atMost;
  const bound = atMost === Number.POSITIVE_INFINITY ? `≥ ${atLeast}` : `≤ ${atMost}`;
  const hope = goal === undefined ? '' : `, goal ${goal}`;
  const printed = value >= 1_000 ? value.toFixed(0) : value.toFixed(3);
  return `${isMet ? '✓' : '✗'} ${what.padEnd(width)}  ${printed.padStart(9)}  (${bound}${hope})`;
}

/** What was cut off before the last item says nothing about the way there. */
function completionTargets({ claims }: Results): Target[] {
  const shares = Object.entries(claims)
    .filter(([scenario]) => scenario.endsWith('to the last item') || isSmallBank(scenario))
    .flatMap(([, figures]) => [figures['one by one'], figures.storagebox])
    .flatMap((rounds = []) => rounds.map(({ answeredShare }) => answeredShare));
  const what = 'calls answered, to the last item, the least share of all';
  return shares.length === 0 ? [] : [{ what, value: Math.min(...shares), atLeast: 1 }];
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
  const toLimit = ['1 caller', '64 callers'].map((callers) => ({
    what: `claims/s to the limit's, skipFirstRead, ${callers}`,
    value: ratio(
      results,
      `new IDs, ${callers}, items left`,
      'perSecond',
      'storagebox, skipFirstRead',
      'limit',
    ),
    atLeast: 0.9,
  }));
  const toOriginal = (scenario: string, atLeast: number) => ({
    what: `claims/s to the original's: ${scenario}`,
    value: ratio(results, scenario, 'perSecond', 'storagebox', 'original'),
    atLeast,
  });
  const slowest = (scenario: string) => ({
    what: `p99 to the original's: ${scenario}`,
    value: ratio(results, scenario, 'p99Ms', 'storagebox', 'original'),
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

const BOTH_STOCKS = ['items left', 'to the last item'];

/** What claims that travel together bring, and that they cost nothing where there is no rush. */
function togetherTargets(results: Results): Target[] {
  const toOneByOne = (key: keyof ClaimFigures, callers: string, bound: Bound) =>
    BOTH_STOCKS.map((stock) => ({
      what: `${LABELS[key]} to one by one's: new IDs, ${callers}, ${stock}`,
      value: ratio(results, `new IDs, ${callers}, ${stock}`, key, 'storagebox', 'one by one'),
      ...bound,
    }));
  const rush = { atLeast: 1.9, goal: 3 };
  const atOnce = '500 callers';
  return [
    ...toOneByOne('perSecond', '1 caller', { atLeast: 0.97 }),
    ...toOneByOne('perSecond', '8 callers', { atLeast: 0.97 }),
    ...toOneByOne('perSecond', '64 callers', { atLeast: 1.6, goal: 2.2 }),
    ...toOneByOne('perSecond', atOnce, rush),
    ...toOneByOne('perSecond', '500 callers over 2', rush),
    ...toOneByOne('perSecond', '256 callers over 8', { atLeast: 1.15, goal: 1.5 }),
    ...['64 callers', atOnce, '500 callers over 2'].flatMap((callers) =>
      toOneByOne('p99Ms', callers, { atMost: 1 }),
    ),
    ...toOneByOne('cpuMs', atOnce, { atMost: 0.5, goal: 0.35 }),
    {
      what: `claims/s to the limit's, skipFirstRead, ${atOnce}`,
      value: ratio(
        results,
        `new IDs, ${atOnce}, items left`,
        'perSecond',
        'storagebox, skipFirstRead',
        'limit',
      ),
      atLeast: 2,
      goal: 2.5,
    },
    ...WRITE_UNITS.map(({ callers, ...bound }) => ({
      what: `write units a claim: new IDs, ${callers}, items left`,
      value: figure(results, `new IDs, ${callers}, items left`, 'storagebox', 'writeUnits'),
      ...bound,
    })),
    ...WRITE_UNITS.map(({ callers }) => ({
      what: `write units to one by one's: new IDs, ${callers}, to the last item`,
      value: ratio(
        results,
        `new IDs, ${callers}, to the last item`,
        'writeUnits',
        'storagebox',
        'one by one',
      ),
      atMost: 1.15,
    })),
  ];
}

type Bound = Pick<Target, 'atLeast' | 'atMost' | 'goal'>;

const WRITE_UNITS = [
  { callers: '500 callers over 2', atMost: 4.1 },
  { callers: '256 callers over 8', atMost: 5, goal: 4.6 },
];

/** Most of them are lost races: expect noise. */
function smallBankTargets(results: Results): Target[] {
  return Object.keys(results.claims)
    .filter(isSmallBank)
    .flatMap((scenario) =>
      (['transactions', 'p99Ms'] as const).map((key) => ({
        what: `${LABELS[key]} to one by one's: ${scenario}`,
        value: ratio(results, scenario, key, 'storagebox', 'one by one'),
        atMost: 1,
      })),
    );
}

function isSmallBank(scenario: string): boolean {
  return /^[\d,]+ items/.test(scenario);
}

function bulkTargets({ bulk, seeding }: Results): Target[] {
  const seeded = seeding['seeding 100,000 items']?.['storagebox, with a ledger'];
  return Object.entries(bulk).flatMap(([scenario, byContestant]) => {
    const rates = (contestant: BulkContestant, to: BulkContestant) =>
      ratioOf(byContestant[contestant], byContestant[to], 'perSecond');
    return [
      {
        what: `${scenario}: claims/s to one by one's`,
        value: rates('storagebox', 'one by one'),
        atLeast: 3,
        goal: 5,
      },
      {
        // A claim writes two rows, an item that is seeded one.
        what: `${scenario}: rate to seeding's with a ledger, skipFirstRead`,
        value:
          medianOf(byContestant['storagebox, skipFirstRead'], 'perSecond') /
          medianOf(seeded, 'perSecond'),
        atLeast: 0.6,
      },
      {
        what: `${scenario}: time of a rerun, skipFirstRead to default`,
        value: rates('rerun', 'rerun, skipFirstRead'),
        atMost: 1,
      },
    ];
  });
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
        value: ratioOf(storagebox, bare, 'perSecond'),
        atLeast: 0.9,
      },
      {
        what: `${scenario}: heap growth, MB`,
        value: mostOf(storagebox, 'heapGrowthMb'),
        atMost: 64,
      },
    ],
  );
}

const LABELS: Partial<Record<keyof ClaimFigures, string>> = {
  perSecond: 'claims/s',
  transactions: 'transactions an item',
  p99Ms: 'p99',
  cpuMs: 'CPU a claim',
};

function ratio(
  { claims }: Results,
  scenario: string,
  key: keyof ClaimFigures,
  contestant: ContestantName,
  to: ContestantName,
): number {
  return ratioOf(claims[scenario]?.[contestant], claims[scenario]?.[to], key);
}

/** `NaN` when the scenario was not run. */
function figure(
  { claims }: Results,
  scenario: string,
  contestant: ContestantName,
  key: keyof ClaimFigures,
): number {
  return medianOf(claims[scenario]?.[contestant], key);
}
