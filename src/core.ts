// `storagebox/core`: all that a backend of one's own needs; loads no AWS code.
export {
  addInChunks,
  type ChunkedAdd,
  type ChunkOutcome,
  REPEAT_WINDOW,
} from './batch-add.js';
export {
  type BulkClaimOptions,
  type BulkClaimProgress,
  DEFAULT_BULK_CONCURRENCY,
  type HandOut,
} from './bulk-claim.js';
export {
  type Assignment,
  type AtomicClaim,
  type AtomicClaimOptions,
  type AtomicReleaseOptions,
  type ClaimResult,
  DeduplicationRepository,
} from './deduplication-repository.js';
export { type ClaimOptions, Deduplicator, type DeduplicatorOptions } from './deduplicator.js';
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
  StorageBoxError,
  TableNotFoundError,
  TableSchemaError,
} from './errors.js';
export {
  type AddedEvent,
  EVENT_CHANNEL_NAME,
  type FailedEvent,
  type HandOutEvent,
  type ObstacleEvent,
  onStorageBoxEvent,
  type StorageBoxEvent,
} from './events.js';
export {
  type BatchAddItemsOptions,
  type BatchAddItemsReport,
  ItemBankRepository,
} from './item-bank-repository.js';
export type {
  CountAssignmentsOptions,
  CountOptions,
  Listing,
  ListOptions,
} from './listing.js';
export type { Logger, LoggingLevel } from './logger.js';
export { DEFAULT_FETCH_LIMIT, DEFAULT_LOGGING_LEVEL } from './settings.js';
export { assertDeduplicationId, assertItem, MAX_KEY_BYTES } from './validation.js';
