// A user who clicks twice asks the same process twice at once. The second call does not take over
// what the first one's claim comes to: that claim may have looked before the call began, and items
// come and go in between. It waits, and shares one look with all that came meanwhile.
import type { ClaimResult } from './deduplication-repository.js';
import { untilAborted } from './until-aborted.js';

/** `isRepeat`: a claim for the same ID has just ended, so the ID is likely to have an item. */
type BeginClaim = (isRepeat: boolean, signal: AbortSignal | undefined) => Promise<ClaimResult>;

interface SharedClaim {
  readonly result: Promise<ClaimResult>;
  /** Absent when a call without a signal began it: that one stays to the end. */
  readonly controller: AbortController | undefined;
  waitingCalls: number;
  /** Whether a call was told `claimed`: a first hand-out is told once. */
  isClaimTold: boolean;
}

export class SharedClaims {
  readonly #underWay = new Map<string, SharedClaim>();

  async run(
    deduplicationId: string,
    begin: BeginClaim,
    signal: AbortSignal | undefined,
  ): Promise<ClaimResult> {
    signal?.throwIfAborted();
    const earlier = this.#underWay.get(deduplicationId);
    if (earlier !== undefined) {
      await this.#wait(deduplicationId, earlier, signal);
      signal?.throwIfAborted();
    }
    // Whatever is under way now began after this call did.
    const claim =
      this.#underWay.get(deduplicationId) ??
      this.#begin(deduplicationId, begin, earlier !== undefined, signal);
    const result = await this.#wait(deduplicationId, claim, signal);
    if (result.status !== 'claimed') return result;
    if (claim.isClaimTold) return { ...result, status: 'existing' };
    claim.isClaimTold = true;
    return result;
  }

  #begin(
    deduplicationId: string,
    begin: BeginClaim,
    isRepeat: boolean,
    signal: AbortSignal | undefined,
  ): SharedClaim {
    const controller = signal && new AbortController();
    const claim: SharedClaim = {
      result: begin(isRepeat, controller?.signal),
      controller,
      waitingCalls: 0,
      isClaimTold: false,
    };
    const forget = () => {
      this.#forget(deduplicationId, claim);
    };
    // Before any waiting call goes on. A rejection that every call has gone away from is seen here.
    claim.result.then(forget, forget);
    this.#underWay.set(deduplicationId, claim);
    return claim;
  }

  async #wait(
    deduplicationId: string,
    claim: SharedClaim,
    signal: AbortSignal | undefined,
  ): Promise<ClaimResult> {
    claim.waitingCalls++;
    try {
      return await untilAborted(claim.result, signal);
    } finally {
      claim.waitingCalls--;
      if (claim.waitingCalls === 0 && this.#forget(deduplicationId, claim)) {
        claim.controller?.abort();
      }
    }
  }

  /** Whether the claim was still under way. */
  #forget(deduplicationId: string, claim: SharedClaim): boolean {
    const isUnderWay = this.#underWay.get(deduplicationId) === claim;
    if (isUnderWay) this.#underWay.delete(deduplicationId);
    return isUnderWay;
  }
}
