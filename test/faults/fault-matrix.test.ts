// Every kind of fault × every kind of request × the first, the last and every attempt at it: the real
// library on the real SDK, with the faults underneath, on DynamoDB Local.
//
// After each cell: the call gave the right answer or threw, never null and never another's item; the
// fault gone, the same call gives the right answer; nothing was lost, nothing is there twice.
import { randomUUID } from 'node:crypto';
import {
  type AttributeValue,
  DynamoDBClient,
  TransactWriteItemsCommand,
} from '@aws-sdk/client-dynamodb';
import {
  type BatchAddItemsReport,
  Deduplicator,
  ItemBankDynamoDbRepository,
  isStorageBoxError,
} from 'storagebox';
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import { audit } from '../support/audit.js';
import { clientConfigFor } from '../support/client.js';
import {
  allConditionsFailed,
  allConditionsFailedWithoutItem,
  cancelled,
  delayed,
  deliveredAgainLater,
  deliveredTooLate,
  deliveredTwice,
  dropped,
  emptyPage,
  type Fault,
  FaultyTransport,
  internalErrorAfter,
  internalErrorBefore,
  malformed,
  refused,
  responseDropped,
  staleGet,
  stalePage,
} from '../support/faulty-transport.js';
import { deleteTables, freshTables, openPair, type Tables } from '../support/tables.js';
import { useVirtualTime } from '../support/virtual-time.js';
import { WIRE_FAULTS, type WireFault, WireProxy } from '../support/wire-proxy.js';

const PATHS = {
  /** A new ID; the fault is in the way of the candidates. */
  scan: 'Scan',
  /** An ID that has an item; the fault is in the way of the first read. */
  get: 'GetItem',
  /** A new ID. */
  claim: 'TransactWriteItems',
  /** A batch of three new items. */
  add: 'TransactWriteItems',
  /** A new ID on an empty bank: the read before null. */
  'null, none': 'TransactGetItems',
  /** An ID that has an item on an empty bank, and no first read told it. */
  'null, has one': 'TransactGetItems',
} as const;
type Path = keyof typeof PATHS;
const ALL_PATHS = Object.keys(PATHS) as Path[];
const WRITES: readonly Path[] = ['claim', 'add'];
const TRANSACTIONS: readonly Path[] = ['claim', 'add', 'null, none', 'null, has one'];

/** The last one of the SDK's: those before it are throttled, so that it is made at all. */
const ATTEMPTS = ['first', 'last', 'every'] as const;
type FaultyAttempts = (typeof ATTEMPTS)[number];

/** The SDK's, for each request. The package sends a transaction again after them. */
const MAX_ATTEMPTS = 3;
/** Small pages, so that a call reads several. */
const FETCH_LIMIT = 4;
const STOCK = 450;
/**
 * What an attempt that no answer ends costs on the package's clock: with the default client 5 s in
 * silence, up to 10 s when the peer stalls.
 */
const UNANSWERED_MS = 9_000;
const ANSWERED_MS = 20;
/** In real time, where a peer falls silent. */
const SHORT_TIMEOUTS = {
  connectionTimeout: 200,
  requestTimeout: 200,
  throwOnRequestTimeout: true,
  socketTimeout: 200,
};

const LEGEND =
  'right: the right answer · threw: an error that tells the truth · –: the operation has no such ' +
  "reply · last: the SDK's last attempt, after two that were throttled";

interface Row {
  readonly name: string;
  readonly fault: Fault;
  readonly wireFault?: WireFault;
  /** The paths whose operation knows such a reply. */
  readonly paths: readonly Path[];
  readonly attemptMs: number;
  /** Whether a write that meets it may have been applied. */
  readonly leavesOutcomeOpen: boolean;
  /** The paths on which one such attempt does not reach the caller. */
  readonly riddenOut: readonly Path[];
}

const outcomeTold = (name: string, fault: Fault, paths: readonly Path[] = ALL_PATHS): Row => ({
  name,
  fault,
  paths,
  attemptMs: ANSWERED_MS,
  leavesOutcomeOpen: false,
  riddenOut: paths,
});

const outcomeOpen = (name: string, fault: Fault, attemptMs = UNANSWERED_MS): Row => ({
  name,
  fault,
  paths: ALL_PATHS,
  attemptMs,
  leavesOutcomeOpen: true,
  riddenOut: ALL_PATHS,
});

/** The SDK does not send a read again whose reply it cannot read. */
const malformedReply = (name: string, change: (body: string) => string): Row => ({
  ...outcomeOpen(name, malformed(change), ANSWERED_MS),
  riddenOut: WRITES,
});

