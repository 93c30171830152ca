// Who asks for what, in which process: the same for the same seed.
import { pick, type Random } from '../seeded-random.js';

const CALLS_PER_SALE = 4_000;
const ITEMS_PER_CALL = 0.15;
/** Sold out after about 70 % of a sale's calls; the rest ask in vain or again. */
const NEWCOMER_SHARE = 0.22;
/** Neighbours in the sequence go to different processes, so these meet at the same moment. */
const RECENT_SHARE = 0.4;
const RECENT_IDS = 8;

export interface PlannedCall {
  /** The place in its process's plan. */
  readonly index: number;
  readonly sale: number;
  readonly id: string;
}

export interface Workload {
  /** The items of each sale. */
  readonly sales: readonly (readonly string[])[];
  /** What each process is to ask for, in this order. */
  readonly plans: readonly (readonly PlannedCall[])[];
}

export function planWorkload(calls: number, processes: number, random: Random): Workload {
  const saleCount = Math.max(1, Math.round(calls / CALLS_PER_SALE));
  const sales: string[][] = [];
  const plans: PlannedCall[][] = Array.from({ length: processes }, () => []);
  let planned = 0;
  for (let sale = 0; sale < saleCount; sale++) {
    const callsOfSale = Math.floor((calls - planned) / (saleCount - sale));
    const itemCount = Math.ceil(callsOfSale * ITEMS_PER_CALL);
    sales.push(Array.from({ length: itemCount }, (_, item) => `voucher-${sale}-${item}`));
    for (const id of idsOfSale(callsOfSale, sale, random)) {
      const plan = plans[planned++ % processes];
      plan?.push({ index: plan.length, sale, id });
    }
  }
  return { sales, plans };
}

function idsOfSale(calls: number, sale: number, random: Random): string[] {
  const newcomers: string[] = [];
  return Array.from({ length: calls }, () => {
    const draw = random();
    if (newcomers.length === 0 || draw < NEWCOMER_SHARE) {
      const newcomer = `user-${sale}-${newcomers.length}`;
      newcomers.push(newcomer);
      return newcomer;
    }
    const isRecent = draw < NEWCOMER_SHARE + RECENT_SHARE;
    return pick(isRecent ? newcomers.slice(-RECENT_IDS) : newcomers, random);
  });
}
