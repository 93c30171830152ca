// The runs of this folder, by name and size.
import type { Figure } from '../figures.js';
import { runChoices } from './choices.js';
import { type DynamoDbSaleStage, onDynamoDb } from './dynamodb-sales.js';
import { runGroupSale } from './groups.js';
import { runOrders } from './orders.js';
import type { SaleStage } from './sale-stage.js';
import { runSeatSale } from './seats.js';
import { runVersions } from './versions.js';

export type SalesSize = 'build' | 'full';

export interface SaleOptions {
  readonly size: SalesSize;
  readonly seed: number;
  /** Where version 0.1 itself is installed; `null` for what it sends. */
  readonly earlierProject?: string | null;
}

const SIZES = {
  seats: {
    build: {
      seats: 300,
      users: 1_500,
      callers: 32,
      kills: 4,
      minLatePayments: 1,
      minSoldShare: 0.95,
    },
    full: {
      seats: 10_300,
      users: 30_000,
      callers: 24,
      kills: 24,
      minLatePayments: 100,
      minSoldShare: 0.99,
    },
  },
  choices: { build: { rounds: 15 }, full: { rounds: 500 } },
  groups: { build: { items: 600, kills: 6 }, full: { items: 5_000, kills: 40 } },
  orders: { build: { claims: 1_000, kills: 8 }, full: { claims: 20_000, kills: 100 } },
  versions: {
    build: { calls: 1_000, kills: 6, rows: 10 },
    full: { calls: 8_000, kills: 60, rows: 200 },
  },
} as const;

export const SALES: Readonly<
  Record<
    Exclude<keyof typeof SIZES, 'versions'>,
    (stage: SaleStage, options: SaleOptions) => Promise<Figure[]>
  >
> = {
  seats: (stage, { size, seed }) => runSeatSale(stage, SIZES.seats[size], seed),
  choices: (stage, { size, seed }) => runChoices(stage, SIZES.choices[size], seed),
  groups: (stage, { size, seed }) => runGroupSale(stage, SIZES.groups[size], seed),
  orders: (stage, { size, seed }) => runOrders(stage, SIZES.orders[size], seed),
};

/** There was no other store when version 0.1 came out. */
export const DYNAMODB_SALES: Readonly<
  Record<string, (stage: DynamoDbSaleStage, options: SaleOptions) => Promise<Figure[]>>
> = {
  ...SALES,
  versions: (stage, { size, seed, earlierProject }) =>
    runVersions(stage, SIZES.versions[size], seed, earlierProject),
};

/** All of them, on DynamoDB. */
export function runSales(options: SaleOptions): Promise<Figure[]> {
  return onDynamoDb(async (stage) => {
    const figures: Figure[] = [];
    for (const run of Object.values(DYNAMODB_SALES)) {
      figures.push(...(await run(stage, options)));
      process.stdout.write('.');
    }
    return figures;
  });
}
