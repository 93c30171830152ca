// What can be in the way of a request for a while: throttling, and other transactions on the same rows.
import { hasListeners, publish } from '../environment/events.js';
import { cancellationCodes, hasName } from './refusals.js';
import type { Table } from './table.js';

const THROTTLING_REASONS: readonly string[] = ['ThrottlingError', 'ProvisionedThroughputExceeded'];

/** Temporary reasons. The SDK retries no cancelled transaction, so this package does. */
const PASSING_REASONS: readonly string[] = ['TransactionConflict', ...THROTTLING_REASONS];

const THROTTLING_ERRORS: readonly string[] = [
  'ThrottlingException',
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
];

/** Publishes no event for an unknown outcome: it says nothing about the tables. */
export function publishObstacle(
  error: unknown,
  attempt: number,
  durationMs: number,
  tables: readonly Table[],
): void {
  if (!hasListeners()) return;
  const isThrottled = isThrottledInPart(error);
  if (!isThrottled && !isInTheWay(error)) return;
  const tableNames = tables.map(({ tableName }) => tableName);
  publish({ type: isThrottled ? 'throttled' : 'contention', attempt, durationMs, tableNames });
}

/** Whether DynamoDB throttled the request or one of its writes. */
export function isThrottledInPart(error: unknown): boolean {
  const codes = cancellationCodes(error);
  return isThrottling(error) || codes.some(isThrottlingReason);
}

/** Whether other transactions, or throttling, cancelled this one: a retry may succeed. */
export function isInTheWay(error: unknown): boolean {
  return cancellationCodes(error).some(isPassingReason);
}

export function isThrottlingReason(code: string | undefined): boolean {
  return code !== undefined && THROTTLING_REASONS.includes(code);
}

export function isPassingReason(code: string | undefined): boolean {
  return code !== undefined && PASSING_REASONS.includes(code);
}

/** Whether DynamoDB throttled the whole request. */
export function isThrottling(error: unknown): boolean {
  return THROTTLING_ERRORS.some((name) => hasName(error, name));
}
