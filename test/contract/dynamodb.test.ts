import { conformanceSuite } from 'storagebox/testing';
import { describe, test } from 'vitest';
import {
  deleteTables,
  denyAccess,
  freshTables,
  openPair,
  ownWritesBeside,
} from '../support/tables.js';

conformanceSuite({ describe, test }, async () => {
  const tables = await freshTables();
  return {
    open: () => openPair(tables),
    ownWrites: () => ownWritesBeside(tables),
    breakStore: () => denyAccess(tables),
    dispose: () => deleteTables(tables),
  };
});
