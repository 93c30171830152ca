// One of the servers of the sale: this is the code that a backend needs.
import { Deduplicator } from 'storagebox/core';
import type { Click, Report, Start } from './messages.js';
import { STORES } from './stores/index.js';

process.once('message', async ({ store, location, userIds }: Start) => {
  const { open } = await STORES[store].load();
  const { itemRepo, deduplicationRepo, requests, close } = open(location);
  const deduplicator = new Deduplicator({ itemRepo, deduplicationRepo });

  /** This is what a request handler does. */
  async function click(userId: string): Promise<Click> {
    const voucherCode = await deduplicator.fetchItemForDeduplicationId(userId);
    return { userId, voucherCode };
  }

  process.once('message', async () => {
    const clicks = await Promise.all(userIds.map(click));
    await close();
    const report: Report = { clicks, requests };
    process.send?.(report, () => process.disconnect());
  });
  process.send?.('ready');
});

// The quickstart is gone, so nobody waits for an answer.
process.once('disconnect', () => process.exit());
