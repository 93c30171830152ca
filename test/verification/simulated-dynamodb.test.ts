// What the simulated DynamoDB makes of requests, and what the judge makes of the mistakes that it notes.
import type { CancellationReason, TransactWriteItem } from '@aws-sdk/client-dynamodb';
import { expect, test } from 'vitest';
import { EveryPath, replay } from './simulation/choices.js';
import { exploreEveryPath } from './simulation/explore.js';
import { cancelledBy, canHappen, claimsOf, toldInPart, withoutItems } from './simulation/faults.js';
import { judge } from './simulation/judge.js';
import { claim, type Scenario } from './simulation/scenario.js';
import {
  cancelled,
  DEDUPLICATION,
  ITEM_BANK,
  SimulatedDynamoDb,
} from './simulation/simulated-dynamodb.js';
import { SYSTEMATIC_SCENARIOS } from './simulation/systematic-scenarios.js';
import { World } from './simulation/world.js';

const FAILED = 'ConditionalCheckFailed';
const CONFLICT = 'TransactionConflict';

/** The two actions of each claim, given as "ID item". */
const claims = (...pairs: readonly string[]): TransactWriteItem[] =>
  pairs.flatMap((pair) => {
    const [id = '', item = ''] = pair.split(' ');
    return [
      {
        Put: {
          TableName: DEDUPLICATION,
          Item: { deduplication_id: { S: id }, item_string: { S: item } },
          ConditionExpression: 'attribute_not_exists(#id)',
          ExpressionAttributeNames: { '#id': 'deduplication_id' },
          ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
        },
      },
      {
        Delete: {
          TableName: ITEM_BANK,
          Key: { item: { S: item } },
          ConditionExpression: 'attribute_exists(#item)',
          ExpressionAttributeNames: { '#item': 'item' },
        },
      },
    ];
  });

const writes = (token: string, ...pairs: readonly string[]) => ({
  ClientRequestToken: token,
  TransactItems: claims(...pairs),
});

const request = (...pairs: readonly string[]) => ({
  operation: 'TransactWriteItemsCommand',
  input: writes('token', ...pairs),
});

/** One ID has an item, two items are left. */
function someDynamoDb(poisonedIds?: readonly string[]): SimulatedDynamoDb {
  const dynamoDb = new SimulatedDynamoDb(poisonedIds);
  dynamoDb.seed(['item-1', 'item-2']);
  dynamoDb.assign({ a: 'item-3' });
  return dynamoDb;
}

/** The codes of the reasons against a transaction, the name of its refusal, or that it committed. */
function outcomeOf(decide: () => unknown): string | (string | undefined)[] {
  try {
    decide();
    return 'committed';
  } catch (error) {
    const { name, CancellationReasons: reasons } = error as Failure;
    return reasons?.map(({ Code }) => Code) ?? name;
  }
}

interface Failure extends Error {
  readonly CancellationReasons?: readonly CancellationReason[];
}

function write(dynamoDb: SimulatedDynamoDb, token: string, ...pairs: readonly string[]) {
  return outcomeOf(() => {
    const commit = dynamoDb.decide(writes(token, ...pairs), () => {});
    while (commit !== null && !dynamoDb.apply(commit, 0));
  });
}

/** What comes of every choice. */
function everyOutcome<Outcome>(run: (pickOne: (possibilities: number) => number) => Outcome) {
  const paths = new EveryPath();
  const outcomes: Outcome[] = [];
  do {
    paths.begin();
    outcomes.push(run((possibilities) => paths.pick(possibilities, 0)));
  } while (paths.advance());
  return outcomes;
}

function codesOf(error: Error): string {
  const { CancellationReasons: reasons = [] } = error as Failure;
  return reasons.map(({ Code }) => (Code === 'None' ? '-' : 'x')).join('');
}

test('claims that travel together commit together, or each learns what stands against it', () => {
  const dynamoDb = someDynamoDb();
  expect(write(dynamoDb, 'token-1', 'b item-1', 'a item-4', 'c item-2')).toEqual([
    'None',
    'None',
    FAILED,
    FAILED,
    'None',
    'None',
  ]);
  expect([...dynamoDb.present(ITEM_BANK).keys()]).toEqual(['item-1', 'item-2']);
  expect(write(dynamoDb, 'token-2', 'b item-1', 'c item-2')).toBe('committed');
  expect([...dynamoDb.present(DEDUPLICATION).keys()]).toEqual(['a', 'b', 'c']);
  expect(dynamoDb.present(ITEM_BANK).size).toBe(0);
});

test('a transaction with two actions on one row, or too many, is refused and noted', () => {
  const dynamoDb = someDynamoDb();
  expect(write(dynamoDb, 'token-1', 'b item-1', 'c item-1')).toBe('ValidationException');
  const Get = { TableName: DEDUPLICATION, Key: { deduplication_id: { S: 'a' } } };
  const read = () => dynamoDb.transactGet({ TransactItems: [{ Get }, { Get }] });
  expect(outcomeOf(read)).toBe('ValidationException');
  const many = Array.from({ length: 51 }, (_, number) => `id-${number} item-${number}`);
  expect(write(dynamoDb, 'token-2', ...many)).toBe('ValidationException');
  expect(dynamoDb.malformedRequests).toEqual([
    'it has bank item-1 twice',
    'it has ids a twice',
    'it has 102 actions',
  ]);
  // The same name in two tables is no mistake.
  expect(write(dynamoDb, 'token-3', 'item-1 item-1')).toBe('committed');
});

