// What the processes of a run do, whatever they call: journal, call, journal.
import { openSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Enough for faults of single requests; a server that is killed takes longer. */
const PATIENCE = { maxAttempts: 8, retryDelayMs: 20 };

/** A call that threw at every attempt: what was planned stays without an answer. */
class Unanswered extends Error {}

/**
 * @param openTask makes, from the task and from `ask`, at once or later, the function that does what is planned.
 *   It makes each call by `ask(asked, call)`, which writes down what is asked, then calls until there is an answer, and
 *   writes that down
 */
export function runWorker(openTask) {
  // The harness has ended.
  process.once('disconnect', () => process.exit(1));
  process.once('message', async (task) => {
    await carryOut(task, openTask);
    process.exit(0);
  });
  process.send('ready');
}

async function carryOut(task, openTask) {
  const { life, plan, callers, journal, originNs } = task;
  const { maxAttempts, retryDelayMs } = task.patience ?? PATIENCE;
  const file = openSync(journal, 'a');
  writeSync(file, '\n');
  const write = (line) => writeSync(file, `${JSON.stringify(line)}\n`);
  // Small enough for a number, and the same clock in all processes of the machine.
  const nowNs = () => Number(process.hrtime.bigint() - BigInt(originNs));

  let callCount = 0;
  async function ask(asked, request) {
    for (let attempt = 1; attempt <= maxAttempts; attempt++) {
      const call = `${life}.${callCount++}`;
      write({ event: 'invoked', call, asked, atNs: nowNs() });
      try {
        const answer = await request();
        write({ event: 'returned', call, answer, atNs: nowNs() });
        return answer;
      } catch (error) {
        write({ event: 'failed', call, error: `${error.name}: ${error.message}`, atNs: nowNs() });
      }
      await sleep(retryDelayMs * Math.random());
    }
    throw new Unanswered();
  }

  const doPlanned = await openTask(task, ask);
  const waiting = plan.values();
  async function doUntilDone() {
    for (const planned of waiting) {
      try {
        await doPlanned(planned);
        write({ event: 'answered', index: planned.index });
      } catch (error) {
        if (!(error instanceof Unanswered)) throw error;
      }
    }
  }
  await Promise.all(Array.from({ length: callers }, doUntilDone));
}
