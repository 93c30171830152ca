import { conformanceSuite } from 'storagebox/testing';
import { describe, test } from 'vitest';
import { deleteTables, freshTables, openPair } from '../support/tables.js';

conformanceSuite({ describe, test }, async () => {
  const tables = await freshTables();
  return { open: () => openPair(tables), dispose: () => deleteTables(tables) };
});
