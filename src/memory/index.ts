// `storagebox/memory`: both repositories in this process's memory, for users' unit tests.
export {
  DeduplicationMemoryRepository,
  type DeduplicationMemoryRepositoryOptions,
} from './deduplication-memory-repository.js';
export {
  ItemBankMemoryRepository,
  type ItemBankMemoryRepositoryOptions,
} from './item-bank-memory-repository.js';
export type { MemoryWrite } from './memory-writes.js';
