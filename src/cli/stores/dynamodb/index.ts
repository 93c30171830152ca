// DynamoDB, the default store.
import type { Store } from '../store.js';
import { describeFailure } from './failures.js';
import { addOptions, type DynamoDbOptions, tableName } from './options.js';

export const store: Store = {
  addOptions,
  parseItemBankName: tableName,
  open: async (options, signal) =>
    // Imported only now, so that the help works without the AWS SDK.
    (await import('./open.js')).openDynamoDb(options as unknown as DynamoDbOptions, signal),
  describeFailure,
};
