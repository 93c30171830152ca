// Who asks for what, in which process: the same for the same seed. A round is two sales at once: one in which
// what an ID has stays its own, and one in which a few IDs take, hold, pay, give back and take again.
import type { Planned } from '../crash/journal.js';
import { pick, type Random } from '../seeded-random.js';

const CALLS_PER_ROUND = 4_000;
/** So few that many ask for the last items at once. */
const CLAIMS_PER_ROUND = 250;
const TURNOVER_SHARE = 0.25;
/** Of the calls of a lasting sale: the first of their ID, and of the others those for a recent one. */
const NEWCOMER_SHARE = 0.4;
const RECENT_SHARE = 0.5;
const RECENT_IDS = 8;
/** Sold out after about 70 % of the calls. */
const ITEMS_PER_NEWCOMER = 0.7;
/** The others enter during the sale. */
const SEEDED_SHARE = 0.6;
const ITEMS_PER_ADD = 10;
const TURNOVER_IDS = 40;
const TURNOVER_ITEMS = 24;
const LONG_HOLD_MS = 3_600_000;
const MAX_SHORT_HOLD_MS = 200;

/** A call, as it is asked for and as it is in the journal. */
export type Asked = { readonly sale: number } & (
  | { readonly operation: 'claim'; readonly id: string; readonly holdForMs?: number }
  | { readonly operation: 'choose'; readonly id: string; readonly item: string }
  | { readonly operation: 'group'; readonly ids: readonly string[] }
  | { readonly operation: 'confirm'; readonly id: string; readonly item?: string }
  | { readonly operation: 'release' | 'retire'; readonly id: string }
  | { readonly operation: 'sweep' }
  | { readonly operation: 'add'; readonly items: readonly string[] }
);

/** Held items are confirmed after the claim if `isPaying`. */
export type PlannedCall = Planned & Asked & { readonly isPaying?: boolean };

export interface Told {
  readonly status: 'claimed' | 'existing' | 'exhausted' | 'taken';
  readonly item: string | null;
  /** In milliseconds since 1970; `null`: for good. */
  readonly heldUntilMs: number | null;
}

/** What a process writes down of an answer: which of the fields there are hangs on the operation. */
export interface Answer {
  /** Of a claim. */
  readonly told?: Told;
  /** Of a group; empty when there were too few items. */
  readonly members?: readonly ({ readonly id: string } & Told)[];
  /** Of a confirmation or a release. */
  readonly item?: string | null;
}

export interface PlannedSale {
  readonly isTurnover: boolean;
  /** There from the start. */
  readonly items: readonly string[];
}

export interface Workload {
  readonly sales: readonly PlannedSale[];
  /** What each process is to do, in this order. */
  readonly plans: readonly (readonly PlannedCall[])[];
}

/** Only claims, nothing chosen, held or added: what every recipe can do. */
export type Repertoire = 'claims' | 'everything';

export function planWorkload(
  calls: number,
  processes: number,
  repertoire: Repertoire,
  random: Random,
): Workload {
  const sales: PlannedSale[] = [];
  const plans: PlannedCall[][] = Array.from({ length: processes }, () => []);
  const callsPerRound = repertoire === 'claims' ? CLAIMS_PER_ROUND : CALLS_PER_ROUND;
  const rounds = Math.max(1, Math.round(calls / callsPerRound));
  let planned = 0;
  for (let round = 0; round < rounds; round++) {
    const callsOfRound = Math.floor((calls - planned) / (rounds - round));
    const turnoverCalls =
      repertoire === 'everything' ? Math.floor(callsOfRound * TURNOVER_SHARE) : 0;
    const lasting = planLastingSale(sales.length, callsOfRound - turnoverCalls, repertoire, random);
    sales.push(lasting.sale);
    const turnover = planTurnover(sales.length, turnoverCalls, random);
    if (turnoverCalls > 0) sales.push(turnover.sale);
    for (const asked of interleaved(lasting.calls, turnover.calls)) {
      const plan = plans[planned++ % processes];
      plan?.push({ ...asked, index: plan.length });
    }
  }
  return { sales, plans };
}

