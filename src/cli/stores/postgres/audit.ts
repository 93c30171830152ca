// What an audit reads of the tables, and writes to repair them.
import { keyToText } from 'storagebox/core';
import { ledgerEntriesOf, MAX_OWNERS, whereaboutsOf } from '../sql-audit.js';
import type { AuditedStore, LedgerEntry, Whereabouts } from '../store.js';
import { query, quoted, type Tables } from './tables.js';

const PAGE_SIZE = 5_000;

export function auditedTables(tables: Tables): AuditedStore {
  return {
    ledgerEntries: () => ledgerEntries(tables),
    lookAt: (item, deduplicationIds) => lookAt(tables, item, deduplicationIds),
    takeOutOfBank: (item, owner) => takeOutOfBank(tables, item, owner),
  };
}

function ledgerEntries(tables: Tables): AsyncIterable<LedgerEntry> {
  const sql = `select item, retired_at is not null as is_retired
from ${quoted(tables.itemRepo.ledgerTableName)} where item > $1::text order by item limit ${PAGE_SIZE}`;
  return ledgerEntriesOf((after) => query(tables, sql, after), PAGE_SIZE);
}

async function lookAt(
  tables: Tables,
  item: string,
  deduplicationIds: readonly string[],
): Promise<Whereabouts> {
  const asked = new Map(deduplicationIds.slice(0, MAX_OWNERS).map((id) => [keyToText(id), id]));
  const rows = await query(
    tables,
    `select 'bank' as place, false as is_retired, '' as deduplication_id
from ${quoted(tables.itemRepo.tableName)} where item = $1::text
union all
select 'ledger', retired_at is not null, '' from ${quoted(tables.itemRepo.ledgerTableName)} where item = $1::text
union all
select 'owner', false, deduplication_id from ${quoted(tables.deduplicationRepo.tableName)}
where item = $1::text and deduplication_id in (select json_array_elements_text($2::text::json))`,
    keyToText(item),
    JSON.stringify([...asked.keys()]),
  );
  return whereaboutsOf(rows, asked);
}

/** The row of the owner is locked first, so that no release can come in between. */
async function takeOutOfBank(
  tables: Tables,
  item: string,
  owner: string | undefined,
): Promise<boolean> {
  const text = keyToText(item);
  const taking = `delete from ${quoted(tables.itemRepo.tableName)} where item = $1::text`;
  const rows =
    owner === undefined
      ? await query(
          tables,
          `${taking} and exists (
  select from ${quoted(tables.itemRepo.ledgerTableName)} where item = $1::text and retired_at is not null
) returning 'taken' as outcome`,
          text,
        )
      : await query(
          tables,
          `with owner as materialized (
  select from ${quoted(tables.deduplicationRepo.tableName)}
  where deduplication_id = $2::text and item = $1::text for update
)
${taking} and exists (select from owner) returning 'taken' as outcome`,
          text,
          keyToText(owner),
        );
  return rows.length === 1;
}
