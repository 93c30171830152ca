// What the quickstart has to know of a store, so that one sale runs on each of them.
import type {
  DeduplicationLooking,
  DeduplicationRepository,
  ItemBankLooking,
  ItemBankRepository,
} from 'storagebox/core';

/** What each file that is named after a store exports. */
export interface Store {
  /** Starts a server if the store has one, and makes the tables. */
  start(): Promise<StartedStore>;
  /** Connects to the tables; every process does it for itself. */
  open(location: string): OpenStore;
}

export interface StartedStore {
  /** What `open` needs to find the tables, in any process. */
  readonly location: string;
  /** Stops the server, and leaves nothing behind. */
  stop(): Promise<void>;
}

export interface OpenStore {
  readonly itemRepo: ItemBankRepository & ItemBankLooking;
  readonly deduplicationRepo: DeduplicationRepository & DeduplicationLooking;
  /** How many requests were sent, by operation; only where the price of the store is by the request. */
  readonly requests?: Readonly<Record<string, number>>;
  close(): Promise<void>;
}
