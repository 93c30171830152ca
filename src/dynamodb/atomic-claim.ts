// The claim on DynamoDB: both writes in one transaction, so that a crash leaves nothing half done.
//
//   read the ID ── has an item ────────────────────────────────────────► existing
//        │ none, or skipped
//   take a candidate ── proven empty ── TransactGetItems on the ID ► existing | exhausted
//        │ item
//   TransactWriteItems: put the ID if absent, delete the item if there
//        │ committed ──────────────────────────────────────────────────► claimed
//        │ the ID has an item ─────────────────────────────────────────► existing
//        │ the item is gone ── next candidate, at once
//        │ others or throttling in the way ── next candidate, in a while
//        │ anything else ── throw; the next call finds out what became of it
import { sleepBeforeRetry } from '../backoff.js';
import type { AtomicClaim, AtomicClaimOptions, ClaimResult } from '../deduplication-repository.js';
import { Patience } from '../patience.js';
import { releaseItem } from './atomic-release.js';
import type { Candidate } from './candidate-pool.js';
import type { DeduplicationTable } from './deduplication-table.js';
import type { ItemBank } from './item-bank.js';
import {
  CLAIM_PATIENCE_MS,
  errorOfObstacle,
  hasConditionFailed,
  publishObstacle,
  sendTransaction,
} from './transaction.js';

export function atomicClaim(bank: ItemBank, table: DeduplicationTable): AtomicClaim {
  return {
    claimItem: (deduplicationId, options) => claimItem(bank, table, deduplicationId, options),
    releaseItem: (deduplicationId, options) => releaseItem(bank, table, deduplicationId, options),
  };
}

async function claimItem(
  bank: ItemBank,
  table: DeduplicationTable,
  deduplicationId: string,
  { signal, skipFirstRead }: AtomicClaimOptions,
): Promise<ClaimResult> {
  const mark = bank.candidates.mark();
  // In a rush on what is sold out, a few requests answer all who share the next turn.
  const isLookShared = bank.candidates.isFoundEmpty && bank.emptinessTurns.isTaken;
  if (!skipFirstRead && !isLookShared) {
    const held = await table.readItemInRush(deduplicationId);
    if (held !== null) return { status: 'existing', ...held };
  }
  const patience = new Patience(CLAIM_PATIENCE_MS, signal);
  for (let obstacles = 0; ; ) {
    patience.assertLeft();
    const found = await candidateOrAnswer(bank, table, deduplicationId, mark, patience);
    if ('status' in found) return found;
    const result = await claimCandidate(bank, table, deduplicationId, found, patience, signal);
    if (result === null) continue;
    if (!(result instanceof Obstacle)) return result;
    publishObstacle(result.error, ++obstacles, patience.elapsedMs, [table, bank]);
    await sleepBeforeRetry(obstacles - 1);
    if (patience.isOver) throw errorOfObstacle(result.error, patience.elapsedMs);
  }
}

/** Nothing was written, and another candidate is to be tried in a while. */
class Obstacle {
  constructor(readonly error: unknown) {}
}

/** The answer is what the ID has when all items are gone. */
async function candidateOrAnswer(
  bank: ItemBank,
  table: DeduplicationTable,
  deduplicationId: string,
  mark: number,
  patience: Patience,
): Promise<Candidate | ClaimResult> {
  const endTurn = bank.candidates.isFoundEmpty ? await bank.emptinessTurns.next() : null;
  try {
    const candidate = await bank.candidates.take(mark, patience);
    if (candidate !== null) return candidate;
    const held = await table.readItemInTransaction(deduplicationId);
    return held === null ? { status: 'exhausted', item: null } : { status: 'existing', ...held };
  } finally {
    endTurn?.();
  }
}

/** `null` when another candidate is to be tried at once. */
async function claimCandidate(
  bank: ItemBank,
  table: DeduplicationTable,
  deduplicationId: string,
  candidate: Candidate,
  patience: Patience,
  signal: AbortSignal | undefined,
): Promise<ClaimResult | Obstacle | null> {
  const { item } = candidate;
  const outcome = await sendTransaction({
    client: table.client,
    tables: [table, bank],
    actions: [
      { Put: table.assignment(deduplicationId, item, bank.tableName) },
      { Delete: bank.removal(item) },
    ],
    patienceMs: CLAIM_PATIENCE_MS,
    patience,
    signal,
    yieldsToObstacles: true,
  });
  switch (outcome.status) {
    case 'committed':
      bank.candidates.settle(candidate, 'won');
      return { status: 'claimed', item, itemBankName: bank.tableName };
    case 'failed':
      bank.candidates.settle(candidate, outcome.isObstructed ? 'obstructed' : 'kept');
      if (outcome.isObstructed) return new Obstacle(outcome.error);
      throw outcome.error;
    case 'conditionFailed': {
      const [assignment, removal] = outcome.reasons;
      bank.candidates.settle(candidate, hasConditionFailed(removal) ? 'gone' : 'kept');
      if (!hasConditionFailed(assignment)) return null;
      // Both conditions can fail, and the ID's answer is final.
      const existing = await table.existingItem(deduplicationId, assignment);
      return existing === null ? null : { status: 'existing', ...existing };
    }
  }
}
