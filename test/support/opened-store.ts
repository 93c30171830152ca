import { Deduplicator } from 'storagebox';
import { findings } from '../../src/cli/stores/dynamodb/doctor.js';
import { openStore } from '../../src/cli/stores/dynamodb/open.js';
import type { Finding, OpenStore } from '../../src/cli/stores/store.js';
import { openPair, type Tables } from './tables.js';

/** The tables as a command of the command line has them. */
export function openedStore(tables: Tables): OpenStore & { readonly signal: AbortSignal } {
  const opened = openedTables(tables);
  const { signal } = opened;
  return { ...openStore(opened, new Deduplicator(opened), undefined), signal };
}

/** What `doctor` finds. */
export function findingsOf(tables: Tables): AsyncGenerator<Finding, void, void> {
  return findings(openedTables(tables));
}

function openedTables(tables: Tables) {
  const { client, ledgerTableName } = tables;
  const { signal } = new AbortController();
  return { client, signal, ledgerTableName, hashesIds: false, ...openPair(tables) };
}
