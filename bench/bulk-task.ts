import { openLibrary } from './contestants.js';
import { measureLongCall } from './long-call.js';
import type { BulkTask, LongCallReport } from './task.js';

/** Gives each of many IDs its item in one call, or tells it again. */
export function handOut(task: BulkTask): Promise<LongCallReport> {
  return measureLongCall(task, task.ids, async (client, onStep) => {
    const deduplicator = await openLibrary(client, task);
    const handOuts = deduplicator.fetchItemsForDeduplicationIds(idsOf(task), {
      concurrency: task.concurrency ?? undefined,
    });
    for await (const { status } of handOuts) {
      if (status === 'exhausted') throw new Error('Expected an item for each ID, found none left.');
      onStep();
    }
  });
}

function* idsOf({ ids }: BulkTask): Generator<string, void> {
  for (let index = 0; index < ids; index++) yield `user-${index}`;
}
