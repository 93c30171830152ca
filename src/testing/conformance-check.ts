import type { DeduplicationRepository } from '../deduplication-repository.js';
import type { ItemBankRepository } from '../item-bank-repository.js';

/** A pair as one process holds it. */
export interface RepositoryPair {
  readonly itemRepo: ItemBankRepository;
  readonly deduplicationRepo: DeduplicationRepository;
}

/** An empty bank and an empty deduplication store, used by one check alone. */
export interface TestStorage {
  /** Opens the same storage once more, as another process would. */
  open(): RepositoryPair;
  /** Called when the check has ended, however it ended. */
  dispose?(): Promise<void>;
}

/**
 * `P1` an ID always gets the same one item; `P2` an item goes to at most one ID; `P3` no item is
 * lost; `P4` `null` only if nothing is left for the ID; `P5` a failure throws; `P6` a claim that threw
 * may be made again.
 */
export type PromiseName = 'P1' | 'P2' | 'P3' | 'P4' | 'P5' | 'P6';

export interface ConformanceCheck {
  /** What must hold. */
  readonly name: string;
  /** The promises that break with it; none where a lesser expectation does. */
  readonly promises: readonly PromiseName[];
  /** What the atomic claim of the pair has to offer. Without it there is nothing to check. */
  readonly needs?: 'releaseItem';
  /** Rejects with an `AssertionError` that tells what was expected and what came. */
  run(storage: TestStorage): Promise<void>;
}
