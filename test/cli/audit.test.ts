// The audit while the tables are in use, and what it repairs.
import { DeleteItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { Deduplicator } from 'storagebox';
import { expect, test } from 'vitest';
import { type AuditResult, auditTables } from '../../src/cli/audit.js';
import { assertTablesAreAtRest, repair } from '../../src/cli/audit-repair.js';
import { describeFailure } from '../../src/cli/failures.js';
import { store } from '../../src/cli/stores/dynamodb/index.js';
import { cancellation, type InterceptedCall, intercept } from '../support/interceptor.js';
import { openedStore } from '../support/opened-store.js';
import {
  allRows,
  freshTables,
  freshTablesWithLedger,
  openPair,
  type Tables,
  throughOwnClient,
} from '../support/tables.js';

const NOTHING = {
  lost: [],
  unknownToLedger: [],
  twice: [],
  severalOwners: [],
  retiredButGiven: [],
};

async function startedSale(tables: Tables) {
  const deduplicator = new Deduplicator(openPair(throughOwnClient(tables)));
  await deduplicator.addItemsToBank(['A-1', 'A-2', 'A-3', 'A-4']);
  const given = String(await deduplicator.fetchItemForDeduplicationId('ann'));
  return { deduplicator, given };
}

/** Does something once, right before the audit's first request that fits. */
function beforeFirst(
  tables: Tables,
  fits: (request: InterceptedCall) => boolean,
  interfere: () => Promise<unknown>,
): void {
  let isDone = false;
  intercept(tables.client, async (request) => {
    if (!isDone && fits(request)) {
      isDone = true;
      await interfere();
    }
    return request.send();
  });
}

const isScanOf =
  (tableName: string) =>
  ({ operation, input }: InterceptedCall) =>
    operation === 'Scan' && (input as { TableName?: string }).TableName === tableName;

test('an item that is claimed between two reads is in its place', async () => {
  const tables = await freshTablesWithLedger();
  const { deduplicator } = await startedSale(tables);
  beforeFirst(tables, isScanOf(tables.deduplicationTableName), () => deduplicator.claim('bob'));
  const { findings, moved } = await auditTables(openedStore(tables), 1);
  expect({ findings, moved }).toEqual({ findings: NOTHING, moved: 1 });
});

test('an item that is released between two reads is in its place', async () => {
  const tables = await freshTablesWithLedger();
  const { deduplicator } = await startedSale(tables);
  beforeFirst(tables, isScanOf(tables.deduplicationTableName), () =>
    deduplicator.releaseItemForDeduplicationId('ann'),
  );
  const { findings, moved } = await auditTables(openedStore(tables), 1);
  expect({ findings, moved }).toEqual({ findings: NOTHING, moved: 1 });
});

test('an item that goes on to another ID during the second look is in its place', async () => {
  const tables = await freshTablesWithLedger();
  const { deduplicator, given } = await startedSale(tables);
  let scans = 0;
  intercept(tables.client, async (request) => {
    if (isScanOf(tables.deduplicationTableName)(request) && ++scans === 1) {
      await deduplicator.releaseItemForDeduplicationId('ann');
    }
    if (request.operation === 'TransactGetItems' && scans === 2) {
      scans++;
      for (const user of ['bob', 'cid', 'dan', 'eve']) await deduplicator.claim(user);
    }
    return request.send();
  });
  const { findings } = await auditTables(openedStore(tables), 1);
  expect(findings).toEqual(NOTHING);
  expect((await allRows(tables.client, tables.deduplicationTableName)).map(itemOf)).toContain(
    given,
  );
});

test('an item that is added or retired meanwhile is in its place', async () => {
  const tables = await freshTablesWithLedger();
  const { deduplicator } = await startedSale(tables);
  beforeFirst(tables, isScanOf(tables.itemBankTableName), async () => {
    await deduplicator.addItemsToBank(['A-5']);
    await deduplicator.retireItemForDeduplicationId('ann');
  });
  const { findings, moved } = await auditTables(openedStore(tables), 1);
  expect({ findings, moved }).toEqual({ findings: NOTHING, moved: 2 });
});

test('transactions that are in the way of the second look are waited for', async () => {
  const tables = await freshTablesWithLedger();
  const { given } = await startedSale(tables);
  await putIntoBank(tables, given);
  let refusals = 0;
  intercept(tables.client, async (request) => {
    if (request.operation !== 'TransactGetItems' || ++refusals > 3) return request.send();
    throw cancellation('TransactionConflict', 'None');
  });
  const { findings } = await auditTables(openedStore(tables), 1);
  expect(findings).toEqual({ ...NOTHING, twice: [given] });
});

test('a ledger that is missing is told by its name', async () => {
  const tables = await freshTables();
  await startedSale(tables);
  const opened = openedStore({ ...tables, ledgerTableName: 'no_such_table' });
  const failure = describeFailure(
    await auditTables(opened, 1).catch((error) => error),
    store.describeFailure,
  );
  expect(failure).toMatchObject({
    message: 'The table "no_such_table" does not exist in this Region for these credentials.',
    remedy: expect.stringContaining('To work without a ledger, pass --no-ledger.'),
    exitCode: 4,
  });
});

test('without a ledger it finds what is there twice', async () => {
  const tables = await freshTables();
  const { given } = await startedSale(tables);
  await putIntoBank(tables, given);
  const { findings, counts } = await auditTables(openedStore(tables), 4);
  expect(findings).toEqual({ ...NOTHING, twice: [given] });
  expect(counts).toEqual({ inBank: 4, given: 1, retired: 0, entered: null });
});

test('a repair takes an item out of the bank only while somebody has it', async () => {
  const tables = await freshTablesWithLedger();
  const { deduplicator, given } = await startedSale(tables);
  await putIntoBank(tables, given);
  const context = openedStore(tables);
  const result = await auditTables(context, 1);
  expect(result.findings.twice).toEqual([given]);
  await deduplicator.releaseItemForDeduplicationId('ann');
  expect(await repair(context, result)).toEqual({ lost: 0, twice: 0, unknownToLedger: 0 });
  expect((await auditTables(context, 1)).findings).toEqual(NOTHING);
});

test('nothing is put back into the bank while items move', () => {
  const result = { findings: { ...NOTHING, lost: ['A-1'] }, moved: 1 } as unknown as AuditResult;
  expect(() => assertTablesAreAtRest(result)).toThrow('may have been handed out');
  expect(() => assertTablesAreAtRest({ ...result, moved: 0 })).not.toThrow();
});

test('a repair puts back what is lost', async () => {
  const tables = await freshTablesWithLedger();
  const { given } = await startedSale(tables);
  const Key = { deduplication_id: { S: 'ann' } };
  await tables.client.send(
    new DeleteItemCommand({ TableName: tables.deduplicationTableName, Key }),
  );
  const context = openedStore(tables);
  const result = await auditTables(context, 1);
  expect(result.findings).toEqual({ ...NOTHING, lost: [given] });
  expect(await repair(context, result)).toEqual({ lost: 1, twice: 0, unknownToLedger: 0 });
  expect((await auditTables(context, 1)).findings).toEqual(NOTHING);
});

function itemOf(row: Record<string, { S?: string | undefined }>): string {
  return String(row.item_string?.S);
}

async function putIntoBank(tables: Tables, item: string): Promise<void> {
  const { client, itemBankTableName: TableName } = throughOwnClient(tables);
  await client.send(new PutItemCommand({ TableName, Item: { item: { S: item } } }));
}
