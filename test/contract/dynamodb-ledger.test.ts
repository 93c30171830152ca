import { conformanceSuite } from 'storagebox/testing';
import { describe, test } from 'vitest';
import {
  deleteTables,
  denyAccess,
  freshTablesWithLedger,
  openPair,
  ownWritesBeside,
} from '../support/tables.js';

conformanceSuite({ describe, test }, async () => {
  const tables = await freshTablesWithLedger();
  return {
    open: () => openPair(tables),
    openWithLedger: () => openPair(tables),
    ownWrites: () => ownWritesBeside(tables),
    breakStore: () => denyAccess(tables),
    dispose: () => deleteTables(tables),
  };
});
