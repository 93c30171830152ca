// Counting, listing and looking up, on both backends.
import { Deduplicator, type Listing } from 'storagebox';
import { DeduplicationMemoryRepository, ItemBankMemoryRepository } from 'storagebox/memory';
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

/** The first elements of a listing, which is then left. */
async function firstOf<Element>(listing: Listing<Element>, count: number): Promise<Element[]> {
  const elements: Element[] = [];
  if (count === 0) return elements;
  for await (const element of listing) {
    elements.push(element);
    if (elements.length === count) break;
  }
  return elements;
}

async function openDynamoDb() {
  const tables = await freshTables();
  return { ...openPair(tables), bankName: tables.itemBankTableName };
}

async function openMemory() {
  return {
    itemRepo: new ItemBankMemoryRepository(),
    deduplicationRepo: new DeduplicationMemoryRepository(),
    bankName: null,
  };
}

describe.each([
  ['DynamoDB', openDynamoDb],
  ['memory', openMemory],
])('on %s', (_name, open) => {
  test('empty stores list nothing, count nothing and know no ID', async () => {
    const { itemRepo, deduplicationRepo } = await open();
    expect(await elementsOf(itemRepo.listItems())).toEqual([]);
    expect(await elementsOf(deduplicationRepo.listAssignments({ segments: 3 }))).toEqual([]);
    expect(await itemRepo.countItems()).toBe(0);
    expect(await itemRepo.estimateItemCount()).toBe(0);
    expect(await deduplicationRepo.countAssignments({ segments: 3 })).toBe(0);
    expect(await deduplicationRepo.estimateAssignmentCount()).toBe(0);
    expect(await deduplicationRepo.getAssignment('user')).toBe(null);
  });

  test('each item is listed once and counted, in any number of segments and pages', async () => {
    const { itemRepo } = await open();
    await itemRepo.batchAddItems(vouchers(60));
    for (const segments of [1, 4, 30]) {
      expect(await itemRepo.countItems({ segments })).toBe(60);
      for (const pageSize of [undefined, 1, 7]) {
        const items = await elementsOf(itemRepo.listItems({ segments, pageSize }));
        expect(items.sort()).toEqual(vouchers(60));
      }
    }
  });

  test('assignments are listed and looked up with ID, item, bank and time', async () => {
    const { itemRepo, deduplicationRepo, bankName } = await open();
    const deduplicator = new Deduplicator({ itemRepo, deduplicationRepo });
    await itemRepo.batchAddItems(vouchers(3));
    const before = new Date();
    const item = await deduplicator.fetchItemForDeduplicationId('user');
    const assignment = {
      deduplicationId: 'user',
      item,
      itemBankTableName: bankName,
      assignedAt: expect.any(Date),
    };
    expect(await elementsOf(deduplicationRepo.listAssignments())).toEqual([assignment]);
    const found = await deduplicationRepo.getAssignment('user');
    expect(found).toEqual(assignment);
    expect(found?.assignedAt?.getTime()).toBeGreaterThanOrEqual(before.getTime());
    expect(found?.assignedAt?.getTime()).toBeLessThanOrEqual(Date.now());
    expect(await deduplicationRepo.countAssignments()).toBe(1);
  });

  test('assignments are counted from a time on', async () => {
    const { itemRepo, deduplicationRepo } = await open();
    const deduplicator = new Deduplicator({ itemRepo, deduplicationRepo });
    await itemRepo.batchAddItems(vouchers(3));
    const times: Date[] = [];
    for (const user of ['user-1', 'user-2', 'user-3']) {
      await deduplicator.claim(user);
      const assignment = await deduplicationRepo.getAssignment(user);
      times.push(assignment?.assignedAt as Date);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    const [first, second] = times as [Date, Date];
    const countAfter = (assignedAfter: Date) =>
      deduplicationRepo.countAssignments({ assignedAfter });
    expect(await countAfter(new Date(first.getTime() - 1))).toBe(3);
    expect(await countAfter(first)).toBe(2);
    expect(await countAfter(second)).toBe(1);
    expect(await countAfter(new Date())).toBe(0);
    await expect(countAfter(new Date('yesterday'))).rejects.toMatchObject({
      code: 'STORAGEBOX_INVALID_OPTION',
      option: 'assignedAfter',
    });
  });

  test('looking up an ID never claims', async () => {
    const { itemRepo, deduplicationRepo } = await open();
    await itemRepo.addItemToBank('voucher');
    expect(await deduplicationRepo.getAssignment('user')).toBe(null);
    expect(await itemRepo.countItems()).toBe(1);
    await expect(deduplicationRepo.getAssignment('')).rejects.toMatchObject({
      code: 'STORAGEBOX_INVALID_DEDUPLICATION_ID',
    });
  });

  test.each([1, 3])(
    'a listing in %i segments goes on from its cursor, wherever it was left',
    async (segments) => {
      const { itemRepo } = await open();
      await itemRepo.batchAddItems(vouchers(30));
      for (let count = 0; count <= 30; count++) {
        const listing = itemRepo.listItems({ segments, pageSize: 4 });
        const first = await firstOf(listing, count);
        expect(first).toHaveLength(count);
        const rest = await elementsOf(itemRepo.listItems({ cursor: listing.cursor }));
        expect([...first, ...rest].sort()).toEqual(vouchers(30));
      }
    },
  );

  test('a listing that was left is taken up again by iterating anew, until nothing is left', async () => {
    const { itemRepo } = await open();
    await itemRepo.batchAddItems(vouchers(30));
    const listing = itemRepo.listItems({ segments: 2, pageSize: 4 });
    const pieces = [await firstOf(listing, 7), await firstOf(listing, 9)];
    pieces.push(await elementsOf(listing));
    expect(pieces.flat().sort()).toEqual(vouchers(30));
    expect(await elementsOf(listing)).toEqual([]);
    expect(await elementsOf(itemRepo.listItems({ cursor: listing.cursor }))).toEqual([]);
  });

  test('a cursor still fits when the item behind which it stands has been handed out', async () => {
    const { itemRepo, deduplicationRepo } = await open();
    await itemRepo.batchAddItems(vouchers(2));
    const listing = itemRepo.listItems();
    const [first] = await firstOf(listing, 1);
    const deduplicator = new Deduplicator({ itemRepo, deduplicationRepo });
    let handedOut: string | null = null;
    for (let user = 0; handedOut !== first; user++) {
      handedOut = await deduplicator.fetchItemForDeduplicationId(`user-${user}`);
    }
    const left = await elementsOf(itemRepo.listItems());
    expect(await elementsOf(itemRepo.listItems({ cursor: listing.cursor }))).toEqual(left);
  });

  test('an aborted signal ends listing and counting with its reason', async () => {
    const { itemRepo } = await open();
    await itemRepo.batchAddItems(vouchers(30));
    const reason = new Error('enough');
    const controller = new AbortController();
    const { signal } = controller;
    const listing = itemRepo.listItems({ signal });
    const seen: string[] = [];
    const reading = (async () => {
      for await (const item of listing) {
        if (seen.push(item) === 5) controller.abort(reason);
      }
    })();
    await expect(reading).rejects.toBe(reason);
    expect(seen).toHaveLength(5);
    const rest = await elementsOf(itemRepo.listItems({ cursor: listing.cursor }));
    expect([...seen, ...rest].sort()).toEqual(vouchers(30));

    await expect(itemRepo.countItems({ signal })).rejects.toBe(reason);
    await expect(elementsOf(itemRepo.listItems({ signal }))).rejects.toBe(reason);
  });

  test('a cursor of anything else is refused at once', async () => {
    const { itemRepo, deduplicationRepo } = await open();
    const ofAssignments = deduplicationRepo.listAssignments().cursor;
    const own = itemRepo.listItems().cursor;
    const bad = [ofAssignments, '', 'cursor', own.slice(1), `${own}AA`, 'bnVsbA', 7 as never];
    for (const cursor of bad) {
      expect(() => itemRepo.listItems({ cursor })).toThrow(
        expect.objectContaining({ code: 'STORAGEBOX_INVALID_OPTION', option: 'cursor' }),
      );
    }
  });
});

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
