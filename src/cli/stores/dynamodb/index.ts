// DynamoDB, the default store.
import { wrongOptions } from '../../options.js';
import type { OpenRequest, Store } from '../store.js';
import { describeFailure } from './failures.js';
import { addOptions, tableName } from './options.js';

export const store: Store = {
  addOptions,
  parseItemBankName: tableName,
  open: async (request) => (await load(request)).openDynamoDb(request),
  examine: async function* (request) {
    yield* (await load(request)).examine(request);
  },
  describeFailure,
};

/** Imported only when a command needs it, so that the help works without the AWS SDK. */
async function load({ location }: OpenRequest) {
  if (location !== '') throw wrongOptions(...LOCATION_GIVEN);
  return import('./open.js');
}

const LOCATION_GIVEN = [
  'DynamoDB takes nothing after its name in --store.',
  'Pass --store dynamodb, and the tables by --item-bank-table and --deduplication-table.',
] as const;
