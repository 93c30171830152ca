// PostgreSQL.
import type { OpenRequest, Store } from '../store.js';
import { describeFailure } from './failures.js';
import { addOptions, bankName } from './options.js';

export const store: Store = {
  addOptions,
  parseItemBankName: bankName,
  // Imported only now, so that the help works without a driver.
  open: async (request) => (await import('./open.js')).openPostgres(request),
  examine: async function* (request: OpenRequest) {
    yield* (await import('./open.js')).examine(request);
  },
  describeFailure,
};
