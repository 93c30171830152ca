const brand: unique symbol = Symbol.for('storagebox.error') as never;

/**
 * What a call that threw wrote. `nothing`: certainly nothing. `part`: some of it, as the error says.
 * `unknown`: all, a part or nothing; the error says how to find out. While a bulk hand-out is read, it
 * speaks of the ID that failed: what was handed out before has been returned.
 */
export type Written = 'nothing' | 'part' | 'unknown';

/**
 * The base of every error that this package makes. Errors of a store's client (access denied,
 * throttling past the retries) are not wrapped: they reach the caller as the client threw them.
 *
 * Recognise one with {@link isStorageBoxError}, never with `instanceof`: an application can hold
 * two copies of a package.
 */
export abstract class StorageBoxError extends Error {
  /** Stable across releases, unlike the message. */
  abstract readonly code: `STORAGEBOX_${string}`;
  abstract override readonly name: string;
  /** What the call wrote before it threw. For errors of a store's client, ask `writtenBy`. */
  readonly written: Written = 'unknown';

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    Object.defineProperty(this, brand, { value: true });
  }
}

/** What a store adds to the message of an error: what to do, in the words of that store. */
export interface StoreErrorOptions extends ErrorOptions {
  /** Sentences. */
  readonly remedy?: string | undefined;
}

function withRemedy(message: string, { remedy }: StoreErrorOptions = {}): string {
  return remedy === undefined ? message : `${message} ${remedy}`;
}

/** The deduplication ID is not a string, empty, too long, or ill-formed. Nothing was sent. */
export class InvalidDeduplicationIdError extends StorageBoxError {
  readonly code = 'STORAGEBOX_INVALID_DEDUPLICATION_ID';
  override readonly written = 'nothing';
  /** Where the ID stood in the input of a bulk hand-out, from 0; `null` outside one. */
  readonly index: number | null;

  constructor(message: string, index: number | null = null) {
    super(message);
    this.index = index;
  }

  override get name() {
    return 'InvalidDeduplicationIdError' as const;
  }
}

/** The item is not a string, empty, too long, or ill-formed. It was not sent. */
export class InvalidItemError extends StorageBoxError {
  readonly code = 'STORAGEBOX_INVALID_ITEM';
  override readonly written = 'nothing';
  /** Where the item stood in the input of a batch, from 0; `null` outside a batch. */
  readonly index: number | null;

  constructor(message: string, index: number | null = null) {
    super(message);
    this.index = index;
  }

  override get name() {
    return 'InvalidItemError' as const;
  }
}

/** An option, an argument or an environment variable has a value that cannot be used. */
export class InvalidOptionError extends StorageBoxError {
  readonly code = 'STORAGEBOX_INVALID_OPTION';
  override readonly written = 'nothing';
  /** The name of the option. */
  readonly option: string;

  constructor(option: string, message: string) {
    super(message);
    this.option = option;
  }

  override get name() {
    return 'InvalidOptionError' as const;
  }
}

/** A table does not exist where the client looks for it. `cause` is the store's refusal. */
export class TableNotFoundError extends StorageBoxError {
  readonly code = 'STORAGEBOX_TABLE_NOT_FOUND';
  override readonly written = 'nothing';
  /** The missing table. Several names when the store did not say which one is missing. */
  readonly tableNames: readonly string[];

  /** @param place where it was looked for, in the store's words */
  constructor(tableNames: readonly string[], place: string, options: StoreErrorOptions) {
    const tables = tableNames.map((tableName) => `"${tableName}"`).join(' or ');
    super(withRemedy(`The table ${tables} does not exist in ${place}.`, options), options);
    this.tableNames = tableNames;
  }

  override get name() {
    return 'TableNotFoundError' as const;
  }
}

/** A table exists but its key, or a row in it, is not what this package reads and writes. */
export class TableSchemaError extends StorageBoxError {
  readonly code = 'STORAGEBOX_TABLE_SCHEMA';
  override readonly written = 'nothing';
  readonly tableName: string;

  constructor(tableName: string, expected: string, received: string, options?: StoreErrorOptions) {
    const message = `Expected the table "${tableName}" to have ${expected}, got ${received}.`;
    super(withRemedy(message, options), options);
    this.tableName = tableName;
  }

  override get name() {
    return 'TableSchemaError' as const;
  }
}

/**
 * The clients of the two repositories see two stores that have the same names, such as those of two
 * accounts: what the bank lists is not where the pair writes. Nothing was written.
 */
export class AccountMismatchError extends StorageBoxError {
  readonly code = 'STORAGEBOX_ACCOUNT_MISMATCH';
  override readonly written = 'nothing';
  readonly itemBankTableName: string;
  readonly deduplicationTableName: string;

