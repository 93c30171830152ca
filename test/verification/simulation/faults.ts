// Which fault can befall which request, and the errors that the SDK makes of them.
import type { FaultKind } from './scenario.js';
import { cancelled, DEDUPLICATION, failure } from './simulated-dynamodb.js';

interface FaultyRequest {
  readonly operation: string;
  // biome-ignore lint/suspicious/noExplicitAny: the input's type depends on the operation.
  readonly input: any;
}

const STALE_READS: readonly string[] = ['GetItemCommand', 'ScanCommand', 'BatchGetItemCommand'];

export function isWrite({ operation }: FaultyRequest): boolean {
  return operation === 'TransactWriteItemsCommand';
}

export function canHappen(kind: FaultKind, request: FaultyRequest): boolean {
  const { operation, input } = request;
  switch (kind) {
    case 'conflict':
      return isWrite(request) || operation === 'TransactGetItemsCommand';
    case 'response lost':
    case 'late':
    case 'delivered twice':
    case 'throttling reason':
    case 'refused':
      return isWrite(request);
    case 'reason without item':
      return isWrite(request) && input.TransactItems[0]?.Put?.TableName === DEDUPLICATION;
    case 'stale read':
      return STALE_READS.includes(operation) && !input.ConsistentRead;
    case 'empty page':
      return operation === 'ScanCommand';
    case 'slow':
      // Befalls whoever waits: see the world's watches.
      return false;
    default:
      return true;
  }
}

export function cancelledBy({ input }: FaultyRequest, code: string): Error {
  const actions = input.TransactItems as readonly unknown[];
  return cancelled(actions.map((_, position) => ({ Code: position === 0 ? code : 'None' })));
}

export function serverError(): Error {
  return failure('InternalServerError', { $fault: 'server', $metadata: { httpStatusCode: 500 } });
}

export function withoutItems(error: Error): Error {
  const { CancellationReasons = [] } = error as { CancellationReasons?: { Item?: unknown }[] };
  for (const reason of CancellationReasons) delete reason.Item;
  return error;
}
