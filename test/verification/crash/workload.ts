// Who asks for what, in which process: the same for the same seed.
import { pick, type Random } from '../seeded-random.js';
import type { Planned } from './journal.js';

const CALLS_PER_SALE = 4_000;
/** Sold out after about 70 % of a sale's calls; the rest ask in vain or again. */
const ITEMS_PER_NEWCOMER = 0.7;
/** Neighbours in the sequence go to different processes, so these meet at the same moment. */
/** Of the other calls. */
const RECENT_SHARE = 0.5;
const RECENT_IDS = 8;

export interface PlannedCall extends Planned {
  readonly sale: number;
  readonly id: string;
}

export interface Workload {
  /** The items of each sale. */
  readonly sales: readonly (readonly string[])[];
  /** What each process is to ask for, in this order. */
  readonly plans: readonly (readonly PlannedCall[])[];
}

/** @param newcomerShare the share of the calls that are the first of their ID */
export function planWorkload(
  calls: number,
  processes: number,
  newcomerShare: number,
  random: Random,
): Workload {
  const saleCount = Math.max(1, Math.round(calls / CALLS_PER_SALE));
  const sales: string[][] = [];
  const plans: PlannedCall[][] = Array.from({ length: processes }, () => []);
  let planned = 0;
  for (let sale = 0; sale < saleCount; sale++) {
    const callsOfSale = Math.floor((calls - planned) / (saleCount - sale));
    const itemCount = Math.ceil(callsOfSale * newcomerShare * ITEMS_PER_NEWCOMER);
    sales.push(Array.from({ length: itemCount }, (_, item) => `voucher-${sale}-${item}`));
    for (const id of idsOfSale(callsOfSale, sale, newcomerShare, random)) {
      const plan = plans[planned++ % processes];
      plan?.push({ index: plan.length, sale, id });
    }
  }
  return { sales, plans };
}

function idsOfSale(calls: number, sale: number, newcomerShare: number, random: Random): string[] {
  const newcomers: string[] = [];
  return Array.from({ length: calls }, () => {
    const draw = random();
    if (newcomers.length === 0 || draw < newcomerShare) {
      const newcomer = `user-${sale}-${newcomers.length}`;
      newcomers.push(newcomer);
      return newcomer;
    }
    const isRecent = draw < newcomerShare + (1 - newcomerShare) * RECENT_SHARE;
    return pick(isRecent ? newcomers.slice(-RECENT_IDS) : newcomers, random);
  });
}
