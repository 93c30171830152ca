// Orders, each with its seat in one transaction of the user's own: a third are rolled back, some processes are
// killed, and some connections ended in the middle.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Planned } from '../crash/journal.js';
import { countErrors, install, onJournals, runMortals } from '../crash/run-processes.js';
import { count, type Figure } from '../figures.js';
import { auditByCommand } from '../sales/audit-by-command.js';
import { dealOut, errorsInWords, unansweredOf } from '../sales/stage.js';
import { openTables, type PostgresStage } from './postgres-stage.js';

export interface OwnTransactionSize {
  readonly orders: number;
  readonly kills: number;
  /** Connections that the server ends. */
  readonly ended: number;
}

const PROCESSES = 4;
const CALLERS = 8;
const PATIENCE = { maxAttempts: 1_000, retryDelayMs: 20 };
const POLL_MS = 5;

interface Order {
  readonly id: string;
  readonly isRolledBack: boolean;
}

interface Answer {
  readonly item: string | null;
  readonly isRolledBack: boolean;
}

export async function runOwnTransactions(
  project: string,
  stage: PostgresStage,
  size: OwnTransactionSize,
  seed: number,
): Promise<Figure[]> {
  const here = (file: string) => new URL(file, import.meta.url);
  const program = await install(
    [
      here('order-transaction-worker.mjs'),
      here('connect-postgres.mjs'),
      here('../crash/worker-loop.mjs'),
    ],
    project,
  );
  const { pool } = stage;
  const orders = Array.from(
    { length: size.orders },
    (_, order): Order => ({ id: `order-${order}`, isRolledBack: order % 3 === 2 }),
  );
  // As many as orders that stay, and some.
  const seats = orders.map((_, seat) => `seat-${seat}`);
  const sale = await openTables(pool, seats, false);
  const ordersTableName = `orders_${sale.itemBankTableName}`;
  await pool.query(`create table ${ordersTableName} (order_id text primary key, seat text)`);
  return onJournals<Order & Planned, Answer, Figure[]>(PROCESSES, async (journals) => {
    const plans = dealOut(orders, PROCESSES);
    const theEnd = new AbortController();
    const countAnswered = () => journals.reduce((sum, { answered }) => sum + answered.size, 0);
    const ending = endConnections(stage, size, countAnswered, theEnd.signal);
    const kills = await runMortals(
      journals.map((journal, process) => ({
        program,
        task: { way: stage.plainWay, sale, ordersTableName, patience: PATIENCE },
        plan: plans[process] ?? [],
        journal,
        callers: CALLERS,
      })),
      { kills: size.kills, seed },
    ).finally(() => theEnd.abort());
    const ended = await ending;
    await stage.settle();

    const { rows: kept } = await pool.query<{ order_id: string; seat: string | null }>(
      `select order_id, seat from ${ordersTableName}`,
    );
    const { rows: assigned } = await pool.query<{ id: string; item: string }>(
      `select deduplication_id as id, item from ${sale.deduplicationTableName}`,
    );
    const audit = await auditByCommand(project, { '--store': stage.url }, sale);
    const seatOf = new Map(assigned.map(({ id, item }) => [id, item]));
    const keptIds = new Set(kept.map(({ order_id: id }) => id));
    const calls = journals.flatMap((journal) => journal.calls());
    const toldOtherwise = calls.filter(
      ({ asked, answer }) =>
        answer !== undefined && !answer.isRolledBack && seatOf.get(asked.id) !== answer.item,
    );
    const isToStay = ({ isRolledBack }: Order) => !isRolledBack;
    const wrong = {
      without: kept.filter(({ order_id: id, seat }) => seat === null || seatOf.get(id) !== seat),
      seatsWithout: assigned.filter(({ id }) => !keptIds.has(id)),
      missing: orders.filter(isToStay).filter(({ id }) => !keptIds.has(id)),
      rolledBack: orders.filter((order) => !isToStay(order) && keptIds.has(order.id)),
    };
    const unanswered = unansweredOf(orders, journals);
    return [
      {
        what: 'own transactions: orders, clients, rolled back, kills, connections ended, calls',
        value: [
          orders.length,
          PROCESSES * CALLERS,
          orders.filter(({ isRolledBack }) => isRolledBack).length,
          kills,
          ended,
          calls.length,
        ]
          .map(count)
          .join(', '),
        isRight: kills >= size.kills && ended >= size.ended,
      },
      {
        what: 'own transactions: calls that threw, by error; never answered; answers unlike the table',
        value: `${errorsInWords(countErrors(journals))}; ${unanswered}; ${toldOtherwise.length}`,
        isRight: unanswered + toldOtherwise.length === 0,
      },
      {
        what: 'own transactions: orders without their seat, seats without an order, orders missing, orders in spite of a rollback',
        value: Object.values(wrong)
          .map(({ length }) => count(length))
          .join(', '),
        isRight: Object.values(wrong).every(({ length }) => length === 0),
      },
      {
        what: 'own transactions: free, given, lost, twice (audit)',
        value: [audit.inBank, audit.given, audit.lost, audit.twice].map(count).join(', '),
        isRight:
          audit.lost + audit.twice === 0 &&
          audit.inBank + audit.given === seats.length &&
          audit.given === kept.length,
      },
    ];
  });
}

/** Ends connections with a transaction open on them, spread evenly over the run. */
async function endConnections(
  { pool }: PostgresStage,
  { orders, ended: wanted }: OwnTransactionSize,
  countAnswered: () => number,
  signal: AbortSignal,
): Promise<number> {
  let ended = 0;
  while (!signal.aborted && ended < wanted) {
    if (countAnswered() >= (ended / (wanted + 1)) * orders) {
      const { rows } = await pool.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where backend_type = 'client backend' and pid <> pg_backend_pid()
           and xact_start is not null and state like 'idle in transaction%' limit 1`,
      );
      ended += rows.length;
    }
    await sleep(POLL_MS);
  }
  return ended;
}
