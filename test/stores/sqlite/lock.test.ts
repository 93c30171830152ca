// While another connection has the lock: who waits, for how long, and who need not.
import { Deduplicator, onStorageBoxEvent, type StorageBoxEvent } from 'storagebox/core';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  freshFile,
  freshTables,
  openDatabase,
  openPair,
  SQLITE_DRIVERS,
} from '../../support/sqlite.js';
import { settled, useVirtualTime } from '../../support/virtual-time.js';

describe.each(SQLITE_DRIVERS)('$name', (driver) => {
  async function freshSale() {
    const { file, remove } = await freshFile();
    const database = openDatabase(file, driver);
    const other = openDatabase(file, driver);
    onTestFinished(async () => {
      database.close();
      other.close();
      await remove();
    });
    const tables = await freshTables(database);
    const pair = openPair(database, tables);
    const deduplicator = new Deduplicator(pair);
    await deduplicator.addItemsToBank(['item-1', 'item-2', 'item-3']);
    return { database, other, tables, pair, deduplicator };
  }

  test('a claim waits for the lock, tells that it waits, and is served', async () => {
    const { other, tables, deduplicator } = await freshSale();
    const events: StorageBoxEvent[] = [];
    const isBusy = new Promise<void>((resolve) => {
      onTestFinished(
        onStorageBoxEvent((event) => {
          events.push(event);
          if (event.type === 'contention' && event.attempt === 3) resolve();
        }),
      );
    });
    other.exec('begin immediate');
    const claims = Promise.all([deduplicator.claim('user-1'), deduplicator.claim('user-2')]);
    await isBusy;
    other.exec('commit');
    expect((await claims).map(({ status }) => status)).toEqual(['claimed', 'claimed']);
    const obstacles = events.filter(({ type }) => type === 'contention');
    expect(obstacles[0]).toMatchObject({
      attempt: 1,
      tableNames: [tables.assignments, tables.bank],
    });
    expect(events.filter(({ type }) => type === 'claim')).toHaveLength(2);
  });

  test('repeats, looking, and claims of a bank that is sold out do not wait for the lock', async () => {
    const { database, other, tables, pair, deduplicator } = await freshSale();
    const { item } = await deduplicator.claim('user-1');
    other.exec('begin immediate');
    const waiting = deduplicator.claim('user-2');
    const repeats = ['user-1', 'user-1'].map((user) => new Deduplicator(pair).claim(user));
    const told = (await Promise.all(repeats)).map((each) => [each.status, each.item]);
    expect(told).toEqual([
      ['existing', item],
      ['existing', item],
    ]);
    expect(await pair.itemRepo.countItems()).toBe(2);
    expect(await deduplicator.claim('user-3', { item: item as string })).toMatchObject({
      status: 'taken',
    });
    other.exec('commit');
    expect((await waiting).status).toBe('claimed');
    await deduplicator.claim('user-4');
    other.exec('begin immediate');
    const soldOut = await Promise.all([
      deduplicator.claim('user-5'),
      new Deduplicator(openPair(database, tables)).claim('user-6'),
    ]);
    expect(soldOut.map(({ status }) => status)).toEqual(['exhausted', 'exhausted']);
    other.exec('rollback');
  });

  test('what was read has grown old when it comes to the write: the claim sees the latest', async () => {
    const { other, tables, pair, deduplicator } = await freshSale();
    const elsewhere = new Deduplicator(openPair(other, tables));
    // In turns, so that each transaction begins on a state that the other one has just changed.
    for (let round = 0; round < 20; round++) {
      await pair.itemRepo.returnItemToBank('item-1');
      const [one, two] = await Promise.all([
        deduplicator.claim(`user-${round}`, { item: 'item-1' }),
        elsewhere.claim(`rival-${round}`, { item: 'item-1' }),
      ]);
      expect([one.status, two.status].sort()).toEqual(['claimed', 'taken']);
    }
  });

  test('a call gives up when its patience is over, and says why', async () => {
    const { other, pair, deduplicator } = await freshSale();
    const { sleptMs } = useVirtualTime();
    other.exec('begin immediate');
    const calls = [
      deduplicator.claim('user'),
      deduplicator.claim('other user'),
      deduplicator.claim('user with an order', { alongside: () => () => {} }),
      pair.itemRepo.getItemFromBank(),
    ];
    const contention = { code: 'STORAGEBOX_CONTENTION', written: 'nothing' };
    const ended = await Promise.allSettled(calls);
    expect(ended).toMatchObject(calls.map(() => ({ status: 'rejected', reason: contention })));
    // Those that came to their turn know what was in the way; others have waited behind them.
    expect(ended[2]).toMatchObject({ reason: { cause: { message: 'database is locked' } } });
    expect(ended[3]).toMatchObject({ reason: { cause: { message: 'database is locked' } } });
    await expect(pair.itemRepo.batchAddItems(['item-4'])).rejects.toMatchObject({
      notAdded: ['item-4'],
      unconfirmed: [],
      cause: contention,
    });
    other.exec('rollback');
    expect(Math.max(...sleptMs)).toBeLessThanOrEqual(500);
    expect(await pair.itemRepo.countItems()).toBe(3);
    expect((await deduplicator.claim('user')).status).toBe('claimed');
  });

  test('an abort ends the waiting with its reason', async () => {
    const { other, pair, deduplicator } = await freshSale();
    other.exec('begin immediate');
    const controller = new AbortController();
    const { signal } = controller;
    const calls = [
      deduplicator.claim('user', { signal }),
      deduplicator.claim('user with an order', { signal, alongside: () => () => {} }),
      deduplicator.claimAll(['a', 'b'], { signal }),
    ];
    const adding = pair.itemRepo.batchAddItems(['item-4'], { signal });
    await settled();
    const reason = new Error('the user went away');
    controller.abort(reason);
    for (const call of await Promise.allSettled(calls)) {
      expect(call).toMatchObject({ status: 'rejected', reason });
    }
    await expect(adding).rejects.toMatchObject({ notAdded: ['item-4'], cause: reason });
    other.exec('rollback');
    // Whatever was still waiting has ended before this is served.
    expect((await deduplicator.claim('late')).status).toBe('claimed');
    expect(await pair.deduplicationRepo.countAssignments()).toBe(1);
  });

  test('a sweep that comes after a confirmation takes nothing back', async () => {
    const { pair, deduplicator } = await freshSale();
    const writes = await pair.deduplicationRepo.atomicWritesWith(pair.itemRepo);
    for (const user of ['confirmed', 'extended', 'released and held again', 'expired']) {
      await pair.itemRepo.addItemToBank(`of ${user}`);
      await deduplicator.claim(user, { item: `of ${user}`, holdForMs: 1 });
    }
    const at = new Date(Date.now() + 1_000);
    const holds = [];
    for await (const hold of writes?.expiredHolds?.({ at }) ?? []) holds.push(hold);
    expect(holds).toHaveLength(4);
    await deduplicator.confirm('confirmed');
    await deduplicator.claim('extended', { holdForMs: 60_000 });
    await deduplicator.releaseItemForDeduplicationId('released and held again');
    await deduplicator.claim('released and held again', { holdForMs: 60_000 });
    const released = await Promise.all(holds.map((hold) => hold.release({})));
    expect(released.filter((item) => item !== null)).toEqual(['of expired']);
    expect(await pair.deduplicationRepo.countAssignments()).toBe(3);
  });
});
