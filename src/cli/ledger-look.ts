// Notices a ledger that was named too late: items that it does not know could enter a second time.
import { setTimeout as sleep } from 'node:timers/promises';
import { ItemBankDynamoDbRepository } from 'storagebox';
import type { Context } from './action.js';

/**
 * `unfilled`: the ledger is empty, and items are in the bank or were handed out. `unused`: there are
 * no such items. `none`: there is no ledger.
 */
export type LedgerState = 'filled' | 'unused' | 'unfilled' | 'none';

/** Rows of several banks lie mixed in one table: among so many, one of this bank turns up. */
const ASSIGNMENTS_TO_LOOK_AT = 100;

/** The rows of one transaction become visible one by one, within moments. */
const MAX_LOOKS = 6;
const LOOK_INTERVAL_MS = 250;

/**
 * Reads one page of each table, strongly consistent. The ledger comes last: of what somebody else is
 * adding at this moment, it has the row as soon as the bank has, give or take a moment.
 */
export async function lookAtLedger(context: Context<unknown>): Promise<LedgerState> {
  const { itemRepo, ledgerTableName, client, signal } = context;
  if (ledgerTableName === undefined) return 'none';
  const reading = { pageSize: 1, signal };
  const hasItems = (await hasAny(itemRepo.listItems(reading))) || (await hasAssignments(context));
  if (!hasItems) return 'unused';
  // A ledger has the key of a bank and can be read as one.
  const ledger = new ItemBankDynamoDbRepository({ tableName: ledgerTableName, client });
  for (let look = 1; look <= MAX_LOOKS; look++) {
    if (look > 1) await sleep(LOOK_INTERVAL_MS, null, { signal });
    if (await hasAny(ledger.listItems(reading))) return 'filled';
  }
  return 'unfilled';
}

async function hasAny(listing: AsyncIterable<unknown>): Promise<boolean> {
  for await (const _ of listing) return true;
  return false;
}

/** Of this bank: several may share the table. Rows that do not tell count as its own. */
async function hasAssignments({
  deduplicationRepo,
  itemRepo,
  signal,
}: Context<unknown>): Promise<boolean> {
  let seen = 0;
  const listing = deduplicationRepo.listAssignments({ pageSize: ASSIGNMENTS_TO_LOOK_AT, signal });
  for await (const { itemBankTableName: bank } of listing) {
    if (bank === null || nameOf(bank) === nameOf(itemRepo.tableName)) return true;
    if (++seen === ASSIGNMENTS_TO_LOOK_AT) return false;
  }
  return false;
}

/** A table can be named by its ARN as well. */
function nameOf(tableName: string): string {
  return tableName.slice(tableName.lastIndexOf('/') + 1);
}
