import { CONTESTANTS, type ContestantName } from './contestants.js';

/** What the tables hold when the callers arrive. */
export type Stock = 'items left' | 'to the last item' | 'sold out' | 'all have theirs';

export interface ClaimScenario {
  readonly name: string;
  readonly contestants: readonly ContestantName[];
  readonly nodes: number;
  /** Over all nodes. */
  readonly callers: number;
  readonly items: number;
  /** Different IDs. */
  readonly askers: number;
  readonly stock: Stock;
  /** Whether each ID asks on two nodes at once instead of on one. */
  readonly isAskedTwice?: boolean;
  readonly rounds: number;
  /** After this time no call begins. */
  readonly maxMs: number;
}

/** Not reported: server and nodes are slow until their code is compiled. */
export const WARM_UP: ClaimScenario = {
  name: 'warming up',
  contestants: CONTESTANTS,
  nodes: 8,
  callers: 64,
  items: 2_000,
  askers: 2_000,
  stock: 'items left',
  rounds: 1,
  maxMs: 2_000,
};

interface NewIds {
  readonly callers: number;
  readonly nodes: number;
  /** Enough for two seconds or more, however they travel. Less where there are many rounds. */
  readonly claims: number;
  /** More where a ratio is close to its target, or the rounds of a contestant are far apart. */
  readonly rounds: number;
  /** With items left, besides those that always take part. */
  readonly others: readonly ContestantName[];
  /** To the last item. The limits know the rows, so it is all the same to them. */
  readonly othersToTheLastItem: readonly ContestantName[];
  /** Enough time for all except the original. */
  readonly toTheLastItemMs: number;
}

const SKIP = 'storagebox, skipFirstRead';

/** Many rounds of everybody everywhere would take hours. */
const NEW_IDS: readonly NewIds[] = [
  {
    callers: 1,
    nodes: 1,
    claims: 300,
    rounds: 25,
    others: ['limit', SKIP, 'original'],
    othersToTheLastItem: [],
    toTheLastItemMs: 5_000,
  },
  {
    callers: 8,
    nodes: 1,
    claims: 500,
    rounds: 25,
    others: [],
    othersToTheLastItem: [],
    toTheLastItemMs: 5_000,
  },
  {
    callers: 64,
    nodes: 1,
    claims: 4_000,
    rounds: 3,
    others: ['limit', 'limit in groups', SKIP, 'original'],
    othersToTheLastItem: [],
    toTheLastItemMs: 15_000,
  },
  {
    callers: 500,
    nodes: 1,
    claims: 5_000,
    rounds: 3,
    others: ['limit', 'limit in groups', 'one by one, skipFirstRead', SKIP],
    othersToTheLastItem: [],
    toTheLastItemMs: 20_000,
  },
  {
    callers: 64,
    nodes: 8,
    claims: 2_500,
    rounds: 3,
    others: ['limit', SKIP, 'original'],
    othersToTheLastItem: ['original'],
    toTheLastItemMs: 15_000,
  },
  {
    callers: 256,
    nodes: 8,
    claims: 3_600,
    rounds: 5,
    others: ['limit', SKIP],
    othersToTheLastItem: [],
    toTheLastItemMs: 20_000,
  },
  {
    callers: 500,
    nodes: 2,
    claims: 5_000,
    rounds: 3,
    others: ['limit', SKIP, 'original'],
    othersToTheLastItem: ['original'],
    toTheLastItemMs: 20_000,
  },
];

/** Twice as many askers as items, to the last item. */
const SMALL_BANKS = [
  { items: 30, callers: 64, nodes: 4, rounds: 25 },
  { items: 300, callers: 64, nodes: 4, rounds: 9 },
  { items: 1_500, callers: 256, nodes: 8, rounds: 5 },
];

