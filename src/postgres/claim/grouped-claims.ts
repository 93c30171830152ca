// Claims of one process travel together: each by itself while few are under way, else up to 200 in one statement.
// Whatever a claim travels with, it learns only what became of itself.

import { runtime } from '../../environment/runtime.js';
import { GroupCommit, type GroupOutcome, type GroupWrite } from '../../store-kit/group-commit.js';
import type { Patience } from '../../store-kit/patience.js';
import { isLockTimeout, isObstacle } from '../refusals.js';
import { publishContention } from '../statements.js';
import { type ClaimOutcome, claimMany, claimOne, outcomeOf, type Wish } from './claim-statement.js';
import { type Pair, tableNamesOf } from './pair.js';

const MAX_GROUP_SIZE = 200;
/** Fewer and larger statements cost less: a second one goes only when it is full, or when the first one stalls. */
const MAX_STATEMENTS_UNDER_WAY = 2;
/** One that waits for a lock does not stop the process; a full one without locks takes a tenth of that. */
const STALL_MS = 100;

/** Enough for two full statements. */
export const BULK_CONCURRENCY = MAX_STATEMENTS_UNDER_WAY * MAX_GROUP_SIZE;

type GroupedClaim = GroupWrite & Wish;

export class GroupedClaims {
  readonly #pair: Pair;
  readonly #commits = new GroupCommit<GroupedClaim, ClaimOutcome>(
    (waiting) => (waiting < MAX_GROUP_SIZE ? 1 : MAX_STATEMENTS_UNDER_WAY),
    (claims, patience) => this.#commit(claims, patience),
    { firstGroupSize: MAX_GROUP_SIZE, stallMs: STALL_MS },
  );

  constructor(pair: Pair) {
    this.#pair = pair;
  }

  /** @throws ContentionError or the signal's reason when the patience ends before it is sent */
  send(wish: Wish, patience: Patience): Promise<ClaimOutcome> {
    return this.#commits.write({ ...wish, key: wish.id, patience, maxGroupSize: MAX_GROUP_SIZE });
  }

  async #commit(
    claims: readonly GroupedClaim[],
    patience: Patience,
  ): Promise<GroupOutcome<ClaimOutcome>> {
    const [first] = claims;
    if (claims.length === 1 && first !== undefined) {
      return { group: 'committed', outcomes: [await sendAlone(this.#pair, first)] };
    }
    const startMs = runtime.nowMs();
    try {
      const answer = await claimMany(this.#pair, this.#pair.session, claims, {
        waitMs: patience.leftMs,
      });
      return { group: 'committed', outcomes: claims.map((claim) => outcomeOf(answer, claim)) };
    } catch (error) {
      if (!isObstacle(error)) throw error;
      publishContention(1, startMs, tableNamesOf(this.#pair));
      // Another transaction holds one of the IDs: the others must not wait for it.
      const outcomes = isLockTimeout(error)
        ? await Promise.all(claims.map((claim) => sendAlone(this.#pair, claim)))
        : claims.map(() => ({ status: 'obstructed', error }) as const);
      return { group: 'setback', outcomes };
    }
  }
}

function sendAlone(pair: Pair, claim: GroupedClaim): Promise<ClaimOutcome> {
  const waitMs = claim.patience.leftMs;
  return orObstructed(pair, 1, () => claimOne(pair, pair.session, claim, { waitMs }));
}

/** The outcome of an attempt, also if another transaction was in its way. */
export async function orObstructed(
  pair: Pair,
  attempt: number,
  claim: () => Promise<ClaimOutcome>,
): Promise<ClaimOutcome> {
  const startMs = runtime.nowMs();
  try {
    return await claim();
  } catch (error) {
    if (!isObstacle(error)) throw error;
    publishContention(attempt, startMs, tableNamesOf(pair));
    return { status: 'obstructed', error };
  }
}
