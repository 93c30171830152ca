// Sends claims of one process, for one bank and one table: each by itself while few are under way, else
// several in one transaction. Whatever a claim travels with, it learns only what became of itself.
//
//   committed ─────────────────────────────────────► every claim is
//   cancelled ── own condition failed ─────────────► conditionFailed
//        │ own rows in conflict, or throttled ─────► obstructed
//        │ nothing against this claim ─────────────► cancelledByOthers
//   refused, without a reason for a single claim ──► each is sent alone, once
//   no answer ── same bytes, same token, again ────► each fails by itself: never regrouped
import { TransactionCanceledException, type TransactWriteItem } from '@aws-sdk/client-dynamodb';
import { OutcomeUnknownError } from '../../contracts/errors.js';
import { GroupCommit, type GroupOutcome, type GroupWrite } from '../../store-kit/group-commit.js';
import { CLAIM_PATIENCE_MS, type Patience } from '../../store-kit/patience.js';
import type { DeduplicationTable } from '../deduplication-table.js';
import type { ItemBankTable } from '../item-bank-table.js';
import { isPassingReason, isThrottling } from '../obstacles.js';
import { isOutcomeUnknownError } from '../put-if-absent.js';
import {
  hasConditionFailed,
  reasonsOf,
  sendTransaction,
  type TransactionOutcome,
} from '../transaction.js';

/**
 * A process with fewer callers sends each claim at once. At DynamoDB's usual latency a busy process cannot
 * keep many more transactions under way, and what waits a moment saves the CPU of a request.
 */
export const MAX_TRANSACTIONS_UNDER_WAY = 8;

/**
 * Half of what a transaction has room for. More rows take DynamoDB longer, and more claims have to repeat
 * when one of them is cancelled.
 */
export const MAX_GROUP_SIZE = 25;

/** Of a bulk hand-out: as many as a transaction has room for. */
export const MAX_BULK_GROUP_SIZE = 50;

/** A claim that others held up so often goes alone. */
export const MAX_CANCELLATIONS_BY_OTHERS = 2;

export interface GroupedClaim {
  readonly deduplicationId: string;
  readonly item: string;
  readonly patience: Patience;
  readonly isInBulk: boolean;
  /** How often the outcome of the call's claims was `cancelledByOthers`. */
  readonly cancellationsByOthers: number;
  /** `null`: for good. */
  readonly heldUntil: Date | null;
  /**
   * Set for a claim that shares no transaction, and does not wait for others: further actions for its
   * transaction, behind the two of the claim. Their conflicts say nothing about the groups.
   */
  readonly ownActions: readonly TransactWriteItem[] | undefined;
}

export type ClaimOutcome =
  | Exclude<TransactionOutcome, { status: 'failed' }>
  /** Others, or throttling, were in the way, and this attempt wrote nothing. */
  | { readonly status: 'obstructed'; readonly error: unknown; readonly isInDoubt: boolean }
  /** The transaction was cancelled, and nothing is known against this claim. */
  | { readonly status: 'cancelledByOthers'; readonly isInDoubt: boolean }
  /** Nothing was written, unless the error is an `OutcomeUnknownError`. */
  | { readonly status: 'failed'; readonly error: unknown };

