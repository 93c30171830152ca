// What is told while others, or throttling, are in the way of a write.
import { Deduplicator, onStorageBoxEvent, type StorageBoxEvent } from 'storagebox';
import { expect, onTestFinished, test } from 'vitest';
import { cancellation, intercept, serviceError } from '../../support/interceptor.js';
import { freshTables, openPair } from '../../support/tables.js';
import { useVirtualTime } from '../../support/virtual-time.js';

async function obstacles(...failures: readonly Error[]) {
  const { advance } = useVirtualTime();
  const tables = await freshTables();
  const deduplicator = new Deduplicator(openPair(tables));
  await deduplicator.addItemsToBank(['voucher']);
  const events: StorageBoxEvent[] = [];
  onTestFinished(onStorageBoxEvent((event) => events.push(event)));
  const waiting = failures.values();
  intercept(tables.client, async (call) => {
    if (call.operation !== 'TransactWriteItems') return call.send();
    advance(100);
    const { value: failure } = waiting.next();
    if (failure !== undefined) throw failure;
    return call.send();
  });
  await deduplicator.claim('user');
  expect(events.pop()?.type).toBe('claim');
  const { deduplicationTableName, itemBankTableName } = tables;
  for (const event of events) {
    expect(event).toMatchObject({ tableNames: [deduplicationTableName, itemBankTableName] });
  }
  return events as (StorageBoxEvent & { attempt: number })[];
}

test('each conflict with another transaction is told, with how long the write has been trying', async () => {
  const conflict = cancellation('TransactionConflict', 'None');
  const events = await obstacles(conflict, conflict);
  expect(events.map(({ type, attempt }) => [type, attempt])).toEqual([
    ['contention', 1],
    ['contention', 2],
  ]);
  expect(events[0]?.durationMs).toBe(100);
  expect(events[1]?.durationMs).toBeGreaterThanOrEqual(200);
});

test('throttling is told as such, however DynamoDB says it', async () => {
  const events = await obstacles(
    cancellation('None', 'ThrottlingError'),
    cancellation('ProvisionedThroughputExceeded', 'TransactionConflict'),
    serviceError('ProvisionedThroughputExceededException'),
  );
  expect(events.map(({ type }) => type)).toEqual(['throttled', 'throttled', 'throttled']);
});

test('a write of unknown outcome is neither', async () => {
  expect(await obstacles(serviceError('InternalServerError', {}, 500))).toEqual([]);
});
