// The claim on DynamoDB: both writes in one transaction, so that a crash leaves nothing half done.
//
//   read the ID ── has an item ────────────────────────────────────────► existing
//        │ none, or skipped
//   take a candidate ── proven empty ── TransactGetItems on the ID ► existing | exhausted
//        │ item
//   TransactWriteItems: put the ID if absent, delete the item if there; in a rush with other claims
//        │ committed ──────────────────────────────────────────────────► claimed
//        │ the ID has an item ─────────────────────────────────────────► existing
//        │ the item is gone, or another claim cancelled all ── next candidate, at once
//        │ others or throttling in the way ── next candidate, in a while
//        │ anything else ── throw; the next call finds out what became of it

import type { AtomicClaimOptions, ClaimResult } from '../../contracts/atomic-writes.js';
import { AccountMismatchError, OutcomeUnknownError } from '../../contracts/errors.js';
import { writtenBy } from '../../contracts/written.js';
import { sleepBeforeRetry } from '../../store-kit/backoff.js';
import { CLAIM_PATIENCE_MS, Patience } from '../../store-kit/patience.js';
import type { DeduplicationTable } from '../deduplication-table.js';
import type { ItemBankTable } from '../item-bank-table.js';
import { isThrottledInPart, publishObstacle } from '../obstacles.js';
import { cancellationCodes } from '../refusals.js';
import { errorOfObstacle, hasConditionFailed } from '../transaction.js';
import type { Candidate, Settlement } from './candidate-pool.js';
import { Contradictions } from './contradictions.js';
import type { GroupedClaims } from './grouped-claims.js';

export async function claimItem(
  claims: GroupedClaims,
  deduplicationId: string,
  { signal, skipFirstRead, waitedMs, isInBulk = false }: AtomicClaimOptions,
): Promise<ClaimResult> {
  const { bank, table } = claims;
  const mark = bank.candidates.mark();
  const patience = new Patience(CLAIM_PATIENCE_MS, signal, waitedMs);
  // When many calls ask and the bank is sold out, the calls of the next turn share a few requests.
  const isLookShared = bank.candidates.isFoundEmpty && bank.emptinessTurns.isTaken;
  if (!skipFirstRead && !isLookShared) {
    const limits = { patience, signal };
    const held = await table.readItemAmongMany(deduplicationId, claims.isRush, limits);
    if (held !== null) return { status: 'existing', ...held };
  }
  // The transaction goes out through the table's client, the pages come through the bank's.
  const contradictions = bank.client === table.client ? undefined : new Contradictions();
  const call: Call = {
    deduplicationId,
    mark,
    patience,
    isInBulk,
    contradictions,
    cancellationsByOthers: 0,
    isInDoubt: false,
  };
  try {
    return await claimCandidates(claims, call);
  } catch (error) {
    const isKnown = !call.isInDoubt || writtenBy(error) !== 'nothing';
    throw isKnown ? error : new OutcomeUnknownError(patience.elapsedMs, { cause: error });
  }
}

/** One candidate after the other, until the call has its answer or its time is up. */
async function claimCandidates(claims: GroupedClaims, call: Call): Promise<ClaimResult> {
  const { bank, table } = claims;
  const { patience } = call;
  for (let attempts = 0, obstacles = 0; ; attempts++) {
    patience.assertLeft();
    const found = await candidateOrAnswer(bank, table, call, attempts > 0);
    if ('status' in found) return found;
    const result = await claimCandidate(claims, call, found);
    if (result === null) continue;
    if (!(result instanceof Obstacle)) return result;
    publishObstacle(result.error, ++obstacles, patience.elapsedMs, [table, bank]);
    await sleepBeforeRetry(obstacles - 1);
    if (patience.isOver) throw errorOfObstacle(result.error, patience.elapsedMs);
  }
}

interface Call {
  readonly deduplicationId: string;
  readonly mark: number;
  readonly patience: Patience;
  readonly isInBulk: boolean;
  readonly contradictions: Contradictions | undefined;
  /** How often another claim cancelled the transaction of this one. */
  cancellationsByOthers: number;
  /** Whether an attempt at an earlier candidate got no answer, and may still be applied. */
  isInDoubt: boolean;
}

/** Nothing was written. Try another candidate after a delay. */
class Obstacle {
  constructor(readonly error: unknown) {}
}

/** A candidate, or, if all items are gone, the answer to the call. */
async function candidateOrAnswer(
  bank: ItemBankTable,
  table: DeduplicationTable,
  { deduplicationId, mark, patience, contradictions }: Call,
  isRetry: boolean,
): Promise<Candidate | ClaimResult> {
  const endTurn = bank.candidates.isFoundEmpty ? await bank.emptinessTurns.next() : null;
  try {
    const candidate = await bank.candidates.take(mark, patience, { isRetry, contradictions });
    if (candidate !== null) return candidate;
    const held = await table.readItemInTransaction(deduplicationId);
    return held === null ? { status: 'exhausted', item: null } : { status: 'existing', ...held };
  } finally {
    endTurn?.();
  }
}

/** `null`: try another candidate at once. */
async function claimCandidate(
  claims: GroupedClaims,
  call: Call,
  candidate: Candidate,
): Promise<ClaimResult | Obstacle | null> {
  const { bank, table } = claims;
  const { contradictions } = call;
  const { item } = candidate;
  const settle = (settlement: Settlement) =>
    bank.candidates.settle(candidate, settlement, contradictions);
  const outcome = await claims.send({ ...call, item }).catch((error: unknown) => {
    settle('kept');
    throw error;
  });
  if ('isInDoubt' in outcome) call.isInDoubt ||= outcome.isInDoubt;
  switch (outcome.status) {
    case 'committed':
      settle('won');
      return { status: 'claimed', item, itemBankName: bank.tableName };
    case 'failed':
      settle('kept');
      throw outcome.error;
    case 'obstructed':
      settle(settlementOfObstacle(outcome.error));
      return new Obstacle(outcome.error);
    case 'cancelledByOthers':
      settle('kept');
      call.cancellationsByOthers++;
      return null;
    case 'conditionFailed': {
      const [assignment, removal] = outcome.reasons;
      settle(hasConditionFailed(removal) ? 'gone' : 'kept');
      if (!hasConditionFailed(assignment)) {
        assertOneAccount(bank, table, contradictions);
        return null;
      }
      // Both conditions can fail, and the ID's answer is final.
      const existing = await table.existingItem(call.deduplicationId, assignment);
      return existing === null ? null : { status: 'existing', ...existing };
    }
  }
}

/** A conflict on the ID's own row says nothing about the item or its part of the bank. */
function settlementOfObstacle(error: unknown): Settlement {
  if (isThrottledInPart(error)) return 'throttled';
  const [assignment, removal] = cancellationCodes(error);
  const isOnlyIdInConflict = assignment === 'TransactionConflict' && removal === 'None';
  return isOnlyIdInConflict ? 'kept' : 'inConflict';
}

/** Fewer can be caused by releases, and by Python nodes, which take items out and put them back. */
const MAX_CONTRADICTIONS = 5;

function assertOneAccount(
  bank: ItemBankTable,
  table: DeduplicationTable,
  contradictions: Contradictions | undefined,
): void {
  if (contradictions === undefined || contradictions.count < MAX_CONTRADICTIONS) return;
  const remedy = 'Give both repositories the same client, or credentials of one AWS account.';
  throw new AccountMismatchError(bank.tableName, table.tableName, { remedy });
}