export class GroupedClaims {
  readonly bank: ItemBankTable;
  readonly table: DeduplicationTable;
  readonly #commits = new GroupCommit<GroupedClaim & GroupWrite, ClaimOutcome>(
    MAX_TRANSACTIONS_UNDER_WAY,
    (claims, patience) => this.#commit(claims, patience),
  );

  constructor(bank: ItemBankTable, table: DeduplicationTable) {
    this.bank = bank;
    this.table = table;
  }

  /** Whether a further claim has to wait. */
  get isRush(): boolean {
    return this.#commits.isRush;
  }

  /** @throws ContentionError or the signal's reason when the patience ends before it is sent */
  send(claim: GroupedClaim): Promise<ClaimOutcome> {
    if (claim.ownActions !== undefined) return this.#sendAlone(claim, false);
    const isAlone = claim.cancellationsByOthers >= MAX_CANCELLATIONS_BY_OTHERS;
    const maxTogether = claim.isInBulk ? MAX_BULK_GROUP_SIZE : MAX_GROUP_SIZE;
    const maxGroupSize = isAlone ? 1 : maxTogether;
    return this.#commits.write({ ...claim, key: claim.deduplicationId, maxGroupSize });
  }

  async #commit(
    claims: readonly GroupedClaim[],
    patience: Patience,
  ): Promise<GroupOutcome<ClaimOutcome>> {
    const outcome = await this.#sendTransaction(claims, patience);
    const outcomes = await Promise.all(
      claims.map((claim, position) => {
        const own = outcomeOf(claim, position, claims.length, outcome);
        return own.status === 'unexplained' ? this.#sendAlone(claim, own.isInDoubt) : own;
      }),
    );
    if (outcome.status === 'committed') return { group: 'committed', outcomes };
    return { group: isThrottling(outcome.error) ? 'throttled' : 'setback', outcomes };
  }

  async #sendAlone(claim: GroupedClaim, isInDoubt: boolean): Promise<ClaimOutcome> {
    const outcome = await this.#sendTransaction([claim], claim.patience, isInDoubt);
    return outcomeOf(claim, 0, 1, outcome) as ClaimOutcome;
  }

  #sendTransaction(
    claims: readonly GroupedClaim[],
    patience: Patience,
    isInDoubt = false,
  ): Promise<TransactionOutcome> {
    const { bank, table } = this;
    return sendTransaction({
      tables: [table, bank],
      actions: claims.flatMap(({ deduplicationId, item, heldUntil, ownActions = [] }) => [
        { Put: table.assignment(deduplicationId, item, bank.tableName, heldUntil) },
        { Delete: bank.removal(item) },
        ...ownActions,
      ]),
      patienceMs: CLAIM_PATIENCE_MS,
      patience,
      signal: patience.signal,
      isInDoubt,
      yieldsToObstacles: true,
    });
  }
}

/** The transaction failed, and DynamoDB did not say why in a way that fits the claim. */
interface Unexplained {
  readonly status: 'unexplained';
  readonly isInDoubt: boolean;
}

/** What became of one of the claims, at its position in the group. */
function outcomeOf(
  claim: GroupedClaim,
  position: number,
  groupSize: number,
  outcome: TransactionOutcome,
): ClaimOutcome | Unexplained {
  const isAlone = groupSize === 1;
  switch (outcome.status) {
    case 'committed':
      return outcome;
    case 'conditionFailed': {
      const { error, isInDoubt } = outcome;
      return isAlone ? outcome : outcomeByReasons(error, position, groupSize, isInDoubt);
    }
    case 'failed': {
      const { error, isObstructed, isRefused } = outcome;
      if (isObstructed) {
        return isAlone || isThrottling(error)
          ? { status: 'obstructed', error, isInDoubt: false }
          : outcomeByReasons(error, position, groupSize, false);
      }
      if (isRefused && !isAlone) return { status: 'unexplained', isInDoubt: false };
      return { status: 'failed', error: position === 0 ? error : ownErrorOf(claim, error) };
    }
  }
}

/** Each call whose outcome is unknown throws an error of its own. */
function ownErrorOf({ patience }: GroupedClaim, error: unknown): unknown {
  if (!isOutcomeUnknownError(error)) return error;
  const { cause } = error as OutcomeUnknownError;
  return new OutcomeUnknownError(patience.elapsedMs, { cause });
}

/** Reads the claim's own two reasons, and no other. */
function outcomeByReasons(
  error: unknown,
  position: number,
  groupSize: number,
  isInDoubt: boolean,
): ClaimOutcome | Unexplained {
  const all = reasonsOf(error);
  if (all.length !== 2 * groupSize) return { status: 'unexplained', isInDoubt };
  const reasons = all.slice(2 * position, 2 * position + 2);
  if (reasons.some(hasConditionFailed)) {
    return { status: 'conditionFailed', error, reasons, isInDoubt };
  }
  if (reasons.some(({ Code }) => isPassingReason(Code))) {
    const { message, $metadata } = error as TransactionCanceledException;
    const own = { message, $metadata, CancellationReasons: reasons };
    return { status: 'obstructed', error: new TransactionCanceledException(own), isInDoubt };
  }
  const isBlameless = reasons.every(({ Code = 'None' }) => Code === 'None');
  return { status: isBlameless ? 'cancelledByOthers' : 'unexplained', isInDoubt };
}
