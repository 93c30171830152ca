// The sale of a seat plan: users hold a seat, pay in time, late or never, and come again, while holds that have
// ended are swept and servers are killed.
import { setTimeout as sleep } from 'node:timers/promises';
import type { JournaledCall, Planned } from '../crash/journal.js';
import { countErrors, onJournals } from '../crash/run-processes.js';
import { count, type Figure } from '../figures.js';
import type { AssignmentRow, Sale, SaleStage } from './sale-stage.js';
import { dealOut, errorsInWords, installWorker, onSale, PROCESSES, unansweredOf } from './stage.js';

export interface SeatSaleSize {
  readonly seats: number;
  readonly users: number;
  /** How many users each process serves at once. */
  readonly callers: number;
  readonly kills: number;
  /** Of payments after the end of the hold: so many have to win, and so many to lose. */
  readonly minLatePayments: number;
  /** From 0 to 1: in a small sale the seats that the last users held and did not pay for weigh more. */
  readonly minSoldShare: number;
}

const HOLD_FOR_MS = 2_000;
const MAX_PAYMENT_DELAY_MS = 4_000;
const SWEEP_PAUSE_MS = 400;
const SWEEPING_PROCESSES = 2;
const WIRE_FAULT_SHARE = 0.01;

interface Visitor {
  readonly user: string;
  readonly isPaying: boolean;
}

type Asked =
  | ({ readonly operation: 'claim'; readonly user: string } & Planned)
  | ({
      readonly operation: 'confirm';
      readonly user: string;
      readonly item: string;
      /** The end of the hold that the user was told, and the time of the payment. */
      readonly heldUntil: number;
      readonly atMs: number;
    } & Planned)
  | { readonly operation: 'sweep'; readonly index?: never };

/** Of a sweep, all fields are absent. */
interface Answer {
  readonly item: string | null;
  /** `null`: for good. */
  readonly heldUntil: number | null;
  readonly atMs: number;
}

type Call = JournaledCall<Asked, Answer>;

export async function runSeatSale(
  stage: SaleStage,
  size: SeatSaleSize,
  seed: number,
): Promise<Figure[]> {
  const program = await installWorker(stage, 'seat-worker.mjs');
  const seats = Array.from({ length: size.seats }, (_, seat) => `seat-${seat}`);
  const visitors = Array.from(
    { length: size.users },
    (_, user): Visitor => ({ user: `user-${user}`, isPaying: user % 3 !== 0 }),
  );
  return onSale(stage, seats, (sale) =>
    onJournals<Asked, Answer, Figure[]>(PROCESSES, async (journals) => {
      const startMs = performance.now();
      const plans = dealOut(visitors);
      const harm = await stage.runProcesses(
        journals.map((journal, process) => ({
          program,
          task: {
            sale: sale.tables,
            holdForMs: HOLD_FOR_MS,
            maxPaymentDelayMs: MAX_PAYMENT_DELAY_MS,
            sweepPauseMs: process < SWEEPING_PROCESSES ? SWEEP_PAUSE_MS : null,
          },
          plan: plans[process] ?? [],
          journal,
          callers: size.callers,
        })),
        { kills: size.kills, wireFaultShare: WIRE_FAULT_SHARE, seed },
      );
      const seconds = Math.round((performance.now() - startMs) / 1_000);
      await sweepUntilNoneIsHeld(sale);
      const rows = await sale.assignments();
      const calls = journals.flatMap((journal) => journal.calls());
      const audit = await sale.audit();
      const told = judge(calls, rows, new Set(visitors.filter(isNeverPaying).map(userOf)));
      const sold = rows.length / size.seats;
      const unanswered = unansweredOf(visitors, journals);
      const isEachSeatThere = audit.inBank + audit.given === size.seats;
      return [
        {
          what: 'seat sale: seats, users, kills, wire faults, sweeps, seconds',
          value: [size.seats, size.users, harm.kills, harm.wire.faults, told.sweeps, seconds]
            .map(count)
            .join(', '),
          isRight: harm.kills >= size.kills && unanswered === 0,
        },
        {
          what: 'seat sale: calls that threw, by error; users never answered',
          value: `${errorsInWords(countErrors(journals))}; ${unanswered}`,
          isRight: unanswered === 0,
        },
        {
          what: 'seat sale: seats confirmed',
          value: `${count(rows.length)} (${(100 * sold).toFixed(2)} %)`,
          isRight: sold >= size.minSoldShare && audit.given === rows.length,
        },
        {
          what: 'seat sale: payments in time, late and won, late and lost',
          value: [told.inTime, told.lateWon, told.lateLost].map(count).join(', '),
          isRight: Math.min(told.lateWon, told.lateLost) >= size.minLatePayments,
        },
        {
          what: 'seat sale: lost, twice (audit)',
          value: [audit.lost, audit.twice].map(count).join(', '),
          isRight: audit.lost + audit.twice === 0 && isEachSeatThere,
        },
        {
          what: 'seat sale: paid without the seat, seats told to two at once, holds cut short, given unpaid',
          value: [told.paidWithout, told.heldByTwo, told.cutShort, told.givenUnpaid]
            .map(count)
            .join(', '),
          isRight: told.paidWithout + told.heldByTwo + told.cutShort + told.givenUnpaid === 0,
        },
      ];
    }),
  );
}

