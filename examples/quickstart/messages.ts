// The messages between the quickstart and its server processes.

export interface TableNames {
  readonly itemBank: string;
  readonly deduplication: string;
}

/** To a server: what to do when the message 'go' comes. */
export interface Start {
  readonly tableNames: TableNames;
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
  /** How many requests it sent, by DynamoDB operation. */
  readonly requests: Readonly<Record<string, number>>;
}
