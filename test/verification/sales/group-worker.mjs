// A server whose users come in groups.
import { openSale } from './open-sale.mjs';
import { runWorker } from './worker-loop.mjs';

runWorker(async (task, ask) => {
  const deduplicator = await openSale(task);
  return (group) => ask(group, () => deduplicator.claimAll(group.ids));
});