test('a token with other content is refused and noted, a late copy is not', () => {
  const dynamoDb = someDynamoDb();
  expect(write(dynamoDb, 'token', 'b item-4')).toEqual(['None', FAILED]);
  expect(write(dynamoDb, 'token', 'b item-1')).toBe('IdempotentParameterMismatchException');
  expect(dynamoDb.malformedRequests).toHaveLength(1);
  expect(write(dynamoDb, 'other', 'b item-1')).toBe('committed');
  expect(write(dynamoDb, 'other', 'b item-1')).toBe('committed');
  expect(write(dynamoDb, 'other', 'b item-2')).toBe('IdempotentParameterMismatchException');
  expect(dynamoDb.malformedRequests).toHaveLength(2);
});

test('a transaction with a poisoned ID is refused whole, which is no mistake of its sender', () => {
  const dynamoDb = someDynamoDb(['b']);
  expect(write(dynamoDb, 'token-1', 'c item-1', 'b item-2')).toBe('ValidationException');
  expect(write(dynamoDb, 'token-2', 'c item-1')).toBe('committed');
  expect(dynamoDb.malformedRequests).toEqual([]);
});

test('every claim of a request is on its way with it', () => {
  expect(claimsOf(request('a item-1', 'b item-2'))).toEqual([
    { id: 'a', item: 'item-1' },
    { id: 'b', item: 'item-2' },
  ]);
});

test('any action can be what is in the way, or any two', () => {
  const codes = everyOutcome((pickOne) => codesOf(cancelledBy(request('a 1'), CONFLICT, pickOne)));
  expect(codes).toEqual(['x-', 'xx', '-x']);
  const many = everyOutcome((pickOne) =>
    codesOf(cancelledBy(request('a 1', 'b 2'), CONFLICT, pickOne)),
  );
  expect(new Set(many).size).toBe(many.length);
  expect(many).toEqual(expect.arrayContaining(['---x', '-x-x', 'x---', 'x--x']));
});

test('one of the reasons comes without its row, or all do', () => {
  const Item = { deduplication_id: { S: 'a' } };
  const shown = everyOutcome((pickOne) => {
    const error = cancelled([{ Code: FAILED, Item }, { Code: 'None' }, { Code: FAILED, Item }]);
    const { CancellationReasons: reasons = [] } = withoutItems(error, pickOne) as Failure;
    return reasons.map((reason) => reason.Item !== undefined);
  });
  expect(shown).toEqual([
    [false, false, true],
    [true, false, false],
    [false, false, false],
  ]);
});

test('of several reasons any one can be all that is told', () => {
  const told = everyOutcome((pickOne) =>
    codesOf(
      toldInPart(cancelled([{ Code: FAILED }, { Code: 'None' }, { Code: CONFLICT }]), pickOne),
    ),
  );
  expect(told).toEqual(['x--', '--x']);
  const dynamoDb = someDynamoDb();
  const canBeToldInPart = (...pairs: readonly string[]) =>
    canHappen('reasons told in part', request(...pairs), dynamoDb);
  expect(canBeToldInPart('b item-1', 'c item-4')).toBe(false);
  expect(canBeToldInPart('b item-4', 'c item-5')).toBe(true);
  expect(canBeToldInPart('a item-4')).toBe(true);
  expect(write(dynamoDb, 'token', 'b item-1')).toBe('committed');
  // The answer to a token that has committed is that it has.
  expect(canBeToldInPart('b item-1')).toBe(false);
});

const BESIDE_A_POISONED_ID: Scenario = {
  ...(SYSTEMATIC_SCENARIOS[0] as Scenario),
  name: 'a claim beside one for a poisoned ID',
  seeded: ['item-1', 'item-2'],
  processes: 1,
  skipFirstRead: true,
  isVisibleRowByRow: false,
  callers: ['a', 'b'].map((id) => ({ process: 0, calls: [claim(id)] })),
  callersAtOnce: 2,
  poisonedIds: ['b'],
};

test('only the calls for a poisoned ID fail', async () => {
  const bounds = { maxRuns: 10_000, maxMs: Number.MAX_SAFE_INTEGER, maxFindings: 1 };
  const { isComplete, findings, runs } = await exploreEveryPath(BESIDE_A_POISONED_ID, bounds);
  expect({ isComplete, findings }).toEqual({ isComplete: true, findings: [] });
  expect(runs).toBeGreaterThan(1);
});

test('the judge reports a malformed request, and a refusal or an item of the wrong ID', async () => {
  const run = await new World(BESIDE_A_POISONED_ID, replay([])).run();
  expect(judge(run)).toEqual([]);
  expect(run.failedCalls.map(({ id }) => id)).toEqual(['b', 'b', 'b']);
  expect(judge({ ...run, malformedRequests: ['it is wrong'] })).toEqual(['request: it is wrong']);
  expect(judge({ ...run, poisonedIds: [] })).toEqual(
    Array(3).fill(expect.stringMatching(/^poisoned: a call for b threw/)),
  );
  expect(judge({ ...run, poisonedIds: ['a', 'b'] })).toEqual([
    expect.stringMatching(/^poisoned: a got item-\d/),
  ]);
});
