// Each claim comes with an order and a message to send: as many of both as assignments, through kills and faults.
import type { ClaimResult } from 'storagebox/core';
import type { Planned } from '../crash/journal.js';
import { countErrors, onJournals } from '../crash/run-processes.js';
import { count, type Figure } from '../figures.js';
import type { OrderRow, SaleStage } from './sale-stage.js';
import { dealOut, errorsInWords, installWorker, onSale, PROCESSES, unansweredOf } from './stage.js';

export interface OrderSize {
  readonly claims: number;
  readonly kills: number;
}

const CALLERS = 16;
const WIRE_FAULT_SHARE = 0.05;
/** Every so many IDs one asks a second time, in another process at about the same time. */
const IDS_PER_SECOND_CALL = 10;

interface Order {
  readonly id: string;
}

export async function runOrders(
  stage: SaleStage,
  { claims, kills }: OrderSize,
  seed: number,
): Promise<Figure[]> {
  const program = await installWorker(stage, 'order-worker.mjs');
  const items = Array.from({ length: claims }, (_, item) => `item-${item}`);
  const orders = items.flatMap((_, order): Order[] => {
    const planned = { id: `order-${order}` };
    return order % IDS_PER_SECOND_CALL === 0 ? [planned, planned] : [planned];
  });
  return onSale(stage, items, async (sale) => {
    const own = await sale.openOwnTables();
    const figures = await onJournals<Order & Planned, ClaimResult, Figure[]>(
      PROCESSES,
      async (journals) => {
        const plans = dealOut(orders);
        const startMs = performance.now();
        const harm = await stage.runProcesses(
          journals.map((journal, process) => ({
            program,
            task: { sale: sale.tables, own: own.tables },
            plan: plans[process] ?? [],
            journal,
            callers: CALLERS,
          })),
          { kills, wireFaultShare: WIRE_FAULT_SHARE, seed },
        );
        const seconds = Math.round((performance.now() - startMs) / 1_000);
        const assigned = await sale.assignments();
        const assignments = new Map(assigned.map(({ id, item }) => [id, item]));
        const audit = await sale.audit();
        const rows = await own.rows();
        const calls = journals.flatMap((journal) => journal.calls());
        const toldOtherwise = calls.filter(
          ({ asked, answer }) => answer !== undefined && assignments.get(asked.id) !== answer.item,
        );
        const wrong = countWrong(assignments, rows.orders) + countWrong(assignments, rows.outbox);
        const unanswered = unansweredOf(orders, journals);
        const isEachAssigned = [assignments, rows.orders, rows.outbox].every(
          (each) => ('size' in each ? each.size : each.length) === claims,
        );
        return [
          {
            what: 'orders: calls, kills, wire faults, seconds',
            value: [calls.length, harm.kills, harm.wire.faults, seconds].map(count).join(', '),
            isRight: harm.kills >= kills,
          },
          {
            what: 'orders: calls that threw, by error; never answered; answers unlike the table',
            value: `${errorsInWords(countErrors(journals))}; ${unanswered}; ${toldOtherwise.length}`,
            isRight: unanswered + toldOtherwise.length === 0,
          },
          {
            what: 'orders: assignments, order rows, outbox rows; without, twice or with another item',
            value: `${[assignments.size, rows.orders.length, rows.outbox.length].map(count).join(', ')}; ${wrong}`,
            isRight: isEachAssigned && wrong === 0,
          },
          {
            what: 'orders: lost, twice (audit)',
            value: [audit.lost, audit.twice].map(count).join(', '),
            isRight: audit.lost + audit.twice === 0 && audit.given === claims,
          },
        ];
      },
    );
    await own.dispose();
    return figures;
  });
}

/** Assignments that have no row, or several, or one with another item; and rows without an assignment. */
function countWrong(assignments: ReadonlyMap<string, string>, rows: readonly OrderRow[]): number {
  const itemsOf = new Map<string, string[]>();
  for (const { id, item } of rows) itemsOf.set(id, [...(itemsOf.get(id) ?? []), item]);
  const isWrong = ([id, item]: [string, string]) => {
    const items = itemsOf.get(id) ?? [];
    return items.length !== 1 || items[0] !== item;
  };
  const unassigned = [...itemsOf.keys()].filter((id) => !assignments.has(id));
  return [...assignments].filter(isWrong).length + unassigned.length;
}
