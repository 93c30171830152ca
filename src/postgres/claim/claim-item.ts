// A claim for one ID, from the first statement to its answer.
import type { AnyClaimResult, AtomicClaimOptions } from '../../contracts/atomic-writes.js';
import { runtime } from '../../environment/runtime.js';
import { sleepBeforeRetry } from '../../store-kit/backoff.js';
import { endOfNewHold } from '../../store-kit/hold.js';
import { textToKey } from '../../store-kit/key-text.js';
import { CLAIM_PATIENCE_MS, Patience } from '../../store-kit/patience.js';
import { heldUntilOf, type Row } from '../deduplication-table.js';
import { storedItem } from '../keys.js';
import { inTransaction, type Session } from '../session.js';
import { publishContention } from '../statements.js';
import { extendHold } from './change-assignment.js';
import { type ClaimOutcome, claimOne } from './claim-statement.js';
import { type GroupedClaims, orObstructed } from './grouped-claims.js';
import { within as inOwn } from './own-transaction.js';
import { makeOwnWrites, type PostgresWrite } from './own-writes.js';
import { type Pair, tableNamesOf } from './pair.js';

export type ClaimItemOptions = AtomicClaimOptions<PostgresWrite>;

export async function claimItem(
  pair: Pair,
  claims: GroupedClaims,
  id: string,
  options: ClaimItemOptions,
): Promise<AnyClaimResult> {
  const { signal, waitedMs, within, alongside } = options;
  const item = options.item === undefined ? undefined : storedItem(options.item);
  const patience = new Patience(CLAIM_PATIENCE_MS, signal, waitedMs);
  if (within !== undefined) {
    return inOwn(within, pair.names, (session) => {
      const attempt = () => claimOne(pair, session, wishOf(id, options), { item });
      return untilDecided(pair, session, attempt, options, patience);
    });
  }
  const attempt = () => {
    const wish = wishOf(id, options);
    if (alongside !== undefined) return claimWithOwnWrites(pair, wish, item, alongside, patience);
    if (item === undefined) return claims.send(wish, patience);
    return claimOne(pair, pair.session, wish, { item, waitMs: patience.leftMs });
  };
  return untilDecided(pair, pair.session, attempt, options, patience);
}

function wishOf(id: string, options: ClaimItemOptions) {
  return { id, heldUntil: endOfNewHold(options) };
}

async function untilDecided(
  pair: Pair,
  session: Session,
  attempt: () => Promise<ClaimOutcome>,
  options: ClaimItemOptions,
  patience: Patience,
): Promise<AnyClaimResult> {
  for (let obstacles = 0; ; ) {
    const startMs = runtime.nowMs();
    const outcome = session.isTransaction
      ? await attempt()
      : await orObstructed(pair, obstacles + 1, attempt);
    switch (outcome.status) {
      case 'existing': {
        const row = await extendHold(pair, session, outcome.row, options, patience);
        if (row !== null) return toldOf('existing', row);
        break;
      }
      case 'claimed': {
        const { item, heldUntil } = outcome;
        return { status: 'claimed', item, heldUntil, itemBankName: pair.bank.tableName };
      }
      case 'exhausted':
      case 'taken':
        return { status: outcome.status, item: null };
      case 'obstructed':
        obstacles++;
        if (!('error' in outcome)) publishContention(obstacles, startMs, tableNamesOf(pair));
        await sleepBeforeRetry(obstacles - 1);
    }
    patience.assertLeft('error' in outcome ? { cause: outcome.error } : undefined);
  }
}

function claimWithOwnWrites(
  pair: Pair,
  wish: ReturnType<typeof wishOf>,
  item: string | undefined,
  alongside: (item: string) => PostgresWrite,
  patience: Patience,
): Promise<ClaimOutcome> {
  return inTransaction(pair.client, pair.names, async (session, send) => {
    const outcome = await claimOne(pair, session, wish, {
      item,
      waitMs: patience.leftMs,
    });
    if (outcome.status === 'claimed') await makeOwnWrites(send, alongside(outcome.item));
    return outcome;
  });
}

export function toldOf(status: 'claimed' | 'existing', row: Row) {
  const { item, itemBankName } = row;
  return { status, item: textToKey(item), itemBankName, heldUntil: heldUntilOf(row) };
}