type Call = Asked & { readonly isPaying?: boolean };

interface SalePlan {
  readonly sale: PlannedSale;
  readonly calls: readonly Call[];
}

function planLastingSale(
  sale: number,
  calls: number,
  repertoire: Repertoire,
  random: Random,
): SalePlan {
  const itemCount = Math.ceil(calls * NEWCOMER_SHARE * ITEMS_PER_NEWCOMER);
  const items = Array.from({ length: itemCount }, (_, item) => `item-${sale}-${item}`);
  if (repertoire === 'claims') {
    const ids = drawIds(sale, calls, random);
    const claims = ids.map((id): Call => ({ sale, operation: 'claim', id }));
    return { sale: { isTurnover: false, items }, calls: claims };
  }
  const seededCount = Math.ceil(itemCount * SEEDED_SHARE);
  const adds: Call[] = [];
  for (let first = seededCount; first < itemCount; first += ITEMS_PER_ADD) {
    adds.push({ sale, operation: 'add', items: items.slice(first, first + ITEMS_PER_ADD) });
  }
  const asking = drawIds(sale, calls - adds.length, random).map((id) =>
    drawLastingCall(sale, id, items, random),
  );
  return {
    sale: { isTurnover: false, items: items.slice(0, seededCount) },
    calls: interleaved(asking, adds),
  };
}

function drawIds(sale: number, calls: number, random: Random): string[] {
  const known: string[] = [];
  return Array.from({ length: calls }, () => {
    if (known.length === 0 || random() < NEWCOMER_SHARE) {
      const newcomer = `user-${sale}-${known.length}`;
      known.push(newcomer);
      return newcomer;
    }
    return pick(random() < RECENT_SHARE ? known.slice(-RECENT_IDS) : known, random);
  });
}

function drawLastingCall(sale: number, id: string, items: readonly string[], random: Random): Call {
  const draw = random();
  if (draw < 0.15) {
    return { sale, operation: 'claim', id, holdForMs: LONG_HOLD_MS, isPaying: random() < 0.7 };
  }
  if (draw < 0.22) return { sale, operation: 'group', ids: [id, `${id}/2`, `${id}/3`] };
  if (draw < 0.27) return { sale, operation: 'choose', id, item: pick(items, random) };
  return { sale, operation: 'claim', id };
}

function planTurnover(sale: number, calls: number, random: Random): SalePlan {
  const items = Array.from({ length: TURNOVER_ITEMS }, (_, item) => `item-${sale}-${item}`);
  const ids = Array.from({ length: TURNOVER_IDS }, (_, user) => `user-${sale}-${user}`);
  return {
    sale: { isTurnover: true, items },
    calls: Array.from({ length: calls }, () => drawTurnoverCall(sale, ids, items, random)),
  };
}

function drawTurnoverCall(
  sale: number,
  ids: readonly string[],
  items: readonly string[],
  random: Random,
): Call {
  const id = pick(ids, random);
  const draw = random();
  if (draw < 0.25) return { sale, operation: 'release', id };
  if (draw < 0.255) return { sale, operation: 'retire', id };
  if (draw < 0.35) return { sale, operation: 'confirm', id };
  if (draw < 0.4) return { sale, operation: 'sweep' };
  if (draw < 0.46) return { sale, operation: 'choose', id, item: pick(items, random) };
  if (draw < 0.5) {
    return {
      sale,
      operation: 'group',
      ids: [...new Set([id, pick(ids, random), pick(ids, random)])],
    };
  }
  if (draw < 0.72) {
    const holdForMs = Math.ceil(random() * MAX_SHORT_HOLD_MS);
    return { sale, operation: 'claim', id, holdForMs, isPaying: random() < 0.3 };
  }
  return { sale, operation: 'claim', id };
}

/** Both in their order, spread evenly. */
function interleaved<Element>(many: readonly Element[], few: readonly Element[]): Element[] {
  const span = many.length / (few.length + 1);
  const places = few.map((element, index) => ({ element, place: (index + 1) * span }));
  return [...many.map((element, place) => ({ element, place })), ...places]
    .sort((one, other) => one.place - other.place)
    .map(({ element }) => element);
}
