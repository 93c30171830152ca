// The claim on DynamoDB: both writes in one transaction, so that a crash leaves nothing half done.
//
//   read the ID ── has an item ────────────────────────────────────────► existing
//        │ none, or skipped
//   take a candidate ── proven empty ── TransactGetItems on the ID ► existing | exhausted
//        │ item, or the one that is asked for
//   TransactWriteItems: put the ID if absent, delete the item if there, own writes; in a rush with other claims
//        │ committed ──────────────────────────────────────────────────► claimed
//        │ the ID has an item ─────────────────────────────────────────► existing
//        │ the item is gone, or another claim cancelled all ── next candidate, at once
//        │    it was asked for ── TransactGetItems on the ID ─────────► existing | taken
//        │ others or throttling in the way ── next candidate, in a while
//        │ own writes refused ── TransactGetItems on the ID ──────────► existing | throw
//        │ anything else ── throw; the next call finds out what became of it
//
//   existing: if the ID holds its item and asks for a later end, one more transaction gives the hold that end

import type { AnyClaimResult, AtomicClaimOptions } from '../../contracts/atomic-writes.js';
import { sleepBeforeRetry } from '../../store-kit/backoff.js';
import { endOfNewHold } from '../../store-kit/hold.js';
import { CLAIM_PATIENCE_MS, Patience } from '../../store-kit/patience.js';
import type { ItemBankTable } from '../item-bank-table.js';
import { isThrottling, isThrottlingReason, publishObstacle } from '../obstacles.js';
import { cancellationCodes } from '../refusals.js';
import type { Row } from '../table.js';
import { errorInDoubt, errorOfObstacle, hasConditionFailed } from '../transaction.js';
import type { Candidate, Settlement } from './candidate-pool.js';
import { extendHold, type OwnWrites } from './change-assignment.js';
import {
  assertOneAccount,
  type Contradictions,
  contradictionsOf,
  isContradicted,
} from './contradictions.js';
import type { ClaimOutcome, GroupedClaims } from './grouped-claims.js';
import { hasOwnConditionFailed, ownActions, ownWritesRefused } from './own-writes.js';

/** The actions of a claim, in front of the caller's own. */
const ACTIONS_OF_CLAIM = 2;

export async function claimItem(
  claims: GroupedClaims,
  deduplicationId: string,
  options: AtomicClaimOptions<OwnWrites>,
): Promise<AnyClaimResult> {
  const { signal, skipFirstRead, waitedMs } = options;
  const { bank, table } = claims;
  const call: Call = {
    deduplicationId,
    options,
    mark: bank.candidates.mark(),
    patience: new Patience(CLAIM_PATIENCE_MS, signal, waitedMs),
    contradictions: contradictionsOf(bank, table),
    cancellationsByOthers: 0,
    isInDoubt: false,
  };
  const { patience } = call;
  // When many calls ask and the bank is sold out, the calls of the next turn share a few requests.
  const isLookShared =
    options.item === undefined && bank.candidates.isFoundEmpty && bank.emptinessTurns.isTaken;
  if (!skipFirstRead && !isLookShared) {
    const limits = { patience, signal };
    const row = await table.readRowAmongMany(deduplicationId, claims.isRush, limits);
    const existing = await existingOf(claims, call, row);
    if (existing !== null) return existing;
  }
  try {
    return await claimCandidates(claims, call);
  } catch (error) {
    throw call.isInDoubt ? errorInDoubt(error, patience.elapsedMs) : error;
  }
}

