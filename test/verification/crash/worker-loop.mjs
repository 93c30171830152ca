// What the processes of a crash run do, whatever the algorithm: journal, call, journal.
import { openSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const MAX_ATTEMPTS = 8;
const RETRY_DELAY_MS = 20;

/**
 * @param openSale makes, from an endpoint and the table names of a sale, the function that fetches
 *   an item for an ID
 */
export function runWorker(openSale) {
  // The harness has ended.
  process.once('disconnect', () => process.exit(1));
  process.once('message', async (task) => {
    await makeCalls(task, openSale);
    process.exit(0);
  });
  process.send('ready');
}

async function makeCalls({ life, endpoint, sales, calls, callers, journal, originNs }, openSale) {
  const fetchItem = sales.map((tableNames) => openSale(endpoint, tableNames));
  const file = openSync(journal, 'a');
  writeSync(file, '\n');
  const write = (line) => writeSync(file, `${JSON.stringify(line)}\n`);
  // Small enough for a number, and the same clock in all processes of the machine.
  const nowNs = () => Number(process.hrtime.bigint() - BigInt(originNs));

  let callCount = 0;
  async function callUntilAnswered({ index, sale, id }) {
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      const call = `${life}.${callCount++}`;
      write({ event: 'invoked', call, index, sale, id, atNs: nowNs() });
      try {
        const item = await fetchItem[sale](id);
        write({ event: 'returned', call, item, atNs: nowNs() });
        return;
      } catch (error) {
        write({ event: 'failed', call, error: `${error.name}: ${error.message}`, atNs: nowNs() });
      }
      await sleep(RETRY_DELAY_MS * Math.random());
    }
  }

  const waiting = calls.values();
  async function callUntilDone() {
    for (const planned of waiting) await callUntilAnswered(planned);
  }
  await Promise.all(Array.from({ length: callers }, callUntilDone));
}
