// A user who clicks twice asks the same process twice at once. The second call does not use the result
// of the first one's claim: that claim may have read the store before the second call began, and they
// may have changed since. Nor does it use its error: that claim's time limit began earlier. It waits until
// the first claim has ended, and then shares one claim with all calls that came meanwhile. Only calls that ask
// for the same share a claim.
import type { AnyClaimResult } from '../contracts/atomic-writes.js';
import { ContentionError } from '../contracts/errors.js';
import { runtime } from '../environment/runtime.js';
import { CLAIM_PATIENCE_MS } from '../store-kit/patience.js';
import { untilAborted } from '../store-kit/until-aborted.js';

/** `isRepeat`: a claim for the same ID has just ended, so the ID is likely to have an item. */
type BeginClaim = (isRepeat: boolean, signal: AbortSignal | undefined) => Promise<AnyClaimResult>;

interface SharedClaim {
  readonly result: Promise<AnyClaimResult>;
  /** Resolves when the claim has ended, whether it failed or not. */
  readonly ended: Promise<void>;
  /** Absent when a call without a signal began the claim: that call cannot stop waiting. */
  readonly controller: AbortController | undefined;
  waitingCalls: number;
  /** Whether a call got the result `claimed`, which only one call may get. */
  isClaimTold: boolean;
}

export class SharedClaims {
  readonly #underWay = new Map<string, SharedClaim>();

  /**
   * @param key of all calls that ask for the same
   * @throws ContentionError when an earlier claim for the ID did not end while this call could wait
   */
  run(key: string, begin: BeginClaim, signal: AbortSignal | undefined): Promise<AnyClaimResult> {
    const earlier = this.#underWay.get(key);
    if (earlier !== undefined || signal !== undefined) {
      return this.#share(key, begin, earlier, signal);
    }
    // Returns the claim's own promise and creates no other: 100,000 such calls can wait at once.
    const claim = this.#begin(key, begin, false, undefined);
    claim.isClaimTold = true;
    return claim.result;
  }

  async #share(
    key: string,
    begin: BeginClaim,
    earlier: SharedClaim | undefined,
    signal: AbortSignal | undefined,
  ): Promise<AnyClaimResult> {
    signal?.throwIfAborted();
    if (earlier !== undefined) {
      await this.#wait(key, earlier, inTime(earlier.ended), signal);
      signal?.throwIfAborted();
    }
    // Whatever is under way now began after this call did.
    const claim = this.#underWay.get(key) ?? this.#begin(key, begin, earlier !== undefined, signal);
    const result = await this.#wait(key, claim, claim.result, signal);
    if (result.status !== 'claimed') return result;
    if (claim.isClaimTold) return { ...result, status: 'existing' };
    claim.isClaimTold = true;
    return result;
  }

  #begin(
    key: string,
    begin: BeginClaim,
    isRepeat: boolean,
    signal: AbortSignal | undefined,
  ): SharedClaim {
    const controller = signal && new AbortController();
    const result = begin(isRepeat, controller?.signal);
    const forget = () => {
      this.#forget(key, claim);
    };
    const claim: SharedClaim = {
      result,
      // Runs before any waiting call continues. Also handles a rejection for which no call waits any more.
      ended: result.then(forget, forget),
      controller,
      waitingCalls: 0,
      isClaimTold: false,
    };
    this.#underWay.set(key, claim);
    return claim;
  }

  async #wait<Value>(
    key: string,
    claim: SharedClaim,
    promise: Promise<Value>,
    signal: AbortSignal | undefined,
  ): Promise<Value> {
    claim.waitingCalls++;
    try {
      return await untilAborted(promise, signal);
    } finally {
      claim.waitingCalls--;
      const { controller, waitingCalls } = claim;
      const isLeft = controller !== undefined && waitingCalls === 0;
      if (isLeft && this.#forget(key, claim)) controller.abort();
    }
  }

  /** Whether the claim was still under way. */
  #forget(key: string, claim: SharedClaim): boolean {
    const isUnderWay = this.#underWay.get(key) === claim;
    if (isUnderWay) this.#underWay.delete(key);
    return isUnderWay;
  }
}

/** Limits how long a call waits for an earlier claim, whose request can stall for longer. */
function inTime(ended: Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    const disarm = runtime.after(CLAIM_PATIENCE_MS, () => {
      const cause = new Error('An earlier call with the same deduplication ID has not ended.');
      reject(new ContentionError(CLAIM_PATIENCE_MS, { cause }));
    });
    void ended.then(() => {
      disarm();
      resolve();
    });
  });
}