/** A whole sale: too long for a run of half an hour. */
const SEATS: ClaimScenario = {
  name: '10,300 seats, 30,000 askers, 256 callers over 8',
  contestants: ['one by one', 'storagebox', 'original'],
  nodes: 8,
  callers: 256,
  items: 10_300,
  askers: 30_000,
  stock: 'to the last item',
  rounds: 1,
  maxMs: 300_000,
};

export function claimScenarios(isFull: boolean): ClaimScenario[] {
  const usualRounds = isFull ? 5 : 3;
  const maxMs = isFull ? 10_000 : 2_500;
  const newIds = NEW_IDS.flatMap(
    ({ callers, nodes, claims, rounds, others, othersToTheLastItem, toTheLastItemMs }) =>
      (['items left', 'to the last item'] as const).map((stock) => ({
        name: `new IDs, ${callersOver(callers, nodes)}, ${stock}`,
        contestants: inOrder(
          ...(stock === 'items left' ? others : othersToTheLastItem),
          'one by one',
          'storagebox',
        ),
        nodes,
        callers,
        items: stock === 'items left' ? 1.5 * claims : claims,
        askers: claims,
        stock,
        rounds: isFull ? 2 * rounds : rounds,
        maxMs: stock === 'items left' ? maxMs : Math.max(maxMs, toTheLastItemMs),
      })),
  );
  return [
    ...newIds,
    ...SMALL_BANKS.map(
      ({ items, callers, nodes, rounds }): ClaimScenario => ({
        name: `${items.toLocaleString('en')} items, ${callersOver(callers, nodes)}`,
        contestants: ['one by one', 'storagebox'],
        nodes,
        callers,
        items,
        askers: 2 * items,
        stock: 'to the last item',
        rounds,
        maxMs: 12_000,
      }),
    ),
    {
      name: `repeats, ${callersOver(64, 8)}`,
      contestants: ['limit', 'storagebox', SKIP, 'original'],
      nodes: 8,
      callers: 64,
      items: 1_000,
      askers: 3_000,
      stock: 'all have theirs',
      rounds: usualRounds,
      maxMs,
    },
    {
      name: 'double clicks on two nodes, 64 callers',
      contestants: ['storagebox', SKIP, 'original'],
      nodes: 2,
      callers: 64,
      items: 2_000,
      askers: 1_000,
      stock: 'items left',
      isAskedTwice: true,
      rounds: isFull ? usualRounds : 2,
      maxMs,
    },
    ...[1, 8].map(
      (nodes): ClaimScenario => ({
        name: `sold out, ${callersOver(64, nodes)}`,
        contestants: ['storagebox', SKIP, 'original'],
        nodes,
        callers: 64,
        items: 0,
        askers: 4_000,
        stock: 'sold out',
        rounds: usualRounds,
        maxMs,
      }),
    ),
    ...(isFull ? [SEATS] : []),
  ];
}

export interface SeedingScenario {
  readonly name: string;
  readonly items: number;
  readonly rounds: number;
}

export interface BulkScenario {
  readonly name: string;
  readonly ids: number;
  readonly rounds: number;
}

export function bulkScenarios(isFull: boolean): BulkScenario[] {
  return [{ name: 'bulk hand-out to 20,000 IDs', ids: 20_000, rounds: isFull ? 5 : 3 }];
}

export function seedingScenarios(isFull: boolean): SeedingScenario[] {
  return [
    { name: 'seeding 100,000 items', items: 100_000, rounds: isFull ? 3 : 1 },
    ...(isFull ? [{ name: 'seeding 1,000,000 items', items: 1_000_000, rounds: 1 }] : []),
  ];
}

/** The order of the tables. */
function inOrder(...contestants: ContestantName[]): ContestantName[] {
  return CONTESTANTS.filter((contestant) => contestants.includes(contestant));
}

function callersOver(callers: number, nodes: number): string {
  const who = callers === 1 ? '1 caller' : `${callers} callers`;
  return nodes === 1 ? who : `${who} over ${nodes}`;
}
