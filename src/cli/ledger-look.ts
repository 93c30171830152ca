// Detects a ledger that was added too late: items that it does not know could enter a second time.
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

/** Several banks can share the table. Among so many rows, there will be one of this bank. */
const ASSIGNMENTS_TO_LOOK_AT = 100;

/** The rows of one transaction become visible one by one, within moments. */
const MAX_LOOKS = 6;
const LOOK_INTERVAL_MS = 250;

/**
 * Reads one page of each table, strongly consistent. The ledger comes last: if somebody else is adding
 * items right now, their rows appear in the ledger at about the same moment as in the bank.
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

/** Several banks may share the table. Rows that do not name their bank count as this bank's own. */
function isOf(bank: string, { item_bank_table: named }: Rows[number]): boolean {
  return named?.S === undefined || nameOf(named.S) === nameOf(bank);
}

/** A table can be named by its ARN as well. */
function nameOf(tableName: string): string {
  return tableName.slice(tableName.lastIndexOf('/') + 1);
}
