// Every kind of fault × every kind of request × the first, the last and every attempt at it: the real
// library on the real SDK, with the faults underneath, on DynamoDB Local.
//
// After each cell: the call gave the right answer or threw, never null and never another's item; the
// fault gone, the same call gives the right answer; nothing was lost, nothing is there twice.
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { DEFAULT_CLIENT_CONFIG, Deduplicator, ItemBankDynamoDbRepository } from 'storagebox';
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import { clientConfigFor } from '../../../support/client.js';
import { type Fault, FaultyTransport, refused } from '../../../support/faulty-transport.js';
import { sized } from '../../../support/sizes.js';
import { openPair } from '../../../support/tables.js';
import { useVirtualTime } from '../../../support/virtual-time.js';
import { WireProxy } from '../../../support/wire-proxy.js';
import {
  ALL_PATHS,
  ATTEMPTS,
  type FaultyAttempts,
  isGroup,
  PATHS,
  type Path,
  ROWS,
  type Row,
} from './matrix/rows.js';
import { type FaultyNode, prepare, type Scenario } from './matrix/scenarios.js';
import { World } from './matrix/world.js';

/** The SDK's, for each request. The package sends a transaction again after them. */
const MAX_ATTEMPTS = 3;
/** Small pages, so that a call reads several. */
const FETCH_LIMIT = 4;
/** `npm run verify` runs all of them. */
const TESTED_ATTEMPTS = sized<readonly FaultyAttempts[]>(['first'], ATTEMPTS);
/** Of a row's paths one in so many is tested, shifted from row to row; `npm run verify` tests each. */
const STRIDE = sized(3, 1);
/** For the claims of one row, those of a rush included, which only seem to win. */
const STOCK = sized(100, 150);
/** In real time, for an attempt whose peer falls silent. */
const SILENT_PEER_TIMEOUT_MS = 100;

const LEGEND =
  'right: the right answer · threw: an error that tells the truth · –: the operation has no such ' +
  'reply · …: left to `npm run verify` · ' +
  "last: the SDK's last attempt, after two that were throttled";

let stocked: World;
let soldOut: World;
let proxy: WireProxy;
const cells = new Map<string, string>();

beforeAll(async () => {
  soldOut = await World.withStock(0);
  proxy = await WireProxy.inFrontOf(inject('dynamoDbEndpoint'));
});

afterAll(async () => {
  process.stdout.write(`\n${matrixText()}\n${LEGEND}\n`);
  await proxy.stop();
  await soldOut.dispose();
});

for (const row of ROWS) {
  describe(row.name, () => {
    // Of its own, so that each cell has few rows to judge.
    beforeAll(async () => {
      stocked = await World.withStock(STOCK);
    });
    afterAll(() => stocked.dispose());

    for (const path of testedPaths(row)) {
      for (const attempts of TESTED_ATTEMPTS) {
        test(`${path}, ${attempts} attempt`, async () => {
          cells.set(cellName(row, path, attempts), 'FAILED');
          const outcome = await runCell(row, path, attempts);
          cells.set(cellName(row, path, attempts), outcome);
        });
      }
    }
  });
}

test('each path is tested, and each row on one path at least', () => {
  const tested = ROWS.map(testedPaths);
  expect(new Set(tested.flat())).toEqual(new Set(ALL_PATHS));
  expect(tested.map(({ length }) => length)).not.toContain(0);
});

function testedPaths(row: Row): readonly Path[] {
  const offset = ROWS.indexOf(row) % Math.min(STRIDE, row.paths.length);
  return row.paths.filter((_, index) => index % STRIDE === offset);
}

async function runCell(row: Row, path: Path, attempts: FaultyAttempts): Promise<'right' | 'threw'> {
  const { advance } = useVirtualTime();
  const world = path.startsWith('null') ? soldOut : stocked;
  const node = await openNode(path, row, world);
  const scenario = await prepare(path, row, node, world);
  const fault = row.wireFault === undefined ? row.faultIn(world) : impatient(node.client);
  node.transport.inject(PATHS[path], faultPlan(fault, scenario, row.attemptMs, attempts, advance));
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
  if (outcome.hasThrown) {
    await scenario.expectHonest(outcome.error);
  } else {
    await scenario.expectRight(outcome.answer);
    await scenario.meanwhile?.();
  }
  await node.transport.deliverLateRequests();
  await world.expectSound();

  const mustBeRight = attempts === 'first' && row.riddenOut.includes(path);
  if (mustBeRight || row.blamesOneClaim) scenario.expectOthersRight?.();
  await scenario.expectRight(await scenario.call());
  scenario.expectOthersRight?.();
  if (mustBeRight && outcome.hasThrown) throw outcome.error;
  return outcome.hasThrown ? 'threw' : 'right';
}

