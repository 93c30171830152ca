import { Deduplicator } from 'storagebox';
import { openStore } from '../../src/cli/stores/dynamodb/open.js';
import type { OpenStore } from '../../src/cli/stores/store.js';
import { openPair, type Tables } from './tables.js';

/** The tables as a command of the command line has them. */
export function openedStore(tables: Tables): OpenStore & { readonly signal: AbortSignal } {
  const { client, ledgerTableName } = tables;
  const { signal } = new AbortController();
  const pair = openPair(tables);
  const opened = { client, signal, ledgerTableName, ...pair };
  return { ...openStore(opened, new Deduplicator(pair), undefined), signal };
}
