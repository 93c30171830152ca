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
  maxMs: 3_000,
};

interface NewIds {
  readonly callers: number;
  readonly nodes: number;
  readonly claims: number;
  /** Enough time for all except the original. */
  readonly toTheLastItemMs: number;
}

const NEW_IDS: readonly NewIds[] = [
  { callers: 1, nodes: 1, claims: 600, toTheLastItemMs: 3_000 },
  { callers: 8, nodes: 1, claims: 600, toTheLastItemMs: 3_000 },
  { callers: 64, nodes: 1, claims: 1_200, toTheLastItemMs: 3_000 },
  { callers: 64, nodes: 8, claims: 2_500, toTheLastItemMs: 7_000 },
  { callers: 256, nodes: 8, claims: 1_500, toTheLastItemMs: 4_500 },
  { callers: 500, nodes: 2, claims: 2_000, toTheLastItemMs: 5_000 },
];

export function claimScenarios(isFull: boolean): ClaimScenario[] {
  const rounds = isFull ? 5 : 3;
  const maxMs = isFull ? 10_000 : 2_500;
  const newIds = NEW_IDS.flatMap(({ callers, nodes, claims, toTheLastItemMs }) =>
    (['items left', 'to the last item'] as const).map((stock) => ({
      name: `new IDs, ${callersOver(callers, nodes)}, ${stock}`,
      contestants: CONTESTANTS,
      nodes,
      callers,
      items: stock === 'items left' ? 1.5 * claims : claims,
      askers: claims,
      stock,
      // With few callers there are no races, so two rounds are enough.
      rounds: isFull || callers > 8 ? rounds : 2,
      maxMs: stock === 'items left' ? maxMs : Math.max(maxMs, toTheLastItemMs),
    })),
  );
  return [
    ...newIds,
    {
      name: `repeats, ${callersOver(64, 8)}`,
      contestants: CONTESTANTS,
      nodes: 8,
      callers: 64,
      items: 1_000,
      askers: 3_000,
      stock: 'all have theirs',
      rounds,
      maxMs,
    },
    {
      name: 'double clicks on two nodes, 64 callers',
      contestants: ['storagebox', 'storagebox, skipFirstRead', 'original'],
      nodes: 2,
      callers: 64,
      items: 2_000,
      askers: 1_000,
      stock: 'items left',
      isAskedTwice: true,
      rounds: isFull ? rounds : 2,
      maxMs,
    },
    ...[1, 8].map(
      (nodes): ClaimScenario => ({
        name: `sold out, ${callersOver(64, nodes)}`,
        contestants: ['storagebox', 'storagebox, skipFirstRead', 'original'],
        nodes,
        callers: 64,
        items: 0,
        askers: 4_000,
        stock: 'sold out',
        rounds,
        maxMs,
      }),
    ),
    {
      name: '10,300 seats, 30,000 askers, 256 callers over 8',
      contestants: ['storagebox', 'original'],
      nodes: 8,
      callers: 256,
      items: 10_300,
      askers: 30_000,
      stock: 'to the last item',
      rounds: 1,
      maxMs: isFull ? 300_000 : 10_000,
    },
  ];
}

export interface SeedingScenario {
  readonly name: string;
  readonly items: number;
  readonly rounds: number;
}

export function seedingScenarios(isFull: boolean): SeedingScenario[] {
  return [
    { name: 'seeding 100,000 items', items: 100_000, rounds: isFull ? 3 : 1 },
    ...(isFull ? [{ name: 'seeding 1,000,000 items', items: 1_000_000, rounds: 1 }] : []),
  ];
}

function callersOver(callers: number, nodes: number): string {
  const who = callers === 1 ? '1 caller' : `${callers} callers`;
  return nodes === 1 ? who : `${who} over ${nodes}`;
}