  constructor(
    itemBankTableName: string,
    deduplicationTableName: string,
    options?: StoreErrorOptions,
  ) {
    const expectation =
      `the item bank "${itemBankTableName}" and the deduplication repository ` +
      `"${deduplicationTableName}" to belong to one account`;
    const message =
      `Expected ${expectation}, got several items that the bank lists but that a write does not ` +
      'find. Nothing was written.';
    super(withRemedy(message, options), options);
    this.itemBankTableName = itemBankTableName;
    this.deduplicationTableName = deduplicationTableName;
  }

  override get name() {
    return 'AccountMismatchError' as const;
  }
}

/**
 * The deduplication ID already has an item. A `DeduplicationRepository` throws
 * it from `putDeduplicationId`; the `Deduplicator` turns it into the existing item.
 */
export class DeduplicationIdAlreadyAssignedError extends StorageBoxError {
  readonly code = 'STORAGEBOX_DEDUPLICATION_ID_ALREADY_ASSIGNED';
  /** `unknown` if an earlier attempt of the call got no answer: the item can be its own. */
  override readonly written: 'nothing' | 'unknown';
  /** The item that the ID has, so that no second read is needed. */
  readonly existingItem: string;

  constructor(
    existingItem: string,
    options?: ErrorOptions & { readonly written?: 'nothing' | 'unknown' | undefined },
  ) {
    super(
      'The deduplication ID already has an item and keeps it. Read it from `existingItem`.',
      options,
    );
    this.existingItem = existingItem;
    this.written = options?.written ?? 'nothing';
    hideFromLogs(this, 'existingItem');
  }

  override get name() {
    return 'DeduplicationIdAlreadyAssignedError' as const;
  }
}

/** Other calls kept winning, or the store was throttled or slow, until the call reached its time limit. */
export class ContentionError extends StorageBoxError {
  readonly code = 'STORAGEBOX_CONTENTION';
  override readonly written = 'nothing';
  /** How long the call kept trying. */
  readonly elapsedMs: number;

  constructor(elapsedMs: number, options?: ErrorOptions) {
    super(
      `No attempt succeeded within ${Math.round(elapsedMs)} ms: other calls were in the way, or the ` +
        'store was throttled or slow. Nothing was written. Retry with the same deduplication ID. If ' +
        'it happens again, check the throttling and the latency of the store.',
      options,
    );
    this.elapsedMs = elapsedMs;
  }

  override get name() {
    return 'ContentionError' as const;
  }
}

/**
 * No attempt could connect to the service: nothing listens there, the name does not resolve, the
 * certificate is not accepted, or connecting took too long. The request was never sent, so it wrote
 * nothing. `cause` is the last failure. The call may be retried.
 */
export class ServiceUnreachableError extends StorageBoxError {
  readonly code = 'STORAGEBOX_SERVICE_UNREACHABLE';
  override readonly written = 'nothing';

  constructor(options: { cause: unknown } & StoreErrorOptions) {
    const message =
      `The service cannot be reached: ${connectionFailureText(options.cause)}. The request was never ` +
      'sent, so it wrote nothing.';
    super(withRemedy(message, { remedy: CHECK_THE_NETWORK, ...options }), options);
  }

  override get name() {
    return 'ServiceUnreachableError' as const;
  }
}

const CHECK_THE_NETWORK = 'Check the endpoint, the network and the certificates, then retry.';

/** For a host with several addresses, the error has no message of its own, but one error per address. */
function connectionFailureText(error: unknown): string {
  const {
    message,
    code,
    errors = [],
  } = (error ?? {}) as {
    readonly message?: string;
    readonly code?: string;
    readonly errors?: readonly { readonly message?: string }[];
  };
  const text = message || errors.map((each) => each.message).join(', ') || code || String(error);
  return text.replace(/\.$/, '');
}

/**
 * A write was sent, and after all retries it is unknown whether it was applied (lost response, timeout,
 * malformed reply). `cause` is the last failure. What to do:
 *
 * - Claim: retry with the same deduplication ID. If the first write was applied, the retry returns its
 *   item.
 * - Release: retry. `null` means that the first write was applied, an item means that the retry released
 *   it. Until the retry has ended, the first write can still be applied.
 * - Adding an item to a bank with a ledger: add it again.
 * - Adding an item to a bank without a ledger: during a sale, look for it in the bank and among the
 *   assignments first. If it was added, it may have been handed out since, and adding it again would
 *   hand it out twice.
 */
export class OutcomeUnknownError extends StorageBoxError {
  readonly code = 'STORAGEBOX_OUTCOME_UNKNOWN';
  override readonly written = 'unknown';

