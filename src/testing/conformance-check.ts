import type { DeduplicationRepository } from '../contracts/deduplication-repository.js';
import type { ItemBankRepository } from '../contracts/item-bank-repository.js';

/** A pair as one process holds it. */
export interface RepositoryPair {
  readonly itemRepo: ItemBankRepository;
  readonly deduplicationRepo: DeduplicationRepository;
}

/** An empty bank and an empty deduplication store, used by one check alone. */
export interface TestStorage {
  /** Opens the same storage once more, as another process would. */
  open(): RepositoryPair;
  /**
   * Optional. Makes every later call to the store fail, also those of pairs that are open already:
   * cut the connection, take the permissions away, stop the server. Choose a failure that the backend
   * does not retry for long. Without it, no check says what the backend does when its store fails.
   */
  breakStore?(): void | Promise<void>;
  /**
   * Optional. Opens the same deduplication store with an empty bank that has a ledger, once more at each
   * call. It may be the bank of `open`. Without it, no check says whether an item enters only once.
   */
  openWithLedger?(): RepositoryPair;
  /**
   * Optional. Own writes for the checks of `alongside`, if the pair knows that feature. The counters may be
   * anywhere where the pair can write for its caller, and start from 0. Without it, no check says whether own
   * writes are made once, with the call or not at all.
   */
  ownWrites?(): OwnWritesForTests | Promise<OwnWritesForTests>;
  /**
   * Optional. Begins a transaction as a caller of the pair would, calls `body` with what is to be passed as
   * `within`, and commits when it resolves. If it rejects, rolls back and rejects with the same error. Several may
   * be open at once, or each waits for the one before. Without it, no check says whether calls with `within` come
   * to pass at the commit alone.
   */
  inOwnTransaction?(body: (within: object) => Promise<void>): Promise<void>;
  /** Called when the check has ended, however it ended, also after `breakStore`. */
  dispose?(): Promise<void>;
}

/** What a function that is passed as `alongside` returns for the pair, and what has become of it. */
export interface OwnWritesForTests {
  /** Adds 1 to the counter of that name. */
  adding(name: string): unknown;
  /** The same, and beside it something that the store refuses, such as a condition that does not hold. */
  addingInVain(name: string): unknown;
  /** How far the counter has come. */
  countOf(name: string): Promise<number>;
}

/**
 * Makes an empty storage of its own for each check. If assignments name their bank, the banks of two
 * storages need two names: some checks make a second storage and expect that the banks are told apart.
 */
export type CreateStorage = () => TestStorage | Promise<TestStorage>;

/**
 * `P1` an ID always gets the same one item; `P2` an item goes to at most one ID; `P3` no item is
 * lost; `P4` `null` only if nothing is left for the ID; `P5` a failure throws; `P6` a claim that threw
 * may be retried.
 */
export type PromiseName = 'P1' | 'P2' | 'P3' | 'P4' | 'P5' | 'P6';

/**
 * `chosenItems`, `holds`, `alongside` and `within` are the features `item`, `holdForMs`, `alongside` and `within` of
 * the pair's atomic writes, `groups` is their method `claimItems`. `ownTransaction` is `inOwnTransaction` of the
 * storage.
 */
export type ConformanceNeed =
  | 'releaseItem'
  | 'chosenItems'
  | 'holds'
  | 'groups'
  | 'alongside'
  | 'ownWrites'
  | 'within'
  | 'ownTransaction'
  | 'lookingAtItems'
  | 'lookingAtAssignments'
  | 'ledger'
  | 'fillingLedger'
  | 'breakStore';

export interface ConformanceCheck {
  /** What must hold. */
  readonly name: string;
  /** The promises that are broken if the check fails; none if it tests a lesser expectation. */
  readonly promises: readonly PromiseName[];
  /**
   * What the check needs: an optional contract of the pair (methods and features of its atomic writes,
   * `ItemBankLooking`, `DeduplicationLooking`, `ItemBankLedger`), or a part of the storage (`openWithLedger`,
   * `breakStore`, `ownWrites`, `inOwnTransaction`). If something is missing, there is nothing to check but that a
   * call for it is refused.
   */
  readonly needs?: ConformanceNeed | readonly ConformanceNeed[];
  /**
   * Rejects with an `AssertionError` that says what was expected and what came.
   *
   * @param createStorage makes a further storage, for checks that two banks are not mixed up; only
   *   such checks reject without it
   */
  run(storage: TestStorage, createStorage?: CreateStorage): Promise<void>;
}
