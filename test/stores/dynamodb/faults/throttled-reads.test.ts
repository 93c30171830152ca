// Every read of the package waits out throttling, with one patience.
import { onStorageBoxEvent, type StorageBoxEvent } from 'storagebox';
import { describe, expect, onTestFinished, test } from 'vitest';
import { DeduplicationTable } from '../../../../src/dynamodb/deduplication-table.js';
import { READ_PATIENCE_MS } from '../../../../src/dynamodb/reads.js';
import { intercept, serviceError } from '../../../support/interceptor.js';
import { freshTablesWithLedger, openPair } from '../../../support/tables.js';
import { useVirtualTime } from '../../../support/virtual-time.js';

type Pair = ReturnType<typeof openPair>;

async function firstOf<Element>(listing: AsyncIterable<Element>): Promise<Element | undefined> {
  for await (const element of listing) return element;
  return undefined;
}

interface Read {
  readonly operation: string;
  readonly call: (pair: Pair, signal?: AbortSignal) => Promise<unknown>;
  readonly answer: unknown;
  readonly takesSignal?: true;
}

const READS: Readonly<Record<string, Read>> = {
  countItems: {
    operation: 'Scan',
    call: ({ itemRepo }, signal) => itemRepo.countItems({ signal }),
    answer: 1,
    takesSignal: true,
  },
  listItems: {
    operation: 'Scan',
    call: ({ itemRepo }, signal) => firstOf(itemRepo.listItems({ signal })),
    answer: 'voucher',
    takesSignal: true,
  },
  countAssignments: {
    operation: 'Scan',
    call: ({ deduplicationRepo }, signal) => deduplicationRepo.countAssignments({ signal }),
    answer: 1,
    takesSignal: true,
  },
  listAssignments: {
    operation: 'Scan',
    call: ({ deduplicationRepo }, signal) => firstOf(deduplicationRepo.listAssignments({ signal })),
    answer: expect.objectContaining({ deduplicationId: 'user' }),
    takesSignal: true,
  },
  estimateItemCount: {
    operation: 'DescribeTable',
    call: ({ itemRepo }) => itemRepo.estimateItemCount(),
    answer: expect.any(Number),
  },
  getAssignment: {
    operation: 'GetItem',
    call: ({ deduplicationRepo }) => deduplicationRepo.getAssignment('user'),
    answer: expect.objectContaining({ item: 'voucher of user' }),
  },
  getItemFromBank: {
    operation: 'Scan',
    call: ({ itemRepo }) => itemRepo.getItemFromBank(),
    answer: 'voucher',
  },
};

const throttling = () => serviceError('ProvisionedThroughputExceededException');

/** A pair with an item and an assignment; the operation is throttled as often as is said. */
async function setUp(operation: string, times: number) {
  const tables = await freshTablesWithLedger();
  const pair = openPair(tables);
  await pair.itemRepo.addItemToBank('voucher');
  await pair.deduplicationRepo.putDeduplicationId('user', 'voucher of user');
  const { sleptMs } = useVirtualTime();
  const error = throttling();
  let attempts = 0;
  intercept(tables.client, async (call) => {
    if (call.operation === operation && attempts++ < times) throw error;
    return call.send();
  });
  const events: StorageBoxEvent[] = [];
  onTestFinished(onStorageBoxEvent((event) => events.push(event)));
  return { pair, tables, sleptMs, error, events, attempts: () => attempts };
}

describe.each(Object.entries(READS))('%s, throttled', (_, { operation, call, answer }) => {
  test('for a while is waited out, and told', async () => {
    const { pair, events, sleptMs } = await setUp(operation, 3);
    expect(await call(pair)).toEqual(answer);
    expect(events.filter(({ type }) => type === 'throttled')).toHaveLength(3);
    expect(sleptMs).toHaveLength(3);
  });

  test('without end throws the error of AWS as it is, once the patience is over', async () => {
    const { pair, error, sleptMs } = await setUp(operation, Number.POSITIVE_INFINITY);
    await expect(call(pair)).rejects.toBe(error);
    const waitedMs = sleptMs.reduce((sum, delayMs) => sum + delayMs, 0);
    expect(waitedMs).toBeGreaterThanOrEqual(READ_PATIENCE_MS);
    expect(waitedMs).toBeLessThan(READ_PATIENCE_MS + 1_000);
  });
});

const STOPPABLE = Object.entries(READS).filter(([, { takesSignal }]) => takesSignal);

test.each(STOPPABLE)('%s, throttled, ends when its signal is aborted', async (_, read) => {
  const { pair, attempts } = await setUp(read.operation, Number.POSITIVE_INFINITY);
  const controller = new AbortController();
  const reason = new Error('enough');
  const abortAtSecond = () => {
    if (attempts() === 2) controller.abort(reason);
  };
  onTestFinished(onStorageBoxEvent(abortAtSecond));
  await expect(read.call(pair, controller.signal)).rejects.toBe(reason);
  expect(attempts()).toBe(2);
});

test('one throttled TransactGetItems fails none of those who share it', async () => {
  const { tables, events, attempts } = await setUp('TransactGetItems', 1);
  const { client, deduplicationTableName } = tables;
  const table = new DeduplicationTable(client, deduplicationTableName);
  const users = Array.from({ length: 100 }, (_, index) => `user-${index}`);
  const rows = await Promise.all(
    ['user', ...users.slice(1)].map((user) => table.readRowInTransaction(user)),
  );
  const items = rows.map((row) => row && table.heldItemOf(row).item);
  expect(items).toEqual(['voucher of user', ...users.slice(1).map(() => undefined)]);
  expect(attempts()).toBe(2);
  expect(events).toMatchObject([{ type: 'throttled', tableNames: [deduplicationTableName] }]);
});

test('a throttled look into the ledger is waited out before anything is written', async () => {
  const { pair, tables, attempts } = await setUp('BatchGetItem', 2);
  const written: unknown[] = [];
  intercept(tables.client, async (call) => {
    if (call.operation === 'TransactWriteItems') written.push(call.input);
    return call.send();
  });
  const report = await pair.itemRepo.batchAddItems(['voucher']);
  expect(report).toMatchObject({ added: 0, alreadyKnown: 1 });
  expect(attempts()).toBe(3);
  expect(written).toEqual([]);
});