  constructor(elapsedMs: number, options: ErrorOptions) {
    super(
      `No answer within ${Math.round(elapsedMs)} ms said whether the write was applied. ` +
        'After a claim or a release, retry with the same deduplication ID to find out. ' +
        'After adding an item: with a ledger, add it again; without one, look for it in the bank and ' +
        'among the assignments first.',
      options,
    );
  }

  override get name() {
    return 'OutcomeUnknownError' as const;
  }
}

/** A read succeeded, but the reply lacks what was asked for. */
export class MalformedReplyError extends StorageBoxError {
  readonly code = 'STORAGEBOX_MALFORMED_REPLY';
  override readonly written = 'unknown';

  constructor(operation: string, member: string) {
    super(
      `Expected \`${member}\` in the reply to ${operation}, got none. Retry. If it happens again, ` +
        'check the proxies between this process and the service.',
    );
  }

  override get name() {
    return 'MalformedReplyError' as const;
  }
}

/**
 * Keeps members that hold items out of logs: printed errors, by `console` or as JSON, show what is
 * enumerable.
 */
function hideFromLogs(error: object, ...names: readonly string[]): void {
  for (const name of names) Object.defineProperty(error, name, { enumerable: false });
}

/** The message of an error that the input threw can quote what was read, so only its name is used. */
function reasonOf(cause: unknown): string {
  if (isStorageBoxError(cause)) return cause.message;
  return `${cause instanceof Error ? cause.name : `a thrown ${typeof cause}`}; see \`cause\`.`;
}

function writtenSoFar({ added, alreadyKnown, unconfirmed }: BatchProgressAtFailure): Written {
  if (added > 0) return 'part';
  return unconfirmed.length > 0 || alreadyKnown > 0 ? 'unknown' : 'nothing';
}

/** What a batch knows of its items when it stops before the end of its input. */
export interface BatchProgressAtFailure {
  /** How many items of the input were read; nothing after them was touched. */
  readonly read: number;
  readonly added: number;
  readonly repeats: number;
  readonly alreadyKnown: number;
  /** Items that were read and that this call certainly did not add. */
  readonly notAdded: readonly string[];
  /**
   * Items that were sent, but it is unknown whether they were added. With a ledger, add them again.
   * Without one, during a sale, look for them in the bank and among the assignments first: they may
   * have been handed out since.
   */
  readonly unconfirmed: readonly string[];
}

/**
 * A batch stopped before the end of its input. Of the first `read` items, those in `notAdded` were
 * certainly not added, those in `unconfirmed` may have been added, and all others are in the bank or
 * known. `cause` says why: a refusal, an invalid item, an error of the input, or the signal's reason.
 */
export class BatchNotFullyAddedError extends StorageBoxError implements BatchProgressAtFailure {
  readonly code = 'STORAGEBOX_BATCH_NOT_FULLY_ADDED';
  /** `unknown` also if items were already known: a ledger may have learnt of them by this call. */
  override readonly written: Written;
  readonly read: number;
  readonly added: number;
  readonly repeats: number;
  readonly alreadyKnown: number;
  readonly notAdded: readonly string[];
  readonly unconfirmed: readonly string[];

  /** @param options `reason`: what the cause says, if that quotes no item */
  constructor(
    progress: BatchProgressAtFailure,
    options: { cause: unknown; reason?: string | undefined },
  ) {
    const { cause, reason = reasonOf(cause) } = options;
    super(
      `Of ${progress.read} items read, ${progress.added} were added, ` +
        `${progress.notAdded.length} were not added (\`notAdded\`) and ` +
        `${progress.unconfirmed.length} are unconfirmed (\`unconfirmed\`). The rest of the input was ` +
        `not read. Reason: ${reason}`,
      { cause },
    );
    this.written = writtenSoFar(progress);
    this.read = progress.read;
    this.added = progress.added;
    this.repeats = progress.repeats;
    this.alreadyKnown = progress.alreadyKnown;
    this.notAdded = progress.notAdded;
    this.unconfirmed = progress.unconfirmed;
    hideFromLogs(this, 'notAdded', 'unconfirmed');
  }

  override get name() {
    return 'BatchNotFullyAddedError' as const;
  }
}

/**
 * An item left the bank, and it is unknown whether it was assigned or put back. Only pairs without
 * atomic writes, and `getItemFromBank` itself, can strand an item.
 */
export class ItemStrandedError extends StorageBoxError {
  readonly code = 'STORAGEBOX_ITEM_STRANDED';
  override readonly written = 'unknown';
  /** The item that may be stranded. */
  readonly item: string;

