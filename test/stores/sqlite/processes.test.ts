// Several processes claim on one file at once, and some of them are killed in the middle.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Deduplicator } from 'storagebox/core';
import { expect, onTestFinished, test } from 'vitest';
import {
  freshFile,
  freshTables,
  openDatabase,
  openPair,
  SQLITE_DRIVERS,
} from '../../support/sqlite.js';
import type { ClaimingTask, Told } from './claiming-process.js';

/** Resolves with all that the process told, and whether it came to its end. */
function claimInProcess(task: ClaimingTask, killAfter = Number.POSITIVE_INFINITY) {
  const worker = fork(fileURLToPath(new URL('claiming-process.ts', import.meta.url)), {
    execArgv: ['--import', 'tsx'],
  });
  const told: Told[] = [];
  let isDone = false;
  worker.on('message', (message: Told | 'done') => {
    if (message === 'done') {
      isDone = true;
      return;
    }
    told.push(message);
    if (told.length === killAfter) worker.kill('SIGKILL');
  });
  worker.send(task);
  return new Promise<{ readonly told: readonly Told[]; readonly isDone: boolean }>((resolve) => {
    worker.on('close', () => resolve({ told, isDone }));
  });
}

/** The IDs, from another one on for each process, so that several ask for the same one at once. */
function rotated(ids: readonly string[], by: number): string[] {
  return [...ids.slice(by), ...ids.slice(0, by)];
}

test.each(SQLITE_DRIVERS)(
  'four processes with $name, four of which are killed: nothing is lost, given twice or changed',
  async ({ name: driver }) => {
    const { file, remove } = await freshFile();
    const database = openDatabase(
      file,
      SQLITE_DRIVERS.find(({ name }) => name === driver),
    );
    onTestFinished(async () => {
      database.close();
      await remove();
    });
    const tables = await freshTables(database);
    const pair = openPair(database, tables);
    const items = Array.from({ length: 300 }, (_, index) => `item-${index}`);
    await pair.itemRepo.batchAddItems(items);
    const ids = Array.from({ length: 400 }, (_, index) => `user-${index}`);
    const task = (by: number) => ({
      driver,
      file,
      tables,
      deduplicationIds: rotated(ids, by),
      callers: 8,
    });
    const killed = [5, 20, 45, 80].map((killAfter, index) =>
      claimInProcess({ ...task(index * 50), isEndless: true }, killAfter),
    );
    const survivors = [0, 100, 200, 300].map((by) => claimInProcess(task(by)));
    const processes = await Promise.all([...killed, ...survivors]);
    expect(processes.map(({ isDone }) => isDone)).toEqual([
      ...killed.map(() => false),
      ...survivors.map(() => true),
    ]);

    const owners = new Map<string, string>();
    for await (const { deduplicationId, item } of pair.deduplicationRepo.listAssignments()) {
      owners.set(deduplicationId, item);
    }
    // All of them are somebody's, each one person's.
    expect([...owners.values()].sort()).toEqual([...items].sort());
    expect(await pair.itemRepo.countItems()).toBe(0);
    const told = processes.flatMap((each) => each.told);
    expect(told.length).toBeGreaterThanOrEqual(4 * ids.length);
    const wrong = told.filter(([id, item]) => item !== null && item !== owners.get(id));
    expect(wrong, 'answers that did not stay').toEqual([]);
    const missed = told.filter(([id, item]) => item === null && owners.has(id));
    expect(missed, 'IDs that were told that there is none, and have one').toEqual([]);
    const deduplicator = new Deduplicator(pair);
    for (const id of ids) expect((await deduplicator.claim(id)).item).toBe(owners.get(id) ?? null);
  },
);
