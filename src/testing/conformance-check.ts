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

export interface ConformanceCheck {
  /** What must hold; starts with the promise that it is about, where there is one. */
  readonly name: string;
  /** Rejects with an `AssertionError` that tells what was expected and what came. */
  run(storage: TestStorage): Promise<void>;
}
