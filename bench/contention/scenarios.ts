import type { ContentionSale } from './sale.js';
import { IN_A_REGION, ON_ONE_MACHINE } from './simulated-server.js';

export interface ContentionScenario extends Omit<ContentionSale, 'seed'> {
  readonly name: string;
  /** Transactions a winner, the mean of the rounds. */
  readonly atMost: number;
}

type Crowd = Pick<ContentionScenario, 'nodes' | 'callers' | 'items' | 'askers' | 'atMost'> & {
  readonly clicks?: number;
};

const CROWDS: readonly Crowd[] = [
  { nodes: 4, callers: null, items: 30, askers: 100, clicks: 3, atMost: 2 },
  { nodes: 4, callers: null, items: 300, askers: 1_000, clicks: 1, atMost: 1.5 },
  { nodes: 4, callers: 64, items: 300, askers: 300, atMost: 1.5 },
  { nodes: 8, callers: 64, items: 1_500, askers: 1_000, atMost: 1.05 },
  { nodes: 8, callers: 64, items: 1_000, askers: 1_000, atMost: 1.15 },
  { nodes: 8, callers: 64, items: 3_750, askers: 2_500, atMost: 1.05 },
  { nodes: 8, callers: 64, items: 2_500, askers: 2_500, atMost: 1.15 },
  { nodes: 8, callers: 256, items: 2_250, askers: 1_500, atMost: 1.2 },
  { nodes: 8, callers: 256, items: 1_500, askers: 1_500, atMost: 1.2 },
  { nodes: 2, callers: 500, items: 3_000, askers: 2_000, atMost: 1.2 },
  { nodes: 2, callers: 500, items: 2_000, askers: 2_000, atMost: 1.2 },
  { nodes: 1, callers: 64, items: 3_000, askers: 2_000, atMost: 1.01 },
  { nodes: 1, callers: 500, items: 6_000, askers: 4_000, atMost: 1.01 },
];

export const SCENARIOS: readonly ContentionScenario[] = [ON_ONE_MACHINE, IN_A_REGION].flatMap(
  (server) =>
    CROWDS.map((crowd) => ({
      ...crowd,
      server,
      name:
        `${crowd.items} items, ${crowd.askers} users` +
        `${crowd.clicks === undefined ? '' : ` × ${crowd.clicks}`}, ` +
        `${crowd.callers ?? 'all'} callers over ${crowd.nodes}, ${server.name}`,
    })),
);
