// What a contestant is, on any store.

/** 'storagebox' is the package as it is. */
export const CONTESTANTS = ['limit', 'storagebox', 'usual recipe'] as const;
export type ContestantName = (typeof CONTESTANTS)[number];

/** Where a contestant finds its two tables. */
export interface Place {
  /** A URL, or the path of a file. */
  readonly location: string;
  readonly bank: string;
  readonly assignments: string;
}

export interface Contestant {
  /**
   * The item of the ID; `null`: none left.
   *
   * @param number of the call: the limit takes the item of the same number
   */
  claim(deduplicationId: string, number: number): Promise<string | null>;
  close(): Promise<void>;
}
