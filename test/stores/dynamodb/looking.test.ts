// What counting, listing and looking up ask of DynamoDB; what they promise is in the conformance suite.
import { Deduplicator } from 'storagebox';
import { describe, expect, test } from 'vitest';
import { intercept, serviceError } from '../../support/interceptor.js';
import { freshTables, openPair, throughOwnClient } from '../../support/tables.js';

const vouchers = (count: number) =>
  Array.from({ length: count }, (_, index) => `voucher-${index}`).sort();

async function elementsOf<Element>(listing: AsyncIterable<Element>): Promise<Element[]> {
  const elements: Element[] = [];
  for await (const element of listing) elements.push(element);
  return elements;
}

describe('on DynamoDB', () => {
  test('nothing is read before it is asked for, nor again once it is at its end', async () => {
    const tables = await freshTables();
    let requests = 0;
    intercept(tables.client, (call) => {
      requests++;
      return call.send();
    });
    const { itemRepo } = openPair(tables);
    const listing = itemRepo.listItems();
    expect(listing.cursor).toEqual(expect.any(String));
    expect(requests).toBe(0);
    expect(await elementsOf(listing)).toEqual([]);
    expect(await elementsOf(listing)).toEqual([]);
    expect(await elementsOf(itemRepo.listItems({ cursor: listing.cursor }))).toEqual([]);
    expect(requests).toBe(1);
  });

  test('an assignment has the table of its bank by both names', async () => {
    const tables = await freshTables();
    const { itemRepo, deduplicationRepo } = openPair(tables);
    await itemRepo.addItemToBank('voucher');
    await new Deduplicator({ itemRepo, deduplicationRepo }).claim('user');
    const { itemBankTableName } = tables;
    expect(await deduplicationRepo.getAssignment('user')).toMatchObject({
      itemBankName: itemBankTableName,
      itemBankTableName,
    });
  });

  test('all reads are strongly consistent', async () => {
    const tables = await freshTables();
    const isConsistent: unknown[] = [];
    intercept(tables.client, (call) => {
      isConsistent.push(call.input.ConsistentRead);
      return call.send();
    });
    const { itemRepo, deduplicationRepo } = openPair(tables);
    await elementsOf(itemRepo.listItems());
    await elementsOf(deduplicationRepo.listAssignments());
    await itemRepo.countItems();
    await deduplicationRepo.countAssignments();
    await deduplicationRepo.getAssignment('user');
    expect(isConsistent).toEqual([true, true, true, true, true]);
  });

  test('a cursor of another table is refused, one of the same table by its ARN is not', async () => {
    const tables = await freshTables();
    const other = await freshTables();
    const { cursor } = openPair(tables).itemRepo.listItems();
    expect(() => openPair(other).itemRepo.listItems({ cursor })).toThrow(
      `one of the items of "${tables.itemBankTableName}"`,
    );
    const byArn = openPair({
      ...tables,
      itemBankTableName: `arn:aws:dynamodb:eu-west-1:000000000000:table/${tables.itemBankTableName}`,
    });
    expect(() => byArn.itemRepo.listItems({ cursor })).not.toThrow();
  });

  test('a read that fails is told, and the listing goes on from its cursor', async () => {
    const tables = await freshTables();
    await openPair(throughOwnClient(tables)).itemRepo.batchAddItems(vouchers(30));
    const denied = serviceError('AccessDeniedException');
    let reads = 0;
    intercept(tables.client, async (call) => {
      if (++reads === 3) throw denied;
      return call.send();
    });
    const listing = openPair(tables).itemRepo.listItems({ pageSize: 10 });
    const seen: string[] = [];
    const reading = (async () => {
      for await (const item of listing) seen.push(item);
    })();
    await expect(reading).rejects.toBe(denied);
    seen.push(...(await elementsOf(listing)));
    expect(seen.sort()).toEqual(vouchers(30));
  });

  test('a read that is under way is given up when the signal is aborted', async () => {
    const tables = await freshTables();
    const controller = new AbortController();
    const reason = new Error('enough');
    const { signal } = controller;
    tables.client.middlewareStack.add(
      (next) => (args) => {
        controller.abort(reason);
        return next(args);
      },
      { step: 'finalizeRequest' },
    );
    const { itemRepo } = openPair(tables);
    await expect(elementsOf(itemRepo.listItems({ signal }))).rejects.toBe(reason);
  });

  test('a reply without its contents is no empty table', async () => {
    const tables = await freshTables();
    intercept(tables.client, async () => ({}));
    const { itemRepo } = openPair(tables);
    const malformed = { code: 'STORAGEBOX_MALFORMED_REPLY' };
    await expect(elementsOf(itemRepo.listItems())).rejects.toMatchObject(malformed);
    await expect(itemRepo.countItems()).rejects.toMatchObject(malformed);
    await expect(itemRepo.estimateItemCount()).rejects.toMatchObject(malformed);
  });

  test('a missing table is named, and so is one of another kind', async () => {
    const tables = await freshTables();
    const { itemBankTableName, deduplicationTableName } = tables;
    const missing = openPair({ ...tables, itemBankTableName: 'no_such_bank' }).itemRepo;
    const notFound = { code: 'STORAGEBOX_TABLE_NOT_FOUND', tableNames: ['no_such_bank'] };
    await expect(elementsOf(missing.listItems())).rejects.toMatchObject(notFound);
    await expect(missing.countItems()).rejects.toMatchObject(notFound);
    await expect(missing.estimateItemCount()).rejects.toMatchObject(notFound);

    await openPair(tables).itemRepo.addItemToBank('voucher');
    const swapped = openPair({
      ...tables,
      itemBankTableName: deduplicationTableName,
      deduplicationTableName: itemBankTableName,
    });
    await expect(elementsOf(swapped.deduplicationRepo.listAssignments())).rejects.toMatchObject({
      code: 'STORAGEBOX_TABLE_SCHEMA',
      tableName: itemBankTableName,
    });
  });
});
