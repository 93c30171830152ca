// What is measured, and for how long. A run of one store takes less than 15 minutes, a quick one less than one.
import type { StoreName } from './bench-store.js';
import { CONTESTANTS, type ContestantName } from './contestant.js';

export interface Load {
  readonly name: string;
  readonly contestants: readonly ContestantName[];
  readonly processes: number;
  /** Over all processes. */
  readonly callers: number;
  readonly items: number;
  /** As in `ClaimTask`. */
  readonly areIdsScattered: boolean;
  readonly stock: 'items left' | 'to the last item' | 'sold out' | 'all have theirs';
  readonly rounds: number;
  /** After this time no call begins. */
  readonly maxMs: number;
}

/** How claims a second depend on the number of items in the bank. Of the package alone. */
export interface Growth {
  readonly sizes: readonly number[];
  /** In each round. */
  readonly claims: number;
  readonly callers: number;
  readonly rounds: number;
}

/** Claims while a transaction keeps the old versions of all rows alive, and without one. Of the package alone. */
export interface Snapshot {
  readonly items: number;
  /** Before the measured ones. */
  readonly claimsBefore: number;
  readonly claims: number;
  readonly callers: number;
  readonly rounds: number;
}

export interface Plan {
  /** Not reported: server and processes are slow until their code is compiled. */
  readonly warmUps: readonly Load[];
  readonly loads: readonly Load[];
  readonly seeding: { readonly items: number; readonly rounds: number };
  readonly growth: Growth;
  /** `null` where a reader costs writers nothing. */
  readonly snapshot: Snapshot | null;
}

/** At least so many times the usual recipe's claims a second. */
export const RATE_GOALS: Record<StoreName, readonly (Callers & { readonly atLeast: number })[]> = {
  postgres: [
    { callers: 1, processes: 1, atLeast: 1.5 },
    { callers: 64, processes: 1, atLeast: 5 },
    { callers: 500, processes: 1, atLeast: 10 },
    { callers: 64, processes: 4, atLeast: 8 },
  ],
  sqlite: [
    { callers: 1, processes: 1, atLeast: 0.95 },
    { callers: 64, processes: 1, atLeast: 8 },
    { callers: 500, processes: 1, atLeast: 8 },
    { callers: 64, processes: 4, atLeast: 4 },
  ],
};

interface Callers {
  readonly callers: number;
  readonly processes: number;
}

interface Sizes {
  readonly rounds: number;
  readonly maxMs: number;
  /** More than anybody claims in that time. */
  readonly items: number;
  /** What a bank has that is sold to its last item: enough for a second or so of the fastest. */
  readonly lastItems: (callers: number) => number;
  readonly seeded: number;
  readonly growth: Growth;
  readonly snapshot: Snapshot;
}

const SIZES: Record<'full' | 'quick', Record<StoreName, Sizes>> = {
  full: {
    postgres: {
      rounds: 5,
      maxMs: 2_000,
      items: 100_000,
      lastItems: (callers) => (callers === 1 ? 1_000 : 8_000),
      seeded: 1_000_000,
      growth: {
        sizes: [10_000, 100_000, 1_000_000, 5_000_000],
        claims: 4_000,
        callers: 64,
        rounds: 9,
      },
      snapshot: {
        items: 100_000,
        claimsBefore: 36_000,
        claims: 4_000,
        callers: 64,
        rounds: 3,
      },
    },
    sqlite: {
      rounds: 5,
      maxMs: 1_500,
      items: 300_000,
      lastItems: (callers) => (callers === 1 ? 4_000 : 20_000),
      seeded: 1_000_000,
      growth: {
        sizes: [10_000, 100_000, 1_000_000, 5_000_000],
        claims: 4_000,
        callers: 64,
        rounds: 9,
      },
      snapshot: { items: 0, claimsBefore: 0, claims: 0, callers: 0, rounds: 0 },
    },
  },
  quick: {
    postgres: {
      rounds: 1,
      maxMs: 300,
      items: 15_000,
      lastItems: () => 500,
      seeded: 20_000,
      growth: { sizes: [10_000, 50_000], claims: 1_000, callers: 64, rounds: 1 },
      snapshot: { items: 10_000, claimsBefore: 2_000, claims: 500, callers: 64, rounds: 1 },
    },
    sqlite: {
      rounds: 1,
      maxMs: 300,
      items: 60_000,
      lastItems: () => 1_000,
      seeded: 20_000,
      growth: { sizes: [10_000, 50_000], claims: 1_000, callers: 64, rounds: 1 },
      snapshot: { items: 0, claimsBefore: 0, claims: 0, callers: 0, rounds: 0 },
    },
  },
};

/** A caller that is alone waits for the disk most of the time, whose speed changes: its rounds are short, and more. */
const LONE_PARTS = 3;

export function planOf(store: StoreName, isQuick: boolean): Plan {
  const { rounds, maxMs, items, lastItems, seeded, growth, snapshot } =
    SIZES[isQuick ? 'quick' : 'full'][store];
  const load = (
    stock: Load['stock'],
    { callers, processes }: Callers,
    areIdsScattered = false,
  ): Load => {
    const parts = callers === 1 ? LONE_PARTS : 1;
    const most = stock === 'to the last item' ? lastItems(callers) : items;
    return {
      name: `${KINDS[stock]}${areIdsScattered ? ' in no order' : ''}, ${callersText({ callers, processes })}${ENDS[stock]}`,
      // A limit knows what it takes, so there is nothing that it could find out. It takes the item of the ID's number.
      contestants: CONTESTANTS.filter(
        (name) => name !== 'limit' || !(stock === 'sold out' || areIdsScattered),
      ),
      processes,
      callers,
      items: Math.ceil(most / parts),
      stock,
      areIdsScattered,
      rounds: rounds * parts,
      maxMs: maxMs / parts,
    };
  };
  const rushes = RATE_GOALS[store];
  const many = [
    { callers: 64, processes: 1 },
    { callers: 64, processes: 4 },
  ];
  return {
    warmUps: [
      { ...load('items left', { callers: 64, processes: 4 }), rounds: 1 },
      { ...load('items left', { callers: 1, processes: 1 }), rounds: 4 },
    ],
    loads: [
      ...rushes.map((callers) => load('items left', callers)),
      ...many.map((callers) => load('items left', callers, true)),
      ...rushes.map((callers) => load('to the last item', callers)),
      ...many.map((callers) => load('all have theirs', callers)),
      ...many.map((callers) => load('sold out', callers)),
    ],
    seeding: { items: seeded, rounds: 1 },
    growth,
    snapshot: store === 'postgres' ? snapshot : null,
  };
}

const KINDS: Record<Load['stock'], string> = {
  'items left': 'new IDs',
  'to the last item': 'new IDs',
  'all have theirs': 'repeats',
  'sold out': 'sold out',
};

const ENDS: Record<Load['stock'], string> = {
  'items left': ', items left',
  'to the last item': ', to the last item',
  'all have theirs': '',
  'sold out': '',
};

export function callersText({ callers, processes }: Callers): string {
  const over = processes === 1 ? '' : ` over ${processes}`;
  return `${callers} caller${callers === 1 ? '' : 's'}${over}`;
}
