// A server that writes an order and a message to send with each claim.
import { openOrders, openSale } from './open-sale.mjs';
import { runWorker } from './worker-loop.mjs';

runWorker(async (task, ask) => {
  const deduplicator = await openSale(task);
  const writesOf = await openOrders(task);

  return (planned) => {
    const { id } = planned;
    const alongside = (item) => writesOf(id, item);
    return ask(planned, () => deduplicator.claim(id, { alongside }));
  };
});
