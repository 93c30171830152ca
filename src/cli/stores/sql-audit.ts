// What audits have in common on SQL stores.
import { textToKey } from 'storagebox/core';
import type { LedgerEntry, Whereabouts } from './store.js';

/** Some drivers have 0 and 1 for `false` and `true`. */
type Row = Readonly<Record<string, unknown>>;

/** More owners than anybody needs to see. */
export const MAX_OWNERS = 100;

/** @param rowsAfter a page of the ledger after that text, with `item` and `is_retired` */
export async function* ledgerEntriesOf(
  rowsAfter: (text: string) => Promise<readonly Row[]>,
  pageSize: number,
): AsyncGenerator<LedgerEntry, void, void> {
  for (let after = ''; ; ) {
    const rows = await rowsAfter(after);
    for (const { item, is_retired: isRetired } of rows) {
      after = String(item);
      yield { item: textToKey(after), isRetired: Boolean(isRetired) };
    }
    if (rows.length < pageSize) return;
  }
}

/**
 * @param rows where the item is, by `place`: the bank, the ledger, owners
 * @param asked the IDs that were asked for, by their text
 */
export function whereaboutsOf(
  rows: readonly Row[],
  asked: ReadonlyMap<string, string>,
): Whereabouts {
  const inLedger = rows.find(({ place }) => place === 'ledger');
  return {
    isInBank: rows.some(({ place }) => place === 'bank'),
    isInLedger: inLedger !== undefined,
    isRetired: Boolean(inLedger?.is_retired),
    owners: rows.flatMap(({ place, deduplication_id: id }) =>
      place === 'owner' ? (asked.get(String(id)) ?? []) : [],
    ),
  };
}
