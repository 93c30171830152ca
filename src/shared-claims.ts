// A user who clicks twice asks the same process twice at once: one claim serves both calls.
import type { ClaimResult } from './deduplication-repository.js';

type BeginClaim = (signal: AbortSignal) => Promise<ClaimResult>;

interface SharedClaim {
  readonly result: Promise<ClaimResult>;
  readonly controller: AbortController;
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
      const result = await this.#wait(deduplicationId, earlier, signal);
      // That claim may have looked at the bank before this call began, so it cannot say for this
      // call that the bank was empty. Whatever is under way now began after it.
      if (result.status !== 'exhausted') return result;
      signal?.throwIfAborted();
    }
    const claim = this.#underWay.get(deduplicationId) ?? this.#begin(deduplicationId, begin);
    return this.#wait(deduplicationId, claim, signal);
  }

  #begin(deduplicationId: string, begin: BeginClaim): SharedClaim {
    const controller = new AbortController();
    const claim: SharedClaim = {
      result: begin(controller.signal).finally(() => {
        this.#forget(deduplicationId, claim);
      }),
      controller,
      waitingCalls: 0,
      isClaimTold: false,
    };
    // When every call has gone away, nobody is left to see the rejection.
    claim.result.catch(() => {});
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
      const result = await untilAborted(claim.result, signal);
      if (result.status === 'claimed' && claim.isClaimTold)
        return { ...result, status: 'existing' };
      claim.isClaimTold = true;
      return result;
    } finally {
      claim.waitingCalls--;
      if (claim.waitingCalls === 0 && this.#forget(deduplicationId, claim)) {
        claim.controller.abort();
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

/** The promise's outcome, or the signal's reason if that comes first. */
function untilAborted<Value>(promise: Promise<Value>, signal?: AbortSignal): Promise<Value> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
