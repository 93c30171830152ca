// Puts items back where they belong, as far as the tables tell where that is.
import { type TransactWriteItem, TransactWriteItemsCommand } from '@aws-sdk/client-dynamodb';
import { type AuditContext, type AuditResult, requestToAll } from './audit.js';
import { EXIT_CODES } from './exit-codes.js';
import { CommandFailure } from './failures.js';
import { inParallel, type OwnRequest, withPatience } from './patience.js';

export interface Repaired {
  readonly lost: number;
  readonly twice: number;
  readonly unknownToLedger: number;
}

/** The write that puts an item back cannot check that nobody has the item, so nothing may be moving. */
export function assertTablesAreAtRest({ findings, moved }: AuditResult): void {
  if (findings.lost.length === 0 || moved === 0) return;
  throw new CommandFailure({
    code: 'TABLES_IN_USE',
    message: 'Items moved while the tables were read, so what looks lost may have been handed out.',
    remedy:
      'Stop everything that claims, adds, releases or retires items, wait a minute, and run it again.',
    exitCode: EXIT_CODES.tryAgain,
  });
}

export async function repair(context: AuditContext, result: AuditResult): Promise<Repaired> {
  const { itemRepo, deduplicationRepo, signal } = context;
  const { findings } = result;
  let lost = 0;
  await inParallel(findings.lost, async (item) => {
    signal.throwIfAborted();
    await itemRepo.returnItemToBank(item);
    lost++;
  });
  let twice = 0;
  await inParallel(findings.twice, async (item) => {
    if (await takeOutOfBank(context, item, result.owners.get(item) ?? [])) twice++;
  });
  const unknownToLedger =
    findings.unknownToLedger.length === 0
      ? 0
      : (await itemRepo.fillLedger(deduplicationRepo, { signal })).added;
  return { lost, twice, unknownToLedger };
}

/** Only if the item is still given or retired. If it is neither, it belongs in the bank. */
async function takeOutOfBank(
  context: AuditContext,
  item: string,
  [owner]: readonly string[],
): Promise<boolean> {
  const { itemRepo, deduplicationRepo, ledgerTableName } = context;
  const check: TransactWriteItem =
    owner === undefined
      ? {
          ConditionCheck: {
            // Without a ledger, nothing records that an item was retired.
            TableName: ledgerTableName,
            Key: { item: { S: item } },
            ConditionExpression: 'attribute_exists(#retiredAt)',
            ExpressionAttributeNames: { '#retiredAt': 'retired_at' },
          },
        }
      : {
          ConditionCheck: {
            TableName: deduplicationRepo.tableName,
            Key: { deduplication_id: { S: owner } },
            ConditionExpression: '#item = :item',
            ExpressionAttributeNames: { '#item': 'item_string' },
            ExpressionAttributeValues: { ':item': { S: item } },
          },
        };
  const removal: TransactWriteItem = {
    Delete: {
      TableName: itemRepo.tableName,
      Key: { item: { S: item } },
      ConditionExpression: 'attribute_exists(#item)',
      ExpressionAttributeNames: { '#item': 'item' },
    },
  };
  return commits(requestToAll(context), [removal, check]);
}

/** Whether the transaction was applied; `false` if a condition does not hold any more. */
async function commits(request: OwnRequest, actions: TransactWriteItem[]): Promise<boolean> {
  // One token for all tries, so that it is applied once at most.
  const command = new TransactWriteItemsCommand({
    TransactItems: actions,
    ClientRequestToken: crypto.randomUUID(),
  });
  try {
    await withPatience(request, () => request.client.send(command));
    return true;
  } catch (error) {
    const { CancellationReasons: reasons = [] } = error as {
      CancellationReasons?: readonly { Code?: string }[];
    };
    if (reasons.some(({ Code: code }) => code === 'ConditionalCheckFailed')) return false;
    throw error;
  }
}