const onTheWire = (wireFault: WireFault): Row => ({
  ...outcomeOpen(`wire: ${wireFault}`, (attempt) => attempt.send()),
  wireFault,
});

const cancellations = (): Row[] =>
  ['TransactionConflict', 'ThrottlingError', 'ProvisionedThroughputExceeded'].flatMap((code) => [
    outcomeTold(`${code} on the ID`, cancelled(code, 1), WRITES),
    outcomeTold(`${code} on the item`, cancelled(code, 0), TRANSACTIONS),
  ]);

const ROWS: readonly Row[] = [
  outcomeOpen('dropped before it was applied', dropped),
  outcomeOpen('applied, response dropped', responseDropped),
  outcomeOpen('applied after it was given up', deliveredTooLate),
  outcomeTold('delayed', delayed),
  outcomeTold('delivered twice', deliveredTwice),
  outcomeTold('delivered again after the call', deliveredAgainLater),
  outcomeOpen('500 before it was applied', internalErrorBefore, ANSWERED_MS),
  outcomeOpen('500 after it was applied', internalErrorAfter, ANSWERED_MS),
  outcomeTold('ThrottlingException', refused('ThrottlingException')),
  outcomeTold('ProvisionedThroughputExceeded…', refused('ProvisionedThroughputExceededException')),
  { ...outcomeTold('access denied', refused('AccessDeniedException')), riddenOut: [] },
  ...cancellations(),
  outcomeTold('every condition failed', allConditionsFailed, WRITES),
  outcomeTold('ID taken, reason without Item', allConditionsFailedWithoutItem, ['claim']),
  {
    ...outcomeTold(
      'stale page',
      stalePage((items) => stocked.othersTake(items)),
      ['scan'],
    ),
    // Else the call goes on, as it should, until others have taken the whole stock.
    attemptMs: 1_000,
  },
  outcomeTold('stale get', staleGet, ['get']),
  outcomeTold('empty page, not the last', emptyPage, ['scan']),
  malformedReply('200, truncated JSON', (body) => body.slice(0, -1)),
  malformedReply('200, no JSON', () => '<html>Sign in to the network</html>'),
  malformedReply('200, other JSON', () => '{"message":"OK"}'),
  malformedReply('200, empty body', () => ''),
  ...WIRE_FAULTS.map(onTheWire),
];

/** Two tables, and what is known about them. */
class World {
  readonly tables: Tables;
  /** Items that are certainly in one of the tables. */
  readonly #seeded = new Set<string>();
  readonly #owners = new Map<string, string>();

  constructor(tables: Tables) {
    this.tables = tables;
  }

  async add(items: readonly string[]): Promise<void> {
    await openPair(this.tables).itemRepo.batchAddItems(items);
    this.noteAdded(items);
  }

  noteAdded(items: readonly string[]): void {
    for (const item of items) this.#seeded.add(item);
  }

  async assign(deduplicationId: string, item: string): Promise<void> {
    await openPair(this.tables).deduplicationRepo.putDeduplicationId(deduplicationId, item);
    this.noteAdded([item]);
  }

  /** Other nodes claim these items, each for an ID of its own. */
  async othersTake(items: readonly string[]): Promise<void> {
    const { client, itemBankTableName, deduplicationTableName } = this.tables;
    const key = (name: string, value: string): Record<string, AttributeValue> => ({
      [name]: { S: value },
    });
    for (const item of items) {
      const row = {
        ...key('deduplication_id', `other-${randomUUID()}`),
        ...key('item_string', item),
      };
      const TransactItems = [
        { Put: { TableName: deduplicationTableName, Item: row } },
        { Delete: { TableName: itemBankTableName, Key: key('item', item) } },
      ];
      await client.send(new TransactWriteItemsCommand({ TransactItems }));
    }
  }

  ownerOf(deduplicationId: string): string | undefined {
    return this.#owners.get(deduplicationId);
  }