/** One candidate after the other, until the call has its answer or its time is up. */
async function claimCandidates(claims: GroupedClaims, call: Call): Promise<AnyClaimResult> {
  const { bank, table } = claims;
  const { patience } = call;
  for (let attempts = 0, obstacles = 0; ; attempts++) {
    patience.assertLeft();
    const found = await candidateOrAnswer(claims, call, attempts > 0);
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
  readonly options: AtomicClaimOptions<OwnWrites>;
  readonly mark: number;
  readonly patience: Patience;
  readonly contradictions: Contradictions | undefined;
  /** How often another claim cancelled the transaction of this one. */
  cancellationsByOthers: number;
  /** Whether an attempt at an earlier candidate got no answer, and may still be applied. */
  isInDoubt: boolean;
}

/** What the ID has, its hold extended if that is asked for; `null` if it has nothing. */
async function existingOf(
  claims: GroupedClaims,
  { deduplicationId, options, patience }: Call,
  row: Row | undefined,
): Promise<AnyClaimResult | null> {
  if (row === undefined) return null;
  const held =
    options.holdForMs === undefined
      ? claims.table.heldItemOf(row)
      : await extendHold(claims, deduplicationId, row, options, patience);
  return held === null ? null : { status: 'existing', ...held };
}

/** Nothing was written. Try another candidate after a delay. */
class Obstacle {
  constructor(readonly error: unknown) {}
}

/** A candidate, or, if all items are gone, the answer to the call. */
async function candidateOrAnswer(
  claims: GroupedClaims,
  call: Call,
  isRetry: boolean,
): Promise<Candidate | AnyClaimResult> {
  const { bank } = claims;
  const { mark, patience, contradictions } = call;
  const { item: chosen } = call.options;
  if (chosen !== undefined) return { item: chosen, pageNumber: 0 };
  const endTurn = bank.candidates.isFoundEmpty ? await bank.emptinessTurns.next() : null;
  try {
    const candidate = await bank.candidates.take(mark, patience, { isRetry, contradictions });
    return candidate ?? (await existingOr(claims, call, { status: 'exhausted', item: null }));
  } finally {
    endTurn?.();
  }
}

/** The last read of a call for which there is no item: its ID may have got one meanwhile. */
async function existingOr(
  claims: GroupedClaims,
  call: Call,
  result: AnyClaimResult,
): Promise<AnyClaimResult> {
  const row = await claims.table.readRowInTransaction(call.deduplicationId);
  return (await existingOf(claims, call, row)) ?? result;
}

/** `null`: try another candidate at once. */
async function claimCandidate(
  claims: GroupedClaims,
  call: Call,
  candidate: Candidate,
): Promise<AnyClaimResult | Obstacle | null> {
  const { bank } = claims;
  const { item } = candidate;
  const heldUntil = endOfNewHold(call.options);
  const settle = settlementOf(bank, call, candidate);
  const outcome = await send(claims, call, item, heldUntil).catch((error: unknown) => {
    settle('kept');
    throw error;
  });
  if ('isInDoubt' in outcome) call.isInDoubt ||= outcome.isInDoubt;
  switch (outcome.status) {
    case 'committed':
      settle('won');
      return { status: 'claimed', item, itemBankName: bank.tableName, heldUntil };
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
      // Both conditions can fail, and the ID's answer is final.
      if (hasConditionFailed(assignment)) {
        const row = await claims.table.existingRow(call.deduplicationId, assignment);
        return existingOf(claims, call, row);
      }
      if (hasConditionFailed(removal)) return goneOf(claims, call, item);
      return refusedOf(claims, call, outcome);
    }
  }
}

async function send(
  claims: GroupedClaims,
  { deduplicationId, options, patience, cancellationsByOthers }: Call,
  item: string,
  heldUntil: Date | null,
): Promise<ClaimOutcome> {
  const { bank, table } = claims;
  const { alongside, isInBulk = false } = options;
  const travelsAlone = alongside !== undefined || options.item !== undefined;
  const own = () => ownActions(alongside?.(item), ACTIONS_OF_CLAIM, [table, bank, bank.ledger]);
  return claims.send({
    deduplicationId,
    item,
    patience,
    isInBulk,
    cancellationsByOthers,
    heldUntil,
    ownActions: travelsAlone ? own() : undefined,
  });
}

/** An item that was asked for did not come from the pool, which only has to know that it has left. */
function settlementOf(
  bank: ItemBankTable,
  { options, contradictions }: Call,
  candidate: Candidate,
) {
  return (settlement: Settlement) => {
    if (options.item === undefined) bank.candidates.settle(candidate, settlement, contradictions);
    else if (settlement === 'won') bank.candidates.noteDeparture(candidate.item);
  };
}

/** The item has left the bank: `null` for another one, or `taken` if it was asked for. */
async function goneOf(
  claims: GroupedClaims,
  call: Call,
  item: string,
): Promise<AnyClaimResult | null> {
  const { bank, table } = claims;
  const { contradictions } = call;
  const isChosen = call.options.item !== undefined;
  const isStillThere = isChosen && (await isContradicted(bank, item, contradictions));
  assertOneAccount(bank, table, contradictions);
  if (!isChosen || isStillThere) return null;
  return existingOr(claims, call, { status: 'taken', item: null });
}

/** A condition of the caller's own writes has failed, and as far as DynamoDB told, none of the claim's own. */
async function refusedOf(
  claims: GroupedClaims,
  call: Call,
  { error, reasons }: Extract<ClaimOutcome, { status: 'conditionFailed' }>,
): Promise<AnyClaimResult | Obstacle> {
  const isHeldUp = reasons.slice(0, ACTIONS_OF_CLAIM).some(({ Code = 'None' }) => Code !== 'None');
  if (isHeldUp || !hasOwnConditionFailed(reasons, ACTIONS_OF_CLAIM)) return new Obstacle(error);
  const row = await claims.table.readRowInTransaction(call.deduplicationId);
  const existing = await existingOf(claims, call, row);
  if (existing !== null) return existing;
  throw ownWritesRefused(error, reasons, ACTIONS_OF_CLAIM);
}

/** A conflict on the ID's own row, or on the caller's own rows, says nothing about the item. */
function settlementOfObstacle(error: unknown): Settlement {
  const [assignment, removal] = cancellationCodes(error);
  const isThrottled = [assignment, removal].some(isThrottlingReason);
  if (isThrottled || isThrottling(error)) return 'throttled';
  return removal === 'None' ? 'kept' : 'inConflict';
}
