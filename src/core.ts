// `storagebox/core`: all that you need to write your own backend; loads no AWS code.

export {
  type Assignment,
  type AtomicClaim,
  type AtomicClaimOptions,
  type AtomicClaimResult,
  type AtomicReleaseOptions,
  type ClaimedItem,
  type ClaimResult,
  DeduplicationRepository,
  type NoItemLeft,
} from './contracts/deduplication-repository.js';
export {
  AccountMismatchError,
  type AnyStorageBoxError,
  BatchNotFullyAddedError,
  type BatchProgressAtFailure,
  ContentionError,
  DeduplicationIdAlreadyAssignedError,
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
  TableNotFoundError,
  TableSchemaError,
  UnknownItemBankError,
} from './contracts/errors.js';
export {
  type BatchAddItemsOptions,
  type BatchAddItemsReport,
  ItemBankRepository,
} from './contracts/item-bank-repository.js';
export {
  assertDeduplicationId,
  assertItem,
  assertOption,
  MAX_KEY_BYTES,
} from './contracts/validation.js';
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
  type ClaimOptions,
  Deduplicator,
  type DeduplicatorOptions,
} from './hand-out/deduplicator.js';
export {
  addInChunks,
  type ChunkedAdd,
  type ChunkOutcome,
  REPEAT_WINDOW,
  REPEAT_WINDOW_BYTES,
} from './store-kit/batch-add.js';
export {
  assertCountAssignmentsOptions,
  assertCountOptions,
  type CountAssignmentsOptions,
  type CountOptions,
  countPages,
  type ListedPage,
  type Listing,
  type ListingSource,
  type ListOptions,
  listingOf,
  type PageRequest,
  type Segment,
} from './store-kit/listing.js';
