// A server whose users come in groups.
import { setTimeout as sleep } from 'node:timers/promises';
import { openSale } from './open-sale.mjs';
import { runWorker } from './worker-loop.mjs';

/** So that a store that is fast is not done before the kills. */
const MAX_PAUSE_MS = 20;

runWorker(async (task, ask) => {
  const deduplicator = await openSale(task);
  return async (group) => {
    await sleep(MAX_PAUSE_MS * Math.random());
    await ask(group, () => deduplicator.claimAll(group.ids));
  };
});
