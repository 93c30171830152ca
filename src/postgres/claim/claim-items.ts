// A claim for a group of IDs: all of them get an item, or nothing is written. A transaction of its own:
//
//   lock what the IDs have, in their order
//   claim for the others, by the statement of many claims ── not all got one ─► roll back
//   extend holds, own writes ─► commit
//
// The first attempt skips what others have locked. Each further one waits for it, in one order for all, so that
// groups that want the last items cannot keep each other from them.
import type {
  AtomicGroupOptions,
  GroupClaimResult,
  GroupMember,
} from '../../contracts/atomic-writes.js';
import { runtime } from '../../environment/runtime.js';
import { sleepBeforeRetry } from '../../store-kit/backoff.js';
import { endOfNewHold } from '../../store-kit/hold.js';
import { CLAIM_PATIENCE_MS, Patience } from '../../store-kit/patience.js';
import { ROW, type Row } from '../deduplication-table.js';
import { isObstacle } from '../refusals.js';
import { inTransaction, type Session } from '../session.js';
import { PATIENCE, publishContention, write } from '../statements.js';
import { extendHold } from './change-assignment.js';
import { toldOf } from './claim-item.js';
import { claimMany, outcomeOf } from './claim-statement.js';
import { makeOwnWrites, type PostgresWrite } from './own-writes.js';
import { type Pair, tableNamesOf } from './pair.js';

type Options = AtomicGroupOptions<PostgresWrite>;

/** Rolls the attempt back. */
class Incomplete {
  readonly result: GroupClaimResult | null;

  constructor(result: GroupClaimResult | null) {
    this.result = result;
  }
}

export async function claimItems(
  pair: Pair,
  deduplicationIds: readonly string[],
  storedIdOf: (deduplicationId: string) => string,
  options: Options,
): Promise<GroupClaimResult> {
  const ids = deduplicationIds.map((deduplicationId) => ({
    deduplicationId,
    id: storedIdOf(deduplicationId),
  }));
  const patience = new Patience(CLAIM_PATIENCE_MS, options.signal, options.waitedMs);
  for (let retry = 0; ; retry++) {
    const startMs = runtime.nowMs();
    let obstacle: unknown;
    try {
      return await claimOnce(pair, ids, options, retry > 0, patience);
    } catch (error) {
      if (error instanceof Incomplete && error.result !== null) return error.result;
      if (!(error instanceof Incomplete) && !isObstacle(error)) throw error;
      if (isObstacle(error)) obstacle = error;
    }
    publishContention(retry + 1, startMs, tableNamesOf(pair));
    await sleepBeforeRetry(retry);
    patience.assertLeft(obstacle === undefined ? undefined : { cause: obstacle });
  }
}

interface GroupId {
  readonly deduplicationId: string;
  readonly id: string;
}

function claimOnce(
  pair: Pair,
  ids: readonly GroupId[],
  options: Options,
  inOrder: boolean,
  patience: Patience,
): Promise<GroupClaimResult> {
  return inTransaction(pair.client, pair.names, async (session, send) => {
    const held = await lockRows(pair, session, ids, patience);
    const heldUntil = endOfNewHold(options);
    const wanting = ids.filter(({ id }) => !held.has(id)).map(({ id }) => ({ id, heldUntil }));
    const waitMs = patience.leftMs;
    const answer = await claimMany(pair, session, wanting, { inOrder, waitMs });
    const claimed = answer.claimed?.length ?? 0;
    if (claimed < wanting.length) {
      const itemsSeen = claimed + (answer.left ?? wanting.length);
      const itemsNeeded = wanting.length;
      const isExhausted = answer.existing === null && itemsSeen < itemsNeeded;
      throw new Incomplete(isExhausted ? { status: 'exhausted', itemsNeeded, itemsSeen } : null);
    }
    const members: GroupMember[] = [];
    for (const { deduplicationId, id } of ids) {
      const row = held.get(id);
      const outcome = outcomeOf(answer, { id, heldUntil });
      if (row !== undefined) {
        const extended = await extendHold(pair, session, row, options, patience);
        if (extended === null) throw new Incomplete(null);
        members.push({ deduplicationId, ...toldOf('existing', extended) });
      } else if (outcome.status === 'claimed') {
        const itemBankName = pair.bank.tableName;
        members.push({ deduplicationId, ...outcome, itemBankName });
      }
    }
    if (wanting.length === 0) return { status: 'existing', members };
    await makeOwnWrites(send, options.alongside?.(members));
    return { status: 'claimed', members };
  });
}

/** What the IDs have. It stays so until the end of the transaction. */
async function lockRows(
  { table }: Pair,
  session: Session,
  ids: readonly GroupId[],
  patience: Patience,
): Promise<Map<string, Row>> {
  const statement = write(`with ${PATIENCE}, held as materialized (
  select d.* from ${table.table} as d, patience
  where deduplication_id = any (array(select json_array_elements_text($2::text::json)))
  order by deduplication_id for update of d
)
select ${ROW}::text as answer from held`);
  const values = [session.lockTimeout, JSON.stringify(ids.map(({ id }) => id))];
  const rows = await session.ask<Row>(statement, values, patience.leftMs);
  return new Map(rows.map((row) => [row.deduplicationId, row]));
}
