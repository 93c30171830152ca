// What an audit reads of the tables, and writes to repair them.
import { keyToText, textToKey } from 'storagebox/core';
import type { AuditedStore, LedgerEntry, Whereabouts } from '../store.js';
import { whileBusy } from './patience.js';
import { query, quoted, type Tables } from './tables.js';

const PAGE_SIZE = 1_000;
/** More owners than anybody needs to see. */
const MAX_OWNERS = 100;

export function auditedTables(tables: Tables): AuditedStore {
  return {
    ledgerEntries: () => ledgerEntries(tables),
    lookAt: (item, deduplicationIds) => lookAt(tables, item, deduplicationIds),
    takeOutOfBank: (item, owner) => takeOutOfBank(tables, item, owner),
  };
}

/** The rows of the bank: none is ever deleted. */
async function* ledgerEntries(tables: Tables): AsyncGenerator<LedgerEntry, void, void> {
  const sql = `select item, retired_at is not null as is_retired
from ${quoted(tables.itemRepo.tableName)} where item > ? order by item limit ${PAGE_SIZE}`;
  let after = '';
  for (;;) {
    const rows = await query(tables, sql, after);
    for (const { item, is_retired: isRetired } of rows) {
      after = String(item);
      yield { item: textToKey(after), isRetired: isRetired === 1 };
    }
    if (rows.length < PAGE_SIZE) return;
  }
}

async function lookAt(
  tables: Tables,
  item: string,
  deduplicationIds: readonly string[],
): Promise<Whereabouts> {
  const asked = new Map(deduplicationIds.slice(0, MAX_OWNERS).map((id) => [keyToText(id), id]));
  const text = keyToText(item);
  const rows = await query(
    tables,
    `select 'bank' as place, is_free, retired_at is not null as is_retired, '' as deduplication_id
from ${quoted(tables.itemRepo.tableName)} where item = ?
union all
select 'owner', 0, 0, deduplication_id from ${quoted(tables.deduplicationRepo.tableName)}
where item = ? and deduplication_id in (${[...asked].map(() => '?').join()})`,
    text,
    text,
    ...asked.keys(),
  );
  const inBank = rows.find(({ place }) => place === 'bank');
  return {
    isInBank: inBank?.is_free === 1,
    isInLedger: inBank !== undefined,
    isRetired: inBank?.is_retired === 1,
    owners: rows.flatMap(({ place, deduplication_id: id }) =>
      place === 'owner' ? (asked.get(String(id)) ?? []) : [],
    ),
  };
}

async function takeOutOfBank(
  { database, signal, itemRepo, deduplicationRepo }: Tables,
  item: string,
  owner: string | undefined,
): Promise<boolean> {
  const text = keyToText(item);
  const [condition, values] =
    owner === undefined
      ? ['retired_at is not null', []]
      : [
          `exists (select * from ${quoted(deduplicationRepo.tableName)} where deduplication_id = ? and item = ?)`,
          [keyToText(owner), text],
        ];
  const sql = `update ${quoted(itemRepo.tableName)} set is_free = 0 where item = ? and is_free = 1 and ${condition}`;
  const { changes } = await whileBusy(signal, () => database.prepare(sql).run(text, ...values));
  return Number(changes) === 1;
}
