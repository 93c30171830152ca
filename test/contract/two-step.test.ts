// The DynamoDB pair with its atomic writes taken away: what a pair that shares no transaction gets.
import { conformanceSuite } from 'storagebox/testing';
import { describe, test } from 'vitest';
import { deleteTables, denyAccess, freshTables, openPair } from '../support/tables.js';

conformanceSuite({ describe, test }, async () => {
  const tables = await freshTables();
  const open = () => {
    const { itemRepo, deduplicationRepo } = openPair(tables);
    return {
      itemRepo,
      deduplicationRepo: Object.assign(deduplicationRepo, { atomicClaimWith: undefined }),
    };
  };
  return {
    open,
    breakStore: () => denyAccess(tables),
    dispose: () => deleteTables(tables),
  };
});
