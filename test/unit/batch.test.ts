// Reading an input of any kind and length, whatever the backend.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { addInChunks, REPEAT_WINDOW } from 'storagebox/core';
import { ItemBankMemoryRepository } from 'storagebox/memory';
import { describe, expect, test } from 'vitest';
import { messageOf } from '../../examples/quickstart/child-message.js';

const numbers = function* (count: number) {
  for (let index = 0; index < count; index++) yield String(index);
};

/** A bank that only notes its chunks. */
function noting(chunkSize: number, concurrency = 1) {
  const chunks: (readonly string[])[] = [];
  const addChunk = async (chunk: readonly string[]) => {
    chunks.push(chunk);
    return { added: chunk.length, alreadyKnown: 0, notAdded: [], unconfirmed: [] };
  };
  return { chunks, how: { chunkSize, concurrency, addChunk } };
}

describe('the input', () => {
  test('may be any iterable', async () => {
    const inputs = [
      ['1', '2'],
      new Set(['1', '2']),
      new Map([
        ['1', 0],
        ['2', 0],
      ]).keys(),
    ];
    for (const input of inputs) {
      const report = await new ItemBankMemoryRepository().batchAddItems(input);
      expect(report).toEqual({ read: 2, added: 2, repeats: 0, alreadyKnown: 0 });
    }
  });

  test('goes out in full chunks and a rest', async () => {
    const { chunks, how } = noting(4);
    await addInChunks(numbers(10), {}, how);
    expect(chunks.map((chunk) => chunk.length)).toEqual([4, 4, 2]);
  });

  test('is not read further ahead than the chunks that are under way', async () => {
    let read = 0;
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const counted = function* () {
      for (const item of numbers(1_000)) {
        read++;
        yield item;
      }
    };
    const done = addInChunks(
      counted(),
      { concurrency: 3 },
      {
        chunkSize: 10,
        concurrency: 1,
        addChunk: async (chunk) => {
          await held;
          return { added: chunk.length, alreadyKnown: 0, notAdded: [], unconfirmed: [] };
        },
      },
    );
    await new Promise((resolve) => setImmediate(resolve));
    expect(read).toBe(30);
    release();
    expect(await done).toMatchObject({ read: 1_000, added: 1_000 });
  });

  test('has its repeats dropped across chunks, as far back as is promised', async () => {
    const { chunks, how } = noting(1_000);
    const withRepeats = function* () {
      yield* numbers(REPEAT_WINDOW);
      yield '0';
      yield* ['new', 'new'];
      yield String(REPEAT_WINDOW - 1);
    };
    const report = await addInChunks(withRepeats(), {}, how);
    expect(report).toMatchObject({ read: REPEAT_WINDOW + 4, added: REPEAT_WINDOW + 1, repeats: 3 });
    expect(chunks.flat()).toHaveLength(REPEAT_WINDOW + 1);
  });
});

test('200 MB of long items are read by a process that has 64 MB of heap', async () => {
  const worker = fork(fileURLToPath(new URL('../support/long-items-worker.ts', import.meta.url)), {
    execArgv: ['--max-old-space-size=64', '--import', 'tsx'],
  });
  const report = await messageOf(worker);
  expect(report).toEqual({ read: 100_001, added: 100_000, repeats: 1, alreadyKnown: 0 });
});

