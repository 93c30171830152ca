// All scans of the package, strongly consistent: a page must not miss what is in a table, nor show what has
// left it.
import {
  ScanCommand,
  type ScanCommandInput,
  type ScanCommandOutput,
} from '@aws-sdk/client-dynamodb';
import { MalformedReplyError } from '../contracts/errors.js';
import type { Segment } from '../store-kit/listing.js';
import { isThrottling } from './obstacles.js';
import { sendRead } from './reads.js';
import { keyOf, type Row, type Table } from './table.js';
import { HELD_UNTIL_ATTRIBUTE } from './tables.js';

export interface PageToScan {
  /** `null` for the beginning. It need not exist. */
  readonly startKey: string | null;
  /** How many rows at most; `undefined` for as many as a page holds, 1 MB. */
  readonly limit?: number | undefined;
  readonly segment?: Segment | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called each time that the scan is throttled, also before the SDK's own retries. */
  readonly onThrottled?: (() => void) | undefined;
}

export type Filter = Pick<
  ScanCommandInput,
  'FilterExpression' | 'ExpressionAttributeNames' | 'ExpressionAttributeValues'
>;

/** The rows of a page, with these attributes. */
export async function scanRows(
  table: Table,
  page: PageToScan,
  attributes: readonly string[],
): Promise<{ readonly rows: readonly Row[]; readonly nextKey: string | null }> {
  const names = attributes.map((attribute, index) => [`#${index}`, attribute] as const);
  const { Items: rows, nextKey } = await scan(table, page, {
    ProjectionExpression: names.map(([placeholder]) => placeholder).join(),
    ExpressionAttributeNames: Object.fromEntries(names),
  });
  // DynamoDB sends it even when it is empty; a reply without it says nothing about the table.
  if (rows === undefined) throw new MalformedReplyError('Scan', 'Items');
  return { rows, nextKey };
}

/** How many rows of a page fit the filter. */
export async function scanCount(
  table: Table,
  page: PageToScan,
  filter: Filter,
): Promise<{ readonly count: number; readonly nextKey: string | null }> {
  const { Count: count, nextKey } = await scan(table, page, { Select: 'COUNT', ...filter });
  if (count === undefined) throw new MalformedReplyError('Scan', 'Count');
  return { count, nextKey };
}

async function scan(
  table: Table,
  { startKey, limit, segment, signal, onThrottled }: PageToScan,
  selection: Partial<ScanCommandInput>,
): Promise<Pick<ScanCommandOutput, 'Items' | 'Count'> & { readonly nextKey: string | null }> {
  const command = new ScanCommand({
    TableName: table.tableName,
    ConsistentRead: true,
    Limit: limit,
    ...selection,
    ...(segment !== undefined && { Segment: segment.number, TotalSegments: segment.total }),
    ...(startKey !== null && { ExclusiveStartKey: { [table.key]: { S: startKey } } }),
  });
  if (onThrottled !== undefined) watchThrottling(command, onThrottled);
  const options = signal === undefined ? {} : { abortSignal: signal };
  const send = () => table.client.send(command, options);
  const { Items, Count, LastEvaluatedKey } = await sendRead(table, send, { signal });
  const nextKey = LastEvaluatedKey === undefined ? null : keyOf(table, LastEvaluatedKey);
  return { Items, Count, nextKey };
}

/**
 * The keys of the deduplication rows whose hold had ended at that time: from the index, which is eventually
 * consistent, or from the whole table.
 */
export async function* scanExpiredHolds(
  table: Table,
  indexName: string | null,
  at: Date,
  signal: AbortSignal | undefined,
): AsyncGenerator<string, void, void> {
  let startKey: Row | undefined;
  do {
    const command = new ScanCommand({
      TableName: table.tableName,
      ...(indexName === null ? { ConsistentRead: true } : { IndexName: indexName }),
      // Times in ISO 8601, all of them in UTC, sort as text.
      FilterExpression: '#held_until <= :at',
      ProjectionExpression: '#key',
      ExpressionAttributeNames: { '#held_until': HELD_UNTIL_ATTRIBUTE, '#key': table.key },
      ExpressionAttributeValues: { ':at': { S: at.toISOString() } },
      ...(startKey !== undefined && { ExclusiveStartKey: startKey }),
    });
    const options = signal === undefined ? {} : { abortSignal: signal };
    const send = () => table.client.send(command, options);
    const { Items, LastEvaluatedKey } = await sendRead(table, send, { signal });
    if (Items === undefined) throw new MalformedReplyError('Scan', 'Items');
    for (const row of Items) yield keyOf(table, row);
    startKey = LastEvaluatedKey;
  } while (startKey !== undefined);
}

function watchThrottling({ middlewareStack }: ScanCommand, onThrottled: () => void): void {
  middlewareStack.add(
    (next) => (args) =>
      next(args).catch((error: unknown) => {
        if (isThrottling(error)) onThrottled();
        throw error;
      }),
    // Runs for each attempt: the SDK's retries can take longer than the time after which a scan is slow.
    { step: 'finalizeRequest', priority: 'low' },
  );
}
