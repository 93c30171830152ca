// What becomes of a batch with a ledger when its requests and responses are lost or late.
import { Deduplicator } from 'storagebox';
import { describe, expect, test } from 'vitest';
import { audit } from '../../../support/audit.js';
import { FaultyTransport, responseDropped } from '../../../support/faulty-transport.js';
import { type InterceptedCall, intercept, timeout } from '../../../support/interceptor.js';
import {
  allRows,
  freshTables,
  freshTablesWithLedger,
  openPair,
  type Tables,
  throughOwnClient,
} from '../../../support/tables.js';
import { useVirtualTime } from '../../../support/virtual-time.js';

const vouchers = (count: number) => Array.from({ length: count }, (_, index) => `voucher-${index}`);

/** All of them, each to an ID of its own. */
async function handOut(tables: Tables, count: number): Promise<void> {
  const deduplicator = new Deduplicator(openPair(throughOwnClient(tables)));
  for (let user = 0; user < count; user++) await deduplicator.claim(`user-${user}`);
}

async function expectAllHandedOut(tables: Tables, count: number): Promise<void> {
  const { lost, twice, left, owners } = await audit(throughOwnClient(tables), vouchers(count));
  expect({ lost, twice, left }).toEqual({ lost: 0, twice: 0, left: [] });
  expect(owners.size).toBe(count);
}

test('a response that is lost on the wire: the SDK sends it again, and everything is in once', async () => {
  const tables = await freshTablesWithLedger();
  const transport = new FaultyTransport(tables.client);
  transport.inject('TransactWriteItems', (attempt) =>
    attempt.nth === 1 ? responseDropped(attempt) : attempt.send(),
  );
  const report = await openPair(tables).itemRepo.batchAddItems(vouchers(10));
  expect(transport.attempts).toBe(2);
  expect(report).toEqual({ read: 10, added: 10, repeats: 0, alreadyKnown: 0 });
  expect(await allRows(tables.client, tables.itemBankTableName)).toHaveLength(10);
  expect(await allRows(tables.client, tables.ledgerTableName)).toHaveLength(10);
});

test('a batch whose items are handed out before it is sent again has added them', async () => {
  const tables = await freshTablesWithLedger();
  let transactions = 0;
  intercept(tables.client, async (call) => {
    const output = await call.send();
    if (call.operation !== 'TransactWriteItems' || ++transactions > 1) return output;
    await handOut(tables, 5);
    throw timeout();
  });
  const report = await openPair(tables).itemRepo.batchAddItems(vouchers(5));
  expect(report).toEqual({ read: 5, added: 5, repeats: 0, alreadyKnown: 0 });
  await expectAllHandedOut(tables, 5);
});

test('a batch that ended without an answer is simply made again', async () => {
  useVirtualTime();
  const tables = await freshTablesWithLedger();
  intercept(tables.client, async (call) => {
    const output = await call.send();
    if (call.operation === 'TransactWriteItems') throw timeout();
    return output;
  });
  await expect(openPair(tables).itemRepo.batchAddItems(vouchers(5))).rejects.toMatchObject({
    cause: { code: 'STORAGEBOX_OUTCOME_UNKNOWN' },
    unconfirmed: vouchers(5),
  });
  await handOut(tables, 5);
  const again = openPair(throughOwnClient(tables)).itemRepo;
  expect(await again.batchAddItems(vouchers(5))).toMatchObject({ added: 0, alreadyKnown: 5 });
  await expectAllHandedOut(tables, 5);
});

describe('a request of a second run that arrives when everything has been handed out', () => {
  async function deliverAfterTheSale(tables: Tables) {
    useVirtualTime();
    const late: InterceptedCall[] = [];
    intercept(tables.client, async (call) => {
      if (call.operation !== 'TransactWriteItems') return call.send();
      late.push(call);
      throw timeout();
    });
    const secondRun = openPair(tables).itemRepo.batchAddItems(vouchers(5));
    await expect(secondRun).rejects.toMatchObject({ unconfirmed: vouchers(5) });

    await openPair(throughOwnClient(tables)).itemRepo.batchAddItems(vouchers(5));
    await handOut(tables, 5);
    return late[0]?.send();
  }

  test('puts nothing back', async () => {
    const tables = await freshTablesWithLedger();
    await expect(deliverAfterTheSale(tables)).rejects.toMatchObject({
      name: 'TransactionCanceledException',
    });
    await expectAllHandedOut(tables, 5);
  });

  test('puts everything back where there is no ledger', async () => {
    const tables = await freshTables();
    await deliverAfterTheSale(tables);
    expect(await audit(throughOwnClient(tables), vouchers(5))).toMatchObject({ twice: 5 });
  });
});
