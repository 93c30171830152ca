// The messages between the quickstart and its server processes.
import type { StoreName } from './stores/index.js';

/** To a server: what to do when the message 'go' comes. */
export interface Start {
  readonly store: StoreName;
  /** Where the store is, for its `open`. */
  readonly location: string;
  /** One for each click; a user can occur more than once. */
  readonly userIds: readonly string[];
}

/** The answer to one click; `null` means "sold out". */
export interface Click {
  readonly userId: string;
  readonly voucherCode: string | null;
}

/** From a server, when all its clicks are answered. */
export interface Report {
  readonly clicks: readonly Click[];
  /** How many requests it sent, by operation; not from every store. */
  readonly requests?: Readonly<Record<string, number>> | undefined;
}