function isNeverPaying({ isPaying }: Visitor): boolean {
  return !isPaying;
}

function userOf({ user }: Visitor): string {
  return user;
}

/** As the two processes did: the last holds end after the last user has gone. */
async function sweepUntilNoneIsHeld(sale: Sale): Promise<void> {
  const { deduplicator, close } = sale.openServer();
  while ((await sale.assignments()).some(({ isHeld }) => isHeld)) {
    await deduplicator.releaseExpiredHolds();
    await sleep(SWEEP_PAUSE_MS);
  }
  await close();
}

interface Told {
  readonly sweeps: number;
  readonly inTime: number;
  /** Payments after the end of the hold that were answered with the seat, and with none. */
  readonly lateWon: number;
  readonly lateLost: number;
  /** Users who were told that a seat is theirs for good, and who have another one in the end, or none. */
  readonly paidWithout: number;
  /** How often two users were told of one seat that it is theirs, for times that overlap. */
  readonly heldByTwo: number;
  /** Payments without a seat that were answered before the end of the hold. */
  readonly cutShort: number;
  /** Seats that a user has for good who never paid, or was never told. */
  readonly givenUnpaid: number;
}

function judge(
  calls: readonly Call[],
  rows: readonly AssignmentRow[],
  neverPaying: ReadonlySet<string>,
): Told {
  const owners = new Map(rows.map(({ id, item }) => [id, item]));
  const paid = new Map<string, Set<string>>();
  const possessions: Possession[] = [];
  const payments = { inTime: 0, lateWon: 0, lateLost: 0 };
  let cutShort = 0;
  for (const { asked, answer } of calls) {
    if (asked.operation === 'sweep' || answer === undefined) continue;
    const { user } = asked;
    const { item, heldUntil, atMs } = answer;
    if (item !== null) {
      possessions.push({ user, item, fromMs: atMs, untilMs: heldUntil ?? Infinity });
      if (heldUntil === null) paid.set(user, (paid.get(user) ?? new Set()).add(item));
    }
    if (asked.operation !== 'confirm') continue;
    const isLate = asked.atMs > asked.heldUntil;
    if (item === null && atMs < asked.heldUntil) cutShort++;
    if (isLate) payments[item === null ? 'lateLost' : 'lateWon']++;
    else if (item !== null) payments.inTime++;
  }
  const isWithout = ([user, items]: [string, Set<string>]) =>
    [...items].some((item) => owners.get(user) !== item);
  const isUnpaid = (user: string) => neverPaying.has(user) || !paid.has(user);
  return {
    ...payments,
    sweeps: calls.filter(({ asked, answer }) => asked.operation === 'sweep' && answer !== undefined)
      .length,
    paidWithout: [...paid].filter(isWithout).length,
    heldByTwo: countOverlaps(possessions),
    cutShort,
    givenUnpaid: [...owners.keys()].filter(isUnpaid).length,
  };
}

/** From the answer on, and until the end of the hold, nobody else may be told that the seat is theirs. */
interface Possession {
  readonly user: string;
  readonly item: string;
  readonly fromMs: number;
  readonly untilMs: number;
}

function countOverlaps(possessions: readonly Possession[]): number {
  const latest = new Map<string, Possession>();
  let overlaps = 0;
  for (const possession of possessions.toSorted((one, other) => one.fromMs - other.fromMs)) {
    const { user, item, fromMs, untilMs } = possession;
    const before = latest.get(item);
    if (before !== undefined && before.user !== user && fromMs < before.untilMs) overlaps++;
    if (before === undefined || untilMs >= before.untilMs) latest.set(item, possession);
  }
  return overlaps;
}
