// Which fault can befall which request, and the errors that the SDK makes of them.
import type { CancellationReason, TransactWriteItem } from '@aws-sdk/client-dynamodb';
import type { FaultKind } from './scenario.js';
import {
  cancelled,
  DEDUPLICATION,
  failure,
  hasFailed,
  type SimulatedDynamoDb,
} from './simulated-dynamodb.js';

interface FaultyRequest {
  readonly operation: string;
  // biome-ignore lint/suspicious/noExplicitAny: the input's type depends on the operation.
  readonly input: any;
}

const STALE_READS: readonly string[] = ['GetItemCommand', 'ScanCommand', 'BatchGetItemCommand'];

export function isWrite({ operation }: FaultyRequest): boolean {
  return operation === 'TransactWriteItemsCommand';
}

export function canHappen(
  kind: FaultKind,
  request: FaultyRequest,
  dynamoDb: SimulatedDynamoDb,
): boolean {
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
    case 'reasons told in part':
      return isWrite(request) && dynamoDb.hasManyReasonsAgainst(input);
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

interface Claim {
  readonly id: string;
  readonly item: string;
}

/** The claims that travel in a request. */
export function claimsOf({ input }: FaultyRequest): Claim[] {
  const actions: readonly TransactWriteItem[] = input.TransactItems;
  return actions
    .filter(({ Put }) => Put?.TableName === DEDUPLICATION)
    .map(({ Put }) => ({
      id: Put?.Item?.deduplication_id?.S as string,
      item: Put?.Item?.item_string?.S as string,
    }));
}

/** A number of so many possibilities: 0 or above, and below them. */
type PickOne = (possibilities: number) => number;

/** One or two of the actions, whichever, are the reason. */
export function cancelledBy({ input }: FaultyRequest, code: string, pickOne: PickOne): Error {
  const actions = input.TransactItems as readonly unknown[];
  const first = pickOne(actions.length);
  const second = first + pickOne(actions.length - first);
  return cancelled(
    actions.map((_, position) => ({
      Code: position === first || position === second ? code : 'None',
    })),
  );
}

export function serverError(): Error {
  return failure('InternalServerError', { $fault: 'server', $metadata: { httpStatusCode: 500 } });
}

/** One of the reasons lacks its row, or all do. */
export function withoutItems(error: Error, pickOne: PickOne): Error {
  const withItem = reasonsOf(error).filter(({ Item }) => Item !== undefined);
  const { length } = withItem;
  const picked = pickOne(length > 1 ? length + 1 : 1);
  const isPicked = (position: number) => position === picked || picked === length;
  for (const [position, reason] of withItem.entries()) if (isPicked(position)) delete reason.Item;
  return error;
}

/** Of the reasons that there are, only one is told. */
export function toldInPart(error: Error, pickOne: PickOne): Error {
  const reasons = reasonsOf(error);
  const failing = reasons.filter(hasFailed);
  const told = failing[pickOne(failing.length)];
  return cancelled(reasons.map((reason) => (reason === told ? reason : { Code: 'None' })));
}

function reasonsOf(error: Error): readonly CancellationReason[] {
  const { CancellationReasons = [] } = error as { CancellationReasons?: CancellationReason[] };
  return CancellationReasons;
}
