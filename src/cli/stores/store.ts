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
  /** Loads the driver and opens what the options name. Sends no request yet. */
  open(options: StoreOptions, signal: AbortSignal): Promise<OpenStore>;
  /** What a failure of this store, or of loading its driver, means; `null` for any other error. */
  describeFailure(error: unknown): Failure | null;
}

/** As Commander parsed them. A store knows its own. */
export type StoreOptions = Readonly<Record<string, unknown>>;

export interface OpenStore {
  readonly itemRepo: ItemBankRepository & ItemBankLooking & ItemBankLedger;
  readonly deduplicationRepo: DeduplicationRepository & DeduplicationLooking;
  readonly deduplicator: Deduplicator;
  /** As assignments name it. */
  readonly itemBankName: string;
  /** `undefined` without a ledger. */
  readonly ledgerName: string | undefined;
  readonly audit: AuditedStore;
  /** Tells this store from any other: a listing can be resumed only where all of it is the same. */
  identity(): Promise<Readonly<Record<string, string | null>>>;
  /** Creates what does not exist yet, and leaves the rest alone. */
  init(): Promise<readonly InitializedTable[]>;
  /** What can be wrong with the set-up, found without writing anything. */
  findings(): AsyncGenerator<Finding, void, void>;
  /** Whether the ledger lists what it should. Reads a sample. */
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
   * `unfilled`: the ledger lacks items that are in the bank or were handed out. `unused`: there are no
   * such items. `none`: there is no ledger.
   */
  | { readonly state: 'filled' | 'unused' | 'unfilled' | 'none' }
  /** It could not be read: `reason` for people, or `null` where the command itself will fail and say it. */
  | { readonly state: 'unknown'; readonly reason: string | null };

/** What an audit reads and repairs beyond the contracts. */
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
