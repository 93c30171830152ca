// What the quickstart and its server processes tell each other.

export interface TableNames {
  readonly itemBank: string;
  readonly deduplication: string;
}

/** To a server: what to do, as soon as it is told to go. */
export interface Start {
  readonly tableNames: TableNames;
  /** One for each press of the button; a user can occur more than once. */
  readonly userIds: readonly string[];
}

/** What a press came to; `null` is "sold out". */
export interface Press {
  readonly userId: string;
  readonly voucherCode: string | null;
}

/** From a server, once all its presses are answered. */
export interface Report {
  readonly presses: readonly Press[];
  /** How many requests were sent, by DynamoDB operation. */
  readonly requests: Readonly<Record<string, number>>;
}
