// SQLite, in a file of this machine.
import type { OpenRequest, Store } from '../store.js';
import { describeFailure } from './failures.js';
import { addOptions, tableName } from './options.js';

export const store: Store = {
  addOptions,
  parseItemBankName: tableName,
  // Imported only now, so that the help works without a driver.
  open: async (request) => (await import('./open.js')).openSqlite(request),
  examine: async function* (request: OpenRequest) {
    yield* (await import('./doctor.js')).examine(request);
  },
  describeFailure,
};
