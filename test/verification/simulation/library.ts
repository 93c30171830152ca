// The library under test: this checkout's, or a copy of it with a fault planted in it.
const source = process.env.STORAGE_BOX_SOURCE ?? new URL('../../../src/', import.meta.url).href;

type Library = typeof import('../../../src/index.js');
type RuntimeModule = typeof import('../../../src/environment/runtime.js');

export const {
  Deduplicator,
  DeduplicationDynamoDbRepository,
  ItemBankDynamoDbRepository,
  writtenBy,
} = (await import(`${source}index.ts`)) as Library;
export const { runtime } = (await import(`${source}environment/runtime.ts`)) as RuntimeModule;
