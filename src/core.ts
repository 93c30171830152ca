// `storagebox/core`: all that you need to write your own backend; loads no store's code.
export type {
  AnyClaimResult,
  AtomicClaim,
  AtomicClaimOptions,
  AtomicClaimResult,
  AtomicConfirmOptions,
  AtomicGroupOptions,
  AtomicReleaseOptions,
  AtomicWrites,
  AtomicWritesFeature,
  ChosenClaimResult,
  ClaimedItem,
  ClaimResult,
  ExpiredHold,
  GroupClaimResult,
  GroupMember,
  HoldOptions,
  ItemTaken,
  NoItemLeft,
} from './contracts/atomic-writes.js';
export { DeduplicationRepository } from './contracts/deduplication-repository.js';
export {
  AccountMismatchError,
  AlongsideRefusedError,
  type AnyStorageBoxError,
  BatchNotFullyAddedError,
  type BatchProgressAtFailure,
  ContentionError,
  DeduplicationIdAlreadyAssignedError,
  FeatureNotSupportedError,
  InvalidDeduplicationIdError,
  InvalidItemError,
  InvalidOptionError,
  ItemStrandedError,
  isStorageBoxError,
  MalformedReplyError,
  OutcomeUnknownError,
  ReleaseNotSupportedError,
  ServiceUnreachableError,
  StorageBoxError,
  type StoreErrorOptions,
  TableNotFoundError,
  TableSchemaError,
  UnknownItemBankError,
  type Written,
} from './contracts/errors.js';
export {
  type BatchAddItemsOptions,
  type BatchAddItemsReport,
  ItemBankRepository,
} from './contracts/item-bank-repository.js';
export { canFillLedger, type ItemBankLedger } from './contracts/ledger.js';
export {
  type Assignment,
  type CountAssignmentsOptions,
  type CountOptions,
  canLookAtAssignments,
  canLookAtItems,
  type DeduplicationLooking,
  type ItemBankLooking,
  type Listing,
  type ListOptions,
} from './contracts/looking.js';
export {
  assertDeduplicationId,
  assertItem,
  assertOption,
  MAX_GROUP_IDS,
  MAX_HOLD_MS,
  MAX_KEY_BYTES,
} from './contracts/validation.js';
export { noteNothingWritten, writtenBy } from './contracts/written.js';
export {
  type AddedEvent,
  EVENT_CHANNEL_NAME,
  type FailedEvent,
  type HandOutEvent,
  type ObstacleEvent,
  onStorageBoxEvent,
  publishObstacle,
  type StorageBoxEvent,
} from './environment/events.js';
export {
  type LevelledLogger,
  LOGGING_LEVELS,
  type Logger,
  type LoggingLevel,
  levelledLogger,
} from './environment/logger.js';
export {
  DEFAULT_FETCH_LIMIT,
  DEFAULT_LOGGING_LEVEL,
  loggingLevelFromEnvironment,
} from './environment/settings.js';
export {
  type BulkClaimOptions,
  type BulkClaimProgress,
  DEFAULT_BULK_CONCURRENCY,
  type HandOut,
} from './hand-out/bulk-claim.js';
export {
  type CallOptions,
  type ChosenClaimOptions,
  type ClaimOptions,
  type ConfirmOptions,
  Deduplicator,
  type DeduplicatorOptions,
  type GroupClaimOptions,
  type ReleaseOptions,
} from './hand-out/deduplicator.js';
export {
  DEFAULT_SWEEP_CONCURRENCY,
  type ExpiredHoldsReport,
  type ReleaseExpiredHoldsOptions,
} from './hand-out/expired-holds.js';
export {
  addInChunks,
  type ChunkedAdd,
  type ChunkOutcome,
  REPEAT_WINDOW,
  REPEAT_WINDOW_BYTES,
} from './store-kit/batch-add.js';
export { fillLedgerInChunks } from './store-kit/fill-ledger.js';
export { keyToText, textToKey } from './store-kit/key-text.js';
export {
  assertCountAssignmentsOptions,
  assertCountOptions,
  countPages,
  type ListedPage,
  type ListingSource,
  listingOf,
  type PageRequest,
  type Segment,
} from './store-kit/listing.js';
export type { DeduplicationIdOptions } from './store-kit/stored-ids.js';