  constructor(item: string, options: ErrorOptions) {
    super(
      'An item (`item`) left the bank, or may have left it, and it is unknown whether it was assigned. ' +
        'If no deduplication ID has it, put it back with returnItemToBank().',
      options,
    );
    this.item = item;
    hideFromLogs(this, 'item');
  }

  override get name() {
    return 'ItemStrandedError' as const;
  }
}

/**
 * This pair of repositories cannot take an item back: it has no atomic write for that. Nothing was
 * written.
 */
export class ReleaseNotSupportedError extends StorageBoxError {
  readonly code = 'STORAGEBOX_RELEASE_NOT_SUPPORTED';
  override readonly written = 'nothing';

  constructor() {
    super(
      'Expected a pair of repositories that can end an assignment and put its item back in one ' +
        'atomic write, got one that cannot. Use two repositories of one store and at one place; give a ' +
        'backend of your own `releaseItem` beside `claimItem`.',
    );
  }

  override get name() {
    return 'ReleaseNotSupportedError' as const;
  }
}

/**
 * This pair of repositories cannot do what the call asks for: a chosen item, a hold, a group, or own writes
 * in the same commit. Nothing was written.
 */
export class FeatureNotSupportedError extends StorageBoxError {
  readonly code = 'STORAGEBOX_FEATURE_NOT_SUPPORTED';
  override readonly written = 'nothing';
  /** The option or the method that was used. */
  readonly feature: string;

  constructor(feature: string) {
    super(
      `Expected a pair of repositories whose atomic writes know \`${feature}\`, got one that does not. ` +
        'Nothing was written. Use two repositories of one store and at one place; give a backend of your ' +
        'own what `AtomicWrites` says of it.',
    );
    this.feature = feature;
  }

  override get name() {
    return 'FeatureNotSupportedError' as const;
  }
}

/**
 * The caller's own writes (`alongside`) were refused, such as by a condition of theirs; without them the call
 * could have been served. Nothing was written, neither they nor the call's own.
 */
export class AlongsideRefusedError extends StorageBoxError {
  readonly code = 'STORAGEBOX_ALONGSIDE_REFUSED';
  override readonly written = 'nothing';
  /** Why, for each of the writes and in their order, in the words of the store. */
  readonly reasons: readonly unknown[];

  constructor(reasons: readonly unknown[], options: { cause: unknown }) {
    super(
      'Expected the writes of `alongside` to be possible, got a refusal: see `reasons`. Nothing was written. ' +
        'Change what was refused, or call without it.',
      options,
    );
    this.reasons = reasons;
    hideFromLogs(this, 'reasons');
  }

  override get name() {
    return 'AlongsideRefusedError' as const;
  }
}

const PASS_THE_BANK =
  'Look at the assignment with getAssignment(); if that bank is yours, pass its repository in ' +
  '`releaseBanks`.';

/**
 * The released item came from a bank that the deduplicator does not know, or its assignment fits
 * several banks that it knows. Nothing was written.
 */
export class UnknownItemBankError extends StorageBoxError {
  readonly code = 'STORAGEBOX_UNKNOWN_ITEM_BANK';
  override readonly written = 'nothing';

  /** @param banksThatFit how many of the known banks the assignment can mean */
  constructor(banksThatFit: number) {
    const [received, remedy] =
      banksThatFit === 0
        ? ['another one', PASS_THE_BANK]
        : [`a name that fits ${banksThatFit} of them`, 'Pass one of these banks alone.'];
    super(
      "Expected the bank that the item came from to be the deduplicator's own or one of " +
        `\`releaseBanks\`, got ${received}. Nothing was written. ${remedy}`,
    );
  }

  override get name() {
    return 'UnknownItemBankError' as const;
  }
}

/** Every error of this package. The compiler tells them apart by `code`. */
export type AnyStorageBoxError =
  | InvalidDeduplicationIdError
  | InvalidItemError
  | InvalidOptionError
  | TableNotFoundError
  | TableSchemaError
  | AccountMismatchError
  | DeduplicationIdAlreadyAssignedError
  | ContentionError
  | OutcomeUnknownError
  | ServiceUnreachableError
  | MalformedReplyError
  | BatchNotFullyAddedError
  | ItemStrandedError
  | ReleaseNotSupportedError
  | FeatureNotSupportedError
  | AlongsideRefusedError
  | UnknownItemBankError;

/**
 * Whether a thrown value is an error of this package, from any copy of it. If so,
 * comparing `code` narrows the type: `error.code === 'STORAGEBOX_ITEM_STRANDED'` gives `error.item`.
 */
export function isStorageBoxError(value: unknown): value is AnyStorageBoxError {
  return typeof value === 'object' && value !== null && brand in value;
}
