import { openLibrary } from './contestants.js';
import { measureLongCall } from './long-call.js';
import type { BulkTask, LongCallReport } from './task.js';

/** No answer for seconds, on a machine that does other things as well. */
const MAX_FAILURES = 5;

/** Gives each of many IDs its item in one call, or tells it again. */
export function handOut(task: BulkTask): Promise<LongCallReport> {
  return measureLongCall(task, task.ids, async (client, onStep) => {
    const deduplicator = await openLibrary(client, task);
    const options = { concurrency: task.concurrency ?? undefined };
    let done = 0;
    for (let failures = 0; done < task.ids; ) {
      try {
        const rest = idsFrom(done, task.ids);
        for await (const { status } of deduplicator.fetchItemsForDeduplicationIds(rest, options)) {
          if (status === 'exhausted') throw new Error('Expected an item for each ID.');
          done++;
          onStep();
        }
      } catch (error) {
        if (++failures > MAX_FAILURES) throw error;
        console.error(`\nThe bulk hand-out goes on after an error: ${(error as Error).message}`);
      }
    }
  });
}

function* idsFrom(first: number, end: number): Generator<string, void> {
  for (let index = first; index < end; index++) yield `user-${index}`;
}
