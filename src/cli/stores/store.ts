// The seam between the commands and the stores. The commands know a store by these types alone; a store's
// folder has all the rest: its options, how it is opened, and what its failures mean.
import type { Command } from 'commander';
import type {
  DeduplicationLooking,
  DeduplicationRepository,
  Deduplicator,
  ItemBankLedger,
  ItemBankLooking,
  ItemBankRepository,
} from 'storagebox/core';
import type { Failure } from '../failures.js';

/** A kind of store. Nothing here loads the store's driver, so that the help works without it. */
export interface Store {
  /** Adds the options that say where the items are. */
  addOptions(program: Command): void;
  /** Checks the name of an item bank in an argument; throws Commander's `InvalidArgumentError`. */
  parseItemBankName(text: string): string;
  /** Loads the driver and opens what is asked for. Sends no request yet. */
  open(request: OpenRequest): Promise<OpenStore>;
  /**
   * What can be wrong with the set-up, found without writing anything: from what is needed first to what
   * builds on it. After a fault, what it would make misleading is left out. Opens what it needs by itself, so
   * that it has something to say where nothing can be opened.
   */
  examine(request: OpenRequest): AsyncGenerator<Finding, void, void>;
  /**
   * What a failure of this store, or of loading its driver, means; `null` for any other error, such as one
   * of a file that the user named.
   */
  describeFailure(error: unknown): Failure | null;
}

export interface OpenRequest {
  /** What follows the name of the store and a colon in `--store`; empty if nothing does. */
  readonly location: string;
  /** All options, as Commander parsed them. A store knows its own. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Further banks that items may be released to, checked by `parseItemBankName`. */
  readonly releaseBanks: readonly string[];
  /** Whether the command is there to create what does not exist yet. */
  readonly isCreating: boolean;
  /** Aborted when the command is stopped. */
  readonly signal: AbortSignal;
}

export interface OpenStore {
  readonly itemRepo: ItemBankRepository & ItemBankLooking & ItemBankLedger;
  readonly deduplicationRepo: DeduplicationRepository & DeduplicationLooking;
  readonly deduplicator: Deduplicator;
  /** As assignments name it. */
  readonly itemBankName: string;
  /** Any name by which people know it, for messages; `undefined` without a ledger. */
  readonly ledgerName: string | undefined;
  readonly audit: AuditedStore;
  /**
   * Tells this store from any other, with full paths: an export can be resumed only where all of it is the
   * same. It is kept in a file, so the keys have to stay.
   */
  identity(): Promise<Readonly<Record<string, string | null>>>;
  /** Creates what does not exist yet, and leaves the rest alone. */
  init(): Promise<readonly InitializedTable[]>;
  /**
   * Refuses a store that keeps deduplication IDs in another way than the options say, in clear or hashed: it
   * would take those that have an item for new ones. Reads a sample.
   *
   * @returns why it could not be checked, for people, or `null`
   * @throws CommandFailure
   */
  assertIdsAreOurs(): Promise<string | null>;
  /** Whether the ledger lists what it should. Reads a sample. Throws what the command could not outlive. */
  lookAtLedger(): Promise<LedgerLook>;
  /** Closes what was opened. */
  close(): void | Promise<void>;
}

export interface InitializedTable {
  readonly tableName: string;
  /** `false` if it was there before. */
  readonly isCreated: boolean;
}

export interface Finding {
  /** `unknown`: it could not be checked. */
  readonly level: 'ok' | 'warning' | 'fault' | 'unknown';
  readonly subject: string;
  readonly message: string;
  readonly remedy: string | null;
}

export type LedgerLook =
  /**
   * `unused`: there are no items that are in the bank or were handed out. `none`: there is no ledger.
   */
  | { readonly state: 'filled' | 'unused' | 'none' }
  /** The ledger lacks such items: `remedy` says what to do. */
  | { readonly state: 'unfilled'; readonly remedy: string }
  /** It could not be read: `reason` for people, or `null` where the command itself will fail and say it. */
  | { readonly state: 'unknown'; readonly reason: string | null };

/** What an audit reads and repairs beyond the contracts, by the public API of the store or by its driver. */
export interface AuditedStore {
  /** Everything in the ledger, in no particular order; nothing without one. */
  ledgerEntries(segments: number): AsyncIterable<LedgerEntry>;
  /** Where an item is at one moment, and which of these IDs have it: all of it from one consistent read. */
  lookAt(item: string, deduplicationIds: readonly string[]): Promise<Whereabouts>;
  /**
   * Takes the item out of the bank, if at the same moment the owner has it, or, without an owner, the ledger
   * says that it was retired.
   *
   * @returns whether it was taken out
   */
  takeOutOfBank(item: string, owner: string | undefined): Promise<boolean>;
}

export interface LedgerEntry {
  readonly item: string;
  readonly isRetired: boolean;
}

export interface Whereabouts {
  readonly isInBank: boolean;
  readonly isInLedger: boolean;
  readonly isRetired: boolean;
  /** Those of the IDs that have it. */
  readonly owners: readonly string[];
}
