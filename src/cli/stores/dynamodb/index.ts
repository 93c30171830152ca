// DynamoDB, the default store.
import { wrongOptions } from '../../options.js';
import type { Store } from '../store.js';
import { describeFailure } from './failures.js';
import { addOptions, tableName } from './options.js';

export const store: Store = {
  addOptions,
  parseItemBankName: tableName,
  open: async (request) => {
    if (request.location !== '') throw wrongOptions(...LOCATION_GIVEN);
    // Imported only now, so that the help works without the AWS SDK.
    return (await import('./open.js')).openDynamoDb(request);
  },
  describeFailure,
};

const LOCATION_GIVEN = [
  'DynamoDB takes nothing after its name in --store.',
  'Pass --store dynamodb, and the tables by --item-bank-table and --deduplication-table.',
] as const;
