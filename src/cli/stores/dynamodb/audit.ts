// What an audit reads of the tables, and writes to repair them.
import {
  type TransactGetItem,
  TransactGetItemsCommand,
  type TransactWriteItem,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import { listingOf, type PageRequest } from 'storagebox/core';
import type { AuditedStore, LedgerEntry, Whereabouts } from '../store.js';
import { withPatience } from './patience.js';
import { scanPage, type TableRow } from './scan.js';
import {
  DEDUPLICATION_KEY,
  ITEM_ATTRIBUTE,
  ITEM_KEY,
  RETIRED_AT_ATTRIBUTE,
  requestToAll,
  type Tables,
} from './tables.js';

/** See "TransactGetItems" in the API reference. */
const MAX_READS_PER_TRANSACTION = 100;

export function auditedTables(tables: Tables): AuditedStore {
  return {
    ledgerEntries: (segments) => ledgerEntries(tables, segments),
    lookAt: (item, deduplicationIds) => lookAt(tables, item, deduplicationIds),
    takeOutOfBank: (item, owner) => takeOutOfBank(tables, item, owner),
  };
}

function ledgerEntries(tables: Tables, segments: number): AsyncIterable<LedgerEntry> {
  const { signal, ledgerTableName } = tables;
  if (ledgerTableName === undefined) return noEntries();
  const readPage = async ({ segment, startKey }: PageRequest) => {
    const { rows, lastKey } = await scanPage(tables, {
      TableName: ledgerTableName,
      Segment: segment.number,
      TotalSegments: segment.total,
      ProjectionExpression: '#item, #retiredAt',
      ExpressionAttributeNames: { '#item': ITEM_KEY, '#retiredAt': RETIRED_AT_ATTRIBUTE },
      ...(startKey !== null && { ExclusiveStartKey: { [ITEM_KEY]: { S: startKey } } }),
    });
    return { rows: rows.map(entryOf), nextKey: lastKey?.[ITEM_KEY]?.S ?? null };
  };
  return listingOf({ name: 'the ledger', readPage }, { segments, signal });
}

async function* noEntries(): AsyncGenerator<LedgerEntry, void, void> {}

function entryOf(row: TableRow) {
  const item = String(row[ITEM_KEY]?.S);
  return { key: item, element: { item, isRetired: row[RETIRED_AT_ATTRIBUTE] !== undefined } };
}

async function lookAt(
  tables: Tables,
  item: string,
  deduplicationIds: readonly string[],
): Promise<Whereabouts> {
  const { client, itemRepo, deduplicationRepo, ledgerTableName, signal } = tables;
  const get = (TableName: string, key: string, value: string): TransactGetItem => ({
    Get: { TableName, Key: { [key]: { S: value } } },
  });
  const gets = [
    get(itemRepo.tableName, ITEM_KEY, item),
    ...(ledgerTableName === undefined ? [] : [get(ledgerTableName, ITEM_KEY, item)]),
  ];
  // If there are more owners, the first ones are enough.
  const asked = deduplicationIds.slice(0, MAX_READS_PER_TRANSACTION - gets.length);
  gets.push(...asked.map((id) => get(deduplicationRepo.tableName, DEDUPLICATION_KEY, id)));
  const { Responses: responses = [] } = await withPatience(requestToAll(tables), () =>
    client.send(new TransactGetItemsCommand({ TransactItems: gets }), { abortSignal: signal }),
  );
  const rows = responses.map(({ Item }) => Item);
  const inBank = rows.shift();
  const entry = ledgerTableName === undefined ? undefined : rows.shift();
  return {
    isInBank: inBank !== undefined,
    isInLedger: entry !== undefined,
    isRetired: entry?.[RETIRED_AT_ATTRIBUTE] !== undefined,
    owners: asked.filter((_, position) => rows[position]?.[ITEM_ATTRIBUTE]?.S === item),
  };
}

async function takeOutOfBank(
  tables: Tables,
  item: string,
  owner: string | undefined,
): Promise<boolean> {
  const { itemRepo, deduplicationRepo, ledgerTableName } = tables;
  const check: TransactWriteItem =
    owner === undefined
      ? {
          ConditionCheck: {
            // Without a ledger, nothing records that an item was retired.
            TableName: ledgerTableName,
            Key: { [ITEM_KEY]: { S: item } },
            ConditionExpression: 'attribute_exists(#retiredAt)',
            ExpressionAttributeNames: { '#retiredAt': RETIRED_AT_ATTRIBUTE },
          },
        }
      : {
          ConditionCheck: {
            TableName: deduplicationRepo.tableName,
            Key: { [DEDUPLICATION_KEY]: { S: owner } },
            ConditionExpression: '#item = :item',
            ExpressionAttributeNames: { '#item': ITEM_ATTRIBUTE },
            ExpressionAttributeValues: { ':item': { S: item } },
          },
        };
  const removal: TransactWriteItem = {
    Delete: {
      TableName: itemRepo.tableName,
      Key: { [ITEM_KEY]: { S: item } },
      ConditionExpression: 'attribute_exists(#item)',
      ExpressionAttributeNames: { '#item': ITEM_KEY },
    },
  };
  return commits(tables, [removal, check]);
}

/** Whether the transaction was applied; `false` if a condition does not hold any more. */
async function commits(tables: Tables, actions: TransactWriteItem[]): Promise<boolean> {
  // One token for all tries, so that it is applied once at most.
  const command = new TransactWriteItemsCommand({
    TransactItems: actions,
    ClientRequestToken: crypto.randomUUID(),
  });
  try {
    await withPatience(requestToAll(tables), () => tables.client.send(command));
    return true;
  } catch (error) {
    const { CancellationReasons: reasons = [] } = error as {
      CancellationReasons?: readonly { Code?: string }[];
    };
    if (reasons.some(({ Code: code }) => code === 'ConditionalCheckFailed')) return false;
    throw error;
  }
}
