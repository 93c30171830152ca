// DynamoDB, the default store.
import { wrongOptions } from '../../options.js';
import type { Store } from '../store.js';
import { describeFailure } from './failures.js';
import { addOptions, type DynamoDbOptions, tableName } from './options.js';

export const store: Store = {
  addOptions,
  parseItemBankName: tableName,
  open: async (options, signal) => {
    assertIsNameAlone(options.store);
    // Imported only now, so that the help works without the AWS SDK.
    const { openDynamoDb } = await import('./open.js');
    return openDynamoDb(options as unknown as DynamoDbOptions, signal);
  },
  describeFailure,
};

function assertIsNameAlone(choice: unknown = process.env.STORAGE_BOX_STORE): void {
  if (!String(choice ?? '').includes(':')) return;
  throw wrongOptions(
    'DynamoDB takes nothing after its name in --store.',
    'Pass --store dynamodb, and the tables by --item-bank-table and --deduplication-table.',
  );
}
