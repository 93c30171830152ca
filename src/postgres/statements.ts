// What the statements of both tables have in common.

import { publishObstacle } from '../environment/events.js';
import { runtime } from '../environment/runtime.js';
import { sleepBeforeRetry } from '../store-kit/backoff.js';
import { type ListedPage, type PageRequest, pageInKeyOrder } from '../store-kit/listing.js';
import type { Patience } from '../store-kit/patience.js';
import { untilAborted } from '../store-kit/until-aborted.js';
import { isObstacle } from './refusals.js';
import type { Session, Statement } from './session.js';

/**
 * Sets how long the statement waits for locks, $1. It ends with the statement, so that it works behind a pooler. See
 * "set_config" in "System Administration Functions" of PostgreSQL's documentation.
 */
export const SET_PATIENCE =
  "set_config('lock_timeout', coalesce($1::text, current_setting('lock_timeout')), true) is not null";

/** As the first `with` of what may wait for a lock, and read by what waits. */
export const PATIENCE = `patience as materialized (select ${SET_PATIENCE} as is_set)`;

export function read(text: string): Statement {
  return { text, isWrite: false };
}

export function write(text: string): Statement {
  return { text, isWrite: true };
}

/** One that is prepared, where that is possible. Its name is its own on each server, whoever shares connections. */
export function prepared(statement: Statement): Statement {
  return { ...statement, name: `storagebox_${runtime.uuid()}` };
}

/** Pages from a statement with the parameters "after" and "limit". */
export function pagesOf<Row, Element>(
  session: Session,
  statement: Statement,
  rowOf: (row: Row) => { readonly key: string; readonly element: Element },
): (request: PageRequest) => Promise<ListedPage<Element>> {
  return (request) =>
    pageInKeyOrder(request, async (key, count) => {
      const page = session.ask<Row>(statement, [key, String(count)]);
      return (await untilAborted(page, request.signal)).map(rowOf);
    });
}

interface Explained {
  readonly Plan: { readonly 'Plan Rows': number };
}

/** What the planner expects. See "Statistics Used by the Planner" in PostgreSQL's documentation. */
export async function estimatedRows(session: Session, query: string): Promise<number> {
  const [answer] = await session.ask<readonly Explained[]>(
    read(`explain (format json) ${query}`),
    [],
  );
  return answer?.[0]?.Plan['Plan Rows'] ?? 0;
}

/** Repeats what other transactions were in the way of, unless it is a part of the caller's own. */
export async function withRetries<Result>(
  patience: Patience,
  session: Session,
  tableNames: readonly string[],
  attempt: () => Promise<Result>,
): Promise<Result> {
  for (let retry = 0; ; retry++) {
    const startMs = runtime.nowMs();
    try {
      return await attempt();
    } catch (error) {
      if (session.isTransaction || !isObstacle(error)) throw error;
      publishContention(retry + 1, startMs, tableNames);
      await sleepBeforeRetry(retry);
      patience.assertLeft({ cause: error });
    }
  }
}

export function publishContention(
  attempt: number,
  startMs: number,
  tableNames: readonly string[],
): void {
  publishObstacle({
    type: 'contention',
    attempt,
    durationMs: runtime.nowMs() - startMs,
    tableNames,
  });
}
