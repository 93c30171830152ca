// Notices a ledger that was named too late: items that it does not know could enter a second time.
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type DynamoDBClient,
  paginateScan,
  type ScanCommandOutput,
} from '@aws-sdk/client-dynamodb';
import type { Context } from './action.js';

/**
 * `unfilled`: the ledger is empty, and items are in the bank or were handed out. `unused`: there are
 * no such items. `none`: there is no ledger.
 */
export type LedgerState = 'filled' | 'unused' | 'unfilled' | 'none';

type Rows = NonNullable<ScanCommandOutput['Items']>;

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
  const { itemRepo, deduplicationRepo, ledgerTableName, client, signal } = context;
  if (ledgerTableName === undefined) return 'none';
  const first = (tableName: string, limit: number) => firstRows(client, tableName, limit, signal);
  const bank = itemRepo.tableName;
  const hasItems =
    (await first(bank, 1)).length > 0 ||
    (await first(deduplicationRepo.tableName, ASSIGNMENTS_TO_LOOK_AT)).some((row) =>
      isOf(bank, row),
    );
  if (!hasItems) return 'unused';
  for (let look = 1; look <= MAX_LOOKS; look++) {
    if (look > 1) await sleep(LOOK_INTERVAL_MS, null, { signal });
    if ((await first(ledgerTableName, 1)).length > 0) return 'filled';
  }
  return 'unfilled';
}

/** The rows of the first page that has any. A page without rows need not be the last one. */
async function firstRows(
  client: DynamoDBClient,
  tableName: string,
  limit: number,
  signal: AbortSignal,
): Promise<Rows> {
  const scan = { TableName: tableName, ConsistentRead: true, Limit: limit };
  try {
    for await (const { Items = [] } of paginateScan({ client }, scan, { abortSignal: signal })) {
      if (Items.length > 0) return Items;
    }
    return [];
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}

/** Several banks may share the table. Rows that do not tell their bank count as its own. */
function isOf(bank: string, { item_bank_table: named }: Rows[number]): boolean {
  return named?.S === undefined || nameOf(named.S) === nameOf(bank);
}

/** A table can be named by its ARN as well. */
function nameOf(tableName: string): string {
  return tableName.slice(tableName.lastIndexOf('/') + 1);
}
