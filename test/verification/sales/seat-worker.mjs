// A server of a seat sale: its users hold a seat, pay for it or do not, and come again.
import { setTimeout as sleep } from 'node:timers/promises';
import { openSale } from './open-sale.mjs';
import { runWorker } from './worker-loop.mjs';

const MAX_VISITS = 6;
const MAX_RETURN_DELAY_MS = 500;

runWorker(async (task, ask) => {
  const { holdForMs, maxPaymentDelayMs, sweepPauseMs } = task;
  const deduplicator = await openSale(task);
  const at = (answer) => ({ ...answer, atMs: Date.now() });

  if (sweepPauseMs !== null) void sweepForever();
  return visitUntilServed;

  async function visitUntilServed({ index, user, isPaying }) {
    for (let visit = 1; visit <= MAX_VISITS; visit++) {
      const { item, heldUntil } = await ask({ index, operation: 'claim', user }, async () => {
        const claimed = await deduplicator.claim(user, { holdForMs });
        return at({ item: claimed.item, heldUntil: claimed.heldUntil?.getTime() ?? null });
      });
      const isPaidAlready = item !== null && heldUntil === null;
      if (isPaidAlready || (item !== null && !isPaying)) return;
      if (item === null) {
        await sleep(MAX_RETURN_DELAY_MS * Math.random());
        continue;
      }
      await sleep(maxPaymentDelayMs * Math.random());
      const payment = at({ index, operation: 'confirm', user, item, heldUntil });
      const paid = await ask(payment, async () =>
        at({ item: await deduplicator.confirm(user, { item }), heldUntil: null }),
      );
      if (paid.item !== null) return;
    }
  }

  async function sweepForever() {
    for (;;) {
      // One that fails at every attempt is in the journal, and the next one takes back what it left.
      await ask({ operation: 'sweep' }, () => deduplicator.releaseExpiredHolds()).catch(() => {});
      await sleep(sweepPauseMs);
    }
  }
});
