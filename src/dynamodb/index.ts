// The DynamoDB pair and what its users need besides.
export { type ClientOptions, DEFAULT_CLIENT_CONFIG, type DocumentClientLike } from './client.js';
export {
  DeduplicationDynamoDbRepository,
  type DeduplicationDynamoDbRepositoryOptions,
} from './deduplication-dynamodb-repository.js';
export {
  ItemBankDynamoDbRepository,
  type ItemBankDynamoDbRepositoryOptions,
} from './item-bank-dynamodb-repository.js';
export {
  createTables,
  deduplicationTable,
  deduplicationTableWithHoldIndex,
  itemBankTable,
  ledgerTable,
} from './tables.js';
