// One of the processes that ask: does the tasks that it is sent, one after the other.
import { makeClaim } from './contestants.js';
import { meteredClient } from './meter.js';
import { seed } from './seeding-task.js';
import type { ClaimReport, ClaimTask, SeedingTask } from './task.js';

process.on('message', async (task: ClaimTask | SeedingTask | 'go') => {
  if (task === 'go') return;
  if (task.kind === 'seed') {
    process.send?.(await seed(task));
    return;
  }
  const run = prepare(task);
  process.once('message', async () => process.send?.(await run()));
  process.send?.('ready');
});

function prepare(task: ClaimTask): () => Promise<ClaimReport> {
  const { client, usage, cutOff } = meteredClient(task.endpoint, task.requestDelayMs);
  const claim = makeClaim(client, task);
  const latenciesMs: number[] = [];
  const counts = { claimed: 0, inVain: 0, errors: 0 };

  async function callOn(ids: Iterator<string>, deadlineMs: number): Promise<void> {
    for (let id = ids.next(); !id.done; id = ids.next()) {
      const startMs = performance.now();
      for (let isAnswered = false; !isAnswered && performance.now() < deadlineMs; ) {
        try {
          if ((await claim(id.value)) === null) counts.inVain++;
          else counts.claimed++;
          isAnswered = true;
        } catch {
          if (performance.now() < deadlineMs) counts.errors++;
        }
      }
      latenciesMs.push(performance.now() - startMs);
      if (performance.now() >= deadlineMs) return;
    }
  }

  return async () => {
    const cpuBefore = process.cpuUsage();
    const deadlineMs = performance.now() + task.maxMs;
    const timer = setTimeout(cutOff, task.maxMs);
    const ids = task.deduplicationIds.values();
    await Promise.all(Array.from({ length: task.callers }, () => callOn(ids, deadlineMs)));
    clearTimeout(timer);
    const cpu = process.cpuUsage(cpuBefore);
    client.destroy();
    return { ...counts, ...usage, latenciesMs, cpuMs: (cpu.user + cpu.system) / 1_000 };
  };
}