describe('a failure', () => {
  test('of a chunk that does not tell its outcome leaves the chunk unconfirmed', async () => {
    const fault = new Error('injected');
    const { how } = noting(2);
    const failing = {
      ...how,
      addChunk: (chunk: readonly string[]) => {
        if (chunk.includes('2')) throw fault;
        return how.addChunk(chunk);
      },
    };
    await expect(addInChunks(numbers(10), {}, failing)).rejects.toMatchObject({
      code: 'STORAGEBOX_BATCH_NOT_FULLY_ADDED',
      cause: fault,
      read: 4,
      added: 2,
      notAdded: [],
      unconfirmed: ['2', '3'],
    });
  });

  test('lets what is under way end and counts it', async () => {
    const fault = new Error('injected');
    const slowAndFailing = {
      chunkSize: 1,
      concurrency: 2,
      addChunk: async ([item]: readonly string[]) => {
        // The first fails while the second is under way.
        await new Promise((resolve) => setTimeout(resolve, item === '0' ? 5 : 50));
        if (item === '0') throw fault;
        return { added: 1, alreadyKnown: 0, notAdded: [], unconfirmed: [] };
      },
    };
    await expect(addInChunks(numbers(10), {}, slowAndFailing)).rejects.toMatchObject({
      read: 2,
      added: 1,
      unconfirmed: ['0'],
    });
  });

  test('closes the input', async () => {
    let isClosed = false;
    const closing = function* () {
      try {
        yield* numbers(100);
      } finally {
        isClosed = true;
      }
    };
    const failing = { ...noting(5).how, addChunk: () => Promise.reject(new Error('injected')) };
    await expect(addInChunks(closing(), {}, failing)).rejects.toMatchObject({
      cause: { message: 'injected' },
    });
    expect(isClosed).toBe(true);
  });

  test('is told although the input has fallen silent', async () => {
    const silent = async function* () {
      yield* numbers(5);
      await new Promise(() => {});
    };
    const fault = new Error('injected');
    const addChunk = async () => {
      await new Promise((resolve) => setTimeout(resolve, 10));
      throw fault;
    };
    const failing = { ...noting(2).how, addChunk };
    // A third worker waits for an item that never comes.
    await expect(addInChunks(silent(), { concurrency: 3 }, failing)).rejects.toMatchObject({
      cause: fault,
      read: 5,
      notAdded: ['4'],
      unconfirmed: ['0', '1', '2', '3'],
    });
  });

  test('is told although the input fails to close', async () => {
    const stubborn = function* () {
      try {
        yield* numbers(100);
      } finally {
        // biome-ignore lint/correctness/noUnsafeFinally: what a broken input does.
        throw new Error('cannot close');
      }
    };
    const failing = { ...noting(5).how, addChunk: () => Promise.reject(new Error('injected')) };
    await expect(addInChunks(stubborn(), {}, failing)).rejects.toMatchObject({
      cause: { message: 'injected' },
      unconfirmed: [...numbers(5)],
    });
  });

  test('of an invalid item in a stream tells its place and what was read before it', async () => {
    const stream = async function* () {
      yield* ['a', 'b', '', 'c'];
    };
    const bank = new ItemBankMemoryRepository();
    await expect(bank.batchAddItems(stream())).rejects.toMatchObject({
      cause: { code: 'STORAGEBOX_INVALID_ITEM', index: 2 },
      read: 2,
      notAdded: ['a', 'b'],
    });
    expect(await bank.getItemFromBank()).toBe(null);
  });

  test('of the progress callback stops the batch', async () => {
    const onProgress = () => {
      throw new Error('the display is gone');
    };
    await expect(addInChunks(numbers(10), { onProgress }, noting(5).how)).rejects.toMatchObject({
      read: 5,
      added: 5,
      cause: { message: 'the display is gone' },
    });
  });
});

describe('an abort', () => {
  test('before the call throws its reason and reads nothing', async () => {
    const reason = new Error('enough');
    const { chunks, how } = noting(5);
    const signal = AbortSignal.abort(reason);
    await expect(addInChunks(numbers(10), { signal }, how)).rejects.toBe(reason);
    expect(chunks).toEqual([]);
  });

  test('on the way tells what is in and what is not', async () => {
    const reason = new Error('enough');
    const controller = new AbortController();
    const onProgress = () => controller.abort(reason);
    const { signal } = controller;
    const batch = addInChunks(numbers(100), { signal, onProgress }, noting(5).how);
    await expect(batch).rejects.toMatchObject({ cause: reason, read: 5, added: 5, notAdded: [] });
  });

  test('is told although the input has fallen silent', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const silent = async function* () {
      yield '0';
      setTimeout(() => controller.abort(reason), 10);
      await new Promise(() => {});
    };
    const { signal } = controller;
    await expect(addInChunks(silent(), { signal }, noting(5).how)).rejects.toMatchObject({
      cause: reason,
      read: 1,
      notAdded: ['0'],
    });
  });

  test('while a chunk is being read leaves that chunk out', async () => {
    const reason = new Error('enough');
    const controller = new AbortController();
    const aborting = async function* () {
      yield '0';
      controller.abort(reason);
      yield '1';
    };
    const { chunks, how } = noting(2);
    const { signal } = controller;
    await expect(addInChunks(aborting(), { signal }, how)).rejects.toMatchObject({
      cause: reason,
      read: 2,
      notAdded: ['0', '1'],
    });
    expect(chunks).toEqual([]);
  });
});
