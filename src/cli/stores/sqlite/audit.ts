// What an audit reads of the tables, and writes to repair them.
import { keyToText } from 'storagebox/core';
import { ledgerEntriesOf, MAX_OWNERS, whereaboutsOf } from '../sql-audit.js';
import type { AuditedStore, LedgerEntry, Whereabouts } from '../store.js';
import { whileBusy } from './patience.js';
import { query, quoted, type Tables } from './tables.js';

const PAGE_SIZE = 1_000;

export function auditedTables(tables: Tables): AuditedStore {
  return {
    ledgerEntries: () => ledgerEntries(tables),
    lookAt: (item, deduplicationIds) => lookAt(tables, item, deduplicationIds),
    takeOutOfBank: (item, owner) => takeOutOfBank(tables, item, owner),
  };
}

function ledgerEntries(tables: Tables): AsyncIterable<LedgerEntry> {
  const sql = `select item, retired_at is not null as is_retired
from ${quoted(tables.itemRepo.ledgerTableName)} where item > ? order by item limit ${PAGE_SIZE}`;
  return ledgerEntriesOf((after) => query(tables, sql, after), PAGE_SIZE);
}

async function lookAt(
  tables: Tables,
  item: string,
  deduplicationIds: readonly string[],
): Promise<Whereabouts> {
  const asked = new Map(deduplicationIds.slice(0, MAX_OWNERS).map((id) => [keyToText(id), id]));
  const text = keyToText(item);
  const { itemRepo, deduplicationRepo } = tables;
  const rows = await query(
    tables,
    `select 'bank' as place, 0 as is_retired, '' as deduplication_id from ${quoted(itemRepo.tableName)} where item = ?
union all
select 'ledger', retired_at is not null, '' from ${quoted(itemRepo.ledgerTableName)} where item = ?
union all
select 'owner', 0, deduplication_id from ${quoted(deduplicationRepo.tableName)}
where item = ? and deduplication_id in (${[...asked].map(() => '?').join()})`,
    text,
    text,
    text,
    ...asked.keys(),
  );
  return whereaboutsOf(rows, asked);
}

async function takeOutOfBank(
  { database, signal, itemRepo, deduplicationRepo }: Tables,
  item: string,
  owner: string | undefined,
): Promise<boolean> {
  const text = keyToText(item);
  const [condition, values] =
    owner === undefined
      ? [
          `exists (select * from ${quoted(itemRepo.ledgerTableName)} where item = ? and retired_at is not null)`,
          [text],
        ]
      : [
          `exists (select * from ${quoted(deduplicationRepo.tableName)} where deduplication_id = ? and item = ?)`,
          [keyToText(owner), text],
        ];
  const sql = `delete from ${quoted(itemRepo.tableName)} where item = ? and ${condition}`;
  const { changes } = await whileBusy(signal, () => database.prepare(sql).run(text, ...values));
  return Number(changes) === 1;
}
