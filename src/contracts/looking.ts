// Optional contracts: counting, listing and looking up what a store holds. Nothing here writes.
import { hasMethods } from './validation.js';

/** Which item an ID has. */
export interface Assignment {
  readonly deduplicationId: string;
  readonly item: string;
  /**
   * The bank that the item came from, as in the result of the claim; `null` if the assignment does not
   * name it.
   */
  readonly itemBankName: string | null;
  /** @deprecated The earlier name of `itemBankName`; in memory it is always `null`. */
  readonly itemBankTableName: string | null;
  /**
   * When it was made, in milliseconds, by the clock of the process that claimed or of the store. `null` if
   * the assignment has no time: the Python module does not write it.
   */
  readonly assignedAt: Date | null;
  /**
   * When the hold on the item ends, by the clock of the process that claimed; `null`, or absent, if the ID
   * has the item for good.
   */
  readonly heldUntil?: Date | null | undefined;
}

export interface CountOptions {
  /**
   * How many parts of the store are read at once, up to 1,000,000. More are faster, and cost the store
   * more at once. Default: 1.
   */
  readonly segments?: number | undefined;
  /** Stops reading: the call or iteration throws the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

export interface CountAssignmentsOptions extends CountOptions {
  /**
   * Counts only assignments made after this time, for example in the last minute. Then assignments
   * without a time, such as those of the Python module, are not counted. Clocks of
   * several processes can differ.
   */
  readonly assignedAfter?: Date | undefined;
}

export interface ListOptions extends CountOptions {
  /**
   * The `cursor` of an earlier listing of the same store: continues after the last element that was
   * returned, with the same number of segments. Anything else is refused. Default: from the beginning.
   */
  readonly cursor?: string | undefined;
  /** How many rows one read of a segment returns. Default: as many as the backend gives. */
  readonly pageSize?: number | undefined;
}

/**
 * Elements in no particular order, each once, read page by page during the iteration. Nothing is read
 * before it begins. An element that is in the store all the time is listed; one that is added or
 * removed during the iteration may be listed or not.
 *
 * If an iteration ends early, by `break` or by an error, iterate again to continue. Do not run two
 * iterations at the same time. An iteration throws what its reads throw, and the signal's reason
 * once the signal is aborted.
 */
export interface Listing<Element> extends AsyncIterable<Element> {
  /**
   * The position after the last element that was returned. Pass it as `{ cursor }` to continue later
   * or in another process. It is opaque, and contains keys in readable form.
   */
  readonly cursor: string;
}

/** Optional contract of an item bank: what is in it can be seen. Ask for it by {@link canLookAtItems}. */
export interface ItemBankLooking {
  /**
   * How many items are in the bank. Exact while nothing enters or leaves.
   *
   * @returns 0 for an empty bank
   * @throws InvalidOptionError when an option cannot be used
   * @throws the signal's reason once it is aborted
   */
  countItems(options?: CountOptions): Promise<number>;

  /** About how many items are in the bank, at little cost. How old the number is depends on the store. */
  estimateItemCount(): Promise<number>;

  /**
   * The items that are in the bank. An item that leaves the bank meanwhile may be listed or not.
   *
   * @throws InvalidOptionError when an option cannot be used, at once; everything else is thrown by
   *   the iteration
   */
  listItems(options?: ListOptions): Listing<string>;

  /**
   * Whether the item of the assignment came from this bank, as far as the assignment tells: several banks
   * can share one deduplication repository. An assignment that names no bank, such as those of the Python
   * module, counts as this bank's own.
   */
  ownsAssignment(assignment: Pick<Assignment, 'itemBankName'>): boolean;
}

/**
 * Optional contract of a deduplication repository: who has what can be seen. Ask for it by
 * {@link canLookAtAssignments}.
 */
export interface DeduplicationLooking {
  /**
   * The assignment of the ID as it stands, strongly consistent. Never claims.
   *
   * @returns the assignment, or `null` when the ID has none
   * @throws InvalidDeduplicationIdError when the ID is not a non-empty, well-formed string of ≤ 2,048
   *   bytes
   */
  getAssignment(deduplicationId: string): Promise<Assignment | null>;

  /**
   * How many IDs have an item. Exact while nobody claims or releases.
   *
   * @returns 0 when no ID has one
   * @throws InvalidOptionError when an option cannot be used
   * @throws the signal's reason once it is aborted
   */
  countAssignments(options?: CountAssignmentsOptions): Promise<number>;

  /** About how many IDs have an item, at little cost. How old the number is depends on the store. */
  estimateAssignmentCount(): Promise<number>;

  /**
   * Lists who has which item, from whichever bank. An assignment that is made or released meanwhile may
   * be listed or not.
   *
   * @throws InvalidOptionError when an option cannot be used, at once; everything else is thrown by
   *   the iteration
   */
  listAssignments(options?: ListOptions): Listing<Assignment>;
}

/** Whether the value is an item bank whose items can be counted and listed. */
export function canLookAtItems(value: unknown): value is ItemBankLooking {
  return hasMethods(value, 'countItems', 'estimateItemCount', 'listItems', 'ownsAssignment');
}

/** Whether the value is a deduplication repository whose assignments can be counted, listed and read. */
export function canLookAtAssignments(value: unknown): value is DeduplicationLooking {
  return hasMethods(
    value,
    'getAssignment',
    'countAssignments',
    'estimateAssignmentCount',
    'listAssignments',
  );
}
