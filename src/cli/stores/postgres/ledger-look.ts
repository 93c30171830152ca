// Detects items that were handed out and that the ledger lacks: those could enter the bank a second time.
import type { LedgerLook } from '../store.js';
import { failedBecause } from './failures.js';
import { query, quoted, type Tables } from './tables.js';

type LedgerState = Exclude<LedgerLook['state'], 'unknown'>;

/** From each end of the table. */
const SAMPLE_SIZE = 50;

/** At one moment. What the package adds to the bank is in the ledger, so only what somebody has is looked at. */
export async function lookAtLedger(tables: Tables): Promise<LedgerState> {
  const ledger = quoted(tables.itemRepo.ledgerTableName);
  const assignments = quoted(tables.deduplicationRepo.tableName);
  const end = (direction: string) => `(
  select item, item_bank from ${assignments} order by deduplication_id ${direction} limit ${SAMPLE_SIZE})`;
  const [row] = await query(
    tables,
    `with own as (
  select item from (${end('asc')} union all ${end('desc')}) as sample
  where item_bank is null or item_bank = $1::text
)
select exists (
    select from own where not exists (select from ${ledger} as ledger where ledger.item = own.item)
  ) as is_unfilled,
  exists (select from ${ledger}) or exists (select from own) as is_used`,
    tables.itemRepo.tableName,
  );
  if (row?.is_unfilled === true) return 'unfilled';
  return row?.is_used === true ? 'filled' : 'unused';
}

/** The check is optional for a role that may only add items. */
export async function lookAtLedgerOrSayWhy(tables: Tables): Promise<LedgerLook> {
  try {
    const state = await lookAtLedger(tables);
    return state === 'unfilled' ? { state, remedy: FILL_REMEDY } : { state };
  } catch (error) {
    if (failedBecause(error, 'insufficient_privilege')) {
      return { state: 'unknown', reason: LOOK_REFUSED };
    }
    throw error;
  }
}

const FILL_REMEDY = 'Run "storagebox fill-ledger", then the same command again.';

const LOOK_REFUSED =
  'Could not check that the ledger was filled: this needs the permission to select from both tables and the ledger.';