/** Which attempts meet the fault, counted over the whole call. */
function faultPlan(
  fault: Fault,
  { aim }: Scenario,
  attemptMs: number,
  attempts: FaultyAttempts,
  advance: (byMs: number) => void,
): Fault {
  const throttled = refused('ThrottlingException');
  const faultyNth = attempts === 'last' ? MAX_ATTEMPTS : 1;
  return (sent) => {
    const attempt = aim?.(sent) ?? sent;
    if (attempt.nth < faultyNth) return throttled(attempt);
    if (attempt.nth > faultyNth && attempts !== 'every') return attempt.send();
    if (attempt.target?.length === 0) return attempt.send();
    advance(attemptMs);
    return fault(attempt);
  };
}

async function openNode(path: Path, { wireFault }: Row, world: World): Promise<FaultyNode> {
  const endpoint = wireFault === undefined ? inject('dynamoDbEndpoint') : proxy.endpoint;
  const client = new DynamoDBClient(clientConfigFor(endpoint));
  onTestFinished(() => client.destroy());
  await retryAtOnce(client);
  const { deduplicationRepo } = openPair({ ...world.tables, client });
  const hasLedger = path.startsWith('ledger') || path === 'retire';
  const itemRepo = new ItemBankDynamoDbRepository({
    tableName: world.tables.itemBankTableName,
    ...(hasLedger && { ledgerTableName: world.tables.ledgerTableName }),
    fetchLimit: isGroup(path) ? STOCK : FETCH_LIMIT,
    client,
  });
  const skipFirstRead = path === 'null, has one' || isGroup(path);
  return {
    client,
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

/**
 * Sends with a short patience for a peer that falls silent: this attempt alone, for others are
 * answered, however late a busy machine is.
 */
function impatient({ config: { requestHandler } }: DynamoDBClient): Fault {
  const handler = requestHandler as unknown as {
    updateHttpClientConfig(key: string, timeoutMs: number): void;
  };
  const { requestTimeout, socketTimeout } = DEFAULT_CLIENT_CONFIG.requestHandler;
  const setTimeouts = (requestTimeoutMs: number, socketTimeoutMs: number) => {
    handler.updateHttpClientConfig('requestTimeout', requestTimeoutMs);
    handler.updateHttpClientConfig('socketTimeout', socketTimeoutMs);
  };
  return async (attempt) => {
    setTimeouts(SILENT_PEER_TIMEOUT_MS, SILENT_PEER_TIMEOUT_MS);
    try {
      return await attempt.send();
    } finally {
      setTimeouts(requestTimeout, socketTimeout);
    }
  };
}

function cellName(row: Row, path: Path, attempts: FaultyAttempts): string {
  return [row.name, path, attempts].join(' / ');
}

/** A row for each fault, and under each path its three cells. */
function matrixText(): string {
  const table = [
    ['', ...ALL_PATHS],
    ['attempt', ...ALL_PATHS.map(() => TESTED_ATTEMPTS.join(' '))],
    ...ROWS.map((row) => [row.name, ...ALL_PATHS.map((path) => cellsOf(row, path))]),
  ];
  const widths = table[0]?.map((_, column) =>
    Math.max(...table.map((line) => line[column]?.length ?? 0)),
  );
  return table
    .map((line) => line.map((cell, column) => cell.padEnd((widths?.[column] ?? 0) + 2)).join(''))
    .map((line) => line.trimEnd())
    .join('\n');
}

function cellsOf(row: Row, path: Path): string {
  if (!row.paths.includes(path)) return '–';
  if (!testedPaths(row).includes(path)) return '…';
  return TESTED_ATTEMPTS.map((attempts) => cells.get(cellName(row, path, attempts)) ?? '–').join(
    ' ',
  );
}
