// A process of a crash run: claims, holds, pays, gives back and asks again, on any store.
import { runWorker } from './worker-loop.mjs';

runWorker(async (task, ask) => {
  const { openSales } = await import(`./${task.opener}`);
  const deduplicators = await openSales(task);

  return async ({ isPaying, ...asked }) => {
    const answer = await ask(asked, () => call(deduplicators[asked.sale], asked));
    const held = answer.told;
    if (!isPaying || held?.heldUntilMs == null) return;
    const { index, sale, id } = asked;
    const payment = { index, sale, operation: 'confirm', id, item: held.item };
    await ask(payment, () => call(deduplicators[sale], payment));
  };
});

async function call(deduplicator, { operation, id, ids, item, items, holdForMs }) {
  switch (operation) {
    case 'claim':
      return { told: told(await deduplicator.claim(id, { holdForMs })) };
    case 'choose':
      return { told: told(await deduplicator.claim(id, { item })) };
    case 'group': {
      const { members = [] } = await deduplicator.claimAll(ids);
      return {
        members: members.map(({ deduplicationId, ...member }) => ({
          id: deduplicationId,
          ...told(member),
        })),
      };
    }
    case 'confirm':
      return { item: await deduplicator.confirm(id, { item }) };
    case 'release':
      return { item: await deduplicator.releaseItemForDeduplicationId(id) };
    case 'retire':
      return { item: await deduplicator.retireItemForDeduplicationId(id) };
    case 'sweep':
      await deduplicator.releaseExpiredHolds();
      return {};
    case 'add':
      await deduplicator.addItemsToBank(items);
      return {};
  }
}

function told({ status, item, heldUntil }) {
  return { status, item, heldUntilMs: heldUntil?.getTime() ?? null };
}
