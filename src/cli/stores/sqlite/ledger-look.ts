// Detects items that were handed out and that the ledger lacks: those could enter the bank a second time.
import type { LedgerLook } from '../store.js';
import { query, quoted, type Tables } from './tables.js';

/** From each end of the table. */
const SAMPLE_SIZE = 50;

/** At one moment. What the package adds to the bank is in the ledger, so only what somebody has is looked at. */
export async function lookAtLedger(tables: Tables): Promise<LedgerLook> {
  const ledger = quoted(tables.itemRepo.ledgerTableName);
  const assignments = quoted(tables.deduplicationRepo.tableName);
  const end = (direction: string) => `select * from (
  select item, item_bank from ${assignments} order by deduplication_id ${direction} limit ${SAMPLE_SIZE})`;
  const [row] = await query(
    tables,
    `with own as (
  select item from (${end('asc')} union all ${end('desc')})
  where item_bank is null or item_bank = ?
)
select exists (
    select * from own where not exists (select * from ${ledger} as ledger where ledger.item = own.item)
  ) as is_unfilled,
  exists (select * from ${ledger}) or exists (select * from own) as is_used`,
    tables.itemRepo.tableName,
  );
  if (row?.is_unfilled === 1) return { state: 'unfilled', remedy: FILL_REMEDY };
  return { state: row?.is_used === 1 ? 'filled' : 'unused' };
}

const FILL_REMEDY = 'Run "storagebox fill-ledger", then the same command again.';