  /** P2 and P3 of all that was ever put in, P1 of all IDs that were ever seen with an item. */
  async expectSound(): Promise<{ readonly left: ReadonlySet<string> }> {
    const { lost, twice, owners, left } = await audit(this.tables, this.#seeded);
    expect({ lost, twice }).toEqual({ lost: 0, twice: 0 });
    for (const [deduplicationId, item] of this.#owners) {
      if (owners.get(deduplicationId) !== item) expect(owners.get(deduplicationId)).toBe(item);
    }
    for (const [deduplicationId, item] of owners) this.#owners.set(deduplicationId, item);
    return { left: new Set(left) };
  }
}

/** One process, through a transport and a proxy that can be made faulty. */
interface ServerNode {
  readonly itemRepo: ItemBankDynamoDbRepository;
  readonly deduplicator: Deduplicator;
  readonly transport: FaultyTransport;
}

/** What a cell does, and what is right. */
interface Scenario {
  readonly world: World;
  call(): Promise<unknown>;
  expectRight(answer: unknown): Promise<void>;
  /** The error tells the truth. */
  expectHonest(error: unknown, row: Row): Promise<void>;
}

let stocked: World;
let soldOut: World;
let proxy: WireProxy;
const cells = new Map<string, string>();

beforeAll(async () => {
  stocked = new World(await freshTables());
  soldOut = new World(await freshTables());
  await stocked.add(Array.from({ length: STOCK }, () => `stock-${randomUUID()}`));
  proxy = await WireProxy.inFrontOf(inject('dynamoDbEndpoint'));
});

afterAll(async () => {
  process.stdout.write(`\n${matrixText()}\n${LEGEND}\n`);
  await proxy.stop();
  await deleteTables(stocked.tables);
  await deleteTables(soldOut.tables);
});

for (const row of ROWS) {
  describe(row.name, () => {
    for (const path of row.paths) {
      for (const attempts of ATTEMPTS) {
        test(`${path}, ${attempts} attempt`, async () => {
          cells.set(cellName(row, path, attempts), 'FAILED');
          const outcome = await runCell(row, path, attempts);
          cells.set(cellName(row, path, attempts), outcome);
        });
      }
    }
  });
}

async function runCell(row: Row, path: Path, attempts: FaultyAttempts): Promise<'right' | 'threw'> {
  const { advance } = useVirtualTime();
  const node = await openNode(path, row);
  const scenario = await prepare(path, node);
  node.transport.inject(PATHS[path], faultPlan(row, attempts, advance));
  proxy.inject((operation, nth) =>
    operation === PATHS[path] && (attempts === 'every' || nth === 1)
      ? (row.wireFault ?? null)
      : null,
  );

  const outcome = await scenario.call().then(
    (answer) => ({ hasThrown: false, answer }) as const,
    (error: unknown) => ({ hasThrown: true, error }) as const,
  );
  expect(node.transport.attempts).toBeGreaterThanOrEqual(attempts === 'last' ? MAX_ATTEMPTS : 1);
  if (row.wireFault !== undefined) expect(proxy.faults).toBeGreaterThan(0);
  node.transport.heal();
  proxy.heal();
  if (outcome.hasThrown) await scenario.expectHonest(outcome.error, row);
  else await scenario.expectRight(outcome.answer);
  await node.transport.deliverLateRequests();
  await scenario.world.expectSound();

  await scenario.expectRight(await scenario.call());
  const mustBeRight = attempts === 'first' && row.riddenOut.includes(path);
  if (mustBeRight && outcome.hasThrown) throw outcome.error;
  return outcome.hasThrown ? 'threw' : 'right';
}

/** Which attempts meet the fault, counted over the whole call. */
function faultPlan(
  { fault, attemptMs }: Row,
  attempts: FaultyAttempts,
  advance: (byMs: number) => void,
): Fault {
  const throttled = refused('ThrottlingException');
  const faultyNth = attempts === 'last' ? MAX_ATTEMPTS : 1;
  return (attempt) => {
    if (attempt.nth < faultyNth) return throttled(attempt);
    if (attempt.nth > faultyNth && attempts !== 'every') return attempt.send();
    advance(attemptMs);
    return fault(attempt);
  };
}

async function openNode(path: Path, { wireFault }: Row): Promise<ServerNode> {
  const world = worldOf(path);
  const client =
    wireFault === undefined
      ? new DynamoDBClient(clientConfigFor(inject('dynamoDbEndpoint')))
      : new DynamoDBClient({
          ...clientConfigFor(proxy.endpoint),
          requestHandler: SHORT_TIMEOUTS,
        });
  onTestFinished(() => client.destroy());
  await retryAtOnce(client);
  const { deduplicationRepo } = openPair({ ...world.tables, client });
  const itemRepo = new ItemBankDynamoDbRepository({
    tableName: world.tables.itemBankTableName,
    fetchLimit: FETCH_LIMIT,
    client,
  });
  const skipFirstRead = path === 'null, has one';
  return {
    itemRepo,
    deduplicator: new Deduplicator({ itemRepo, deduplicationRepo, skipFirstRead }),
    transport: new FaultyTransport(client),
  };
}

/** The SDK decides as ever whether to retry, and does not wait before it. */
async function retryAtOnce(client: DynamoDBClient): Promise<void> {
  const strategy = await client.config.retryStrategy();
  expect(strategy).toHaveProperty('retryBackoffStrategy');
  Object.assign(strategy, {
    retryBackoffStrategy: { setDelayBase: () => {}, computeNextBackoffDelay: () => 0 },
  });
}

function worldOf(path: Path): World {
  return path.startsWith('null') ? soldOut : stocked;
}

async function prepare(path: Path, node: ServerNode): Promise<Scenario> {
  const world = worldOf(path);
  const deduplicationId = `user-${randomUUID()}`;
  switch (path) {
    case 'scan':
    case 'claim':
      return claimOf(deduplicationId, node, world, path === 'claim');
    case 'get':
      await new Deduplicator(openPair(world.tables)).claim(deduplicationId);
      await world.expectSound();
      return claimOf(deduplicationId, node, world, false);
    case 'add':
      return additionOf(node, world);
    case 'null, has one':
      await world.assign(deduplicationId, `voucher-${randomUUID()}`);
      return claimOf(deduplicationId, node, world, false);
    case 'null, none':
      return {
        ...claimOf(deduplicationId, node, world, false),
        expectRight: async (answer) => {
          const { left } = await world.expectSound();
          const owner = world.ownerOf(deduplicationId);
          expect({ answer, owner, left: left.size }).toEqual({
            answer: null,
            owner: undefined,
            left: 0,
          });
        },
      };
  }
}

function claimOf(
  deduplicationId: string,
  { deduplicator }: ServerNode,
  world: World,
  isWriteFaulty: boolean,
): Scenario {
  return {
    world,
    call: () => deduplicator.fetchItemForDeduplicationId(deduplicationId),
    expectRight: async (answer) => {
      await world.expectSound();
      expect(answer).toEqual(expect.any(String));
      expect(answer).toBe(world.ownerOf(deduplicationId));
    },
    expectHonest: async (error, { leavesOutcomeOpen }) => {
      expectTold(error);
      expect(isOutcomeUnknown(error)).toBe(isWriteFaulty && leavesOutcomeOpen);
    },
  };
}

function additionOf({ itemRepo }: ServerNode, world: World): Scenario {
  let items = Array.from({ length: 3 }, () => `added-${randomUUID()}`);
  return {
    world,
    call: () => itemRepo.batchAddItems(items),
    expectRight: async (answer) => {
      const { added, alreadyKnown } = answer as BatchAddItemsReport;
      expect(added + alreadyKnown).toBe(items.length);
      world.noteAdded(items);
      const { left } = await world.expectSound();
      expect(items.filter((item) => !left.has(item))).toEqual([]);
      // Whatever of the batch is still on its way must not put it back.
      await world.othersTake(items.slice(0, 1));
      items = items.slice(1);
    },
    expectHonest: async (error, { leavesOutcomeOpen }) => {
      expectTold(error);
      const parts = leavesOutcomeOpen
        ? { notAdded: [], unconfirmed: items }
        : { notAdded: items, unconfirmed: [] };
      expect(error).toMatchObject({ code: 'STORAGEBOX_BATCH_NOT_FULLY_ADDED', added: 0, ...parts });
      expect(isOutcomeUnknown((error as Error).cause)).toBe(leavesOutcomeOpen);
      const { left } = await world.expectSound();
      if (!leavesOutcomeOpen) expect(items.filter((item) => left.has(item))).toEqual([]);
    },
  };
}

/** An error of the package or of the SDK, not of code that was surprised. */
function expectTold(error: unknown): void {
  expect(error).toBeInstanceOf(Error);
  expect(isStorageBoxError(error) || '$metadata' in (error as Error)).toBe(true);
}

function isOutcomeUnknown(error: unknown): boolean {
  return isStorageBoxError(error) && error.code === 'STORAGEBOX_OUTCOME_UNKNOWN';
}

function cellName(row: Row, path: Path, attempts: FaultyAttempts): string {
  return [row.name, path, attempts].join(' / ');
}

function matrixText(): string {
  const groupWidth = ATTEMPTS.length * 7;
  const nameWidth = Math.max(...ROWS.map(({ name }) => name.length)) + 2;
  const line = (name: string, columns: readonly string[], width: number) =>
    (name.padEnd(nameWidth) + columns.map((column) => column.padEnd(width)).join('')).trimEnd();
  return [
    line('', ALL_PATHS, groupWidth),
    line(
      'attempt',
      ALL_PATHS.flatMap(() => ATTEMPTS),
      7,
    ),
    ...ROWS.map((row) =>
      line(
        row.name,
        ALL_PATHS.flatMap((path) => cellsOf(row, path)),
        7,
      ),
    ),
  ].join('\n');
}

function cellsOf(row: Row, path: Path): string[] {
  return ATTEMPTS.map((attempts) => cells.get(cellName(row, path, attempts)) ?? '–');
}
