// One of the processes that claim. It runs the tasks that it gets, one after the other.
import { handOut } from './bulk-task.js';
import { makeClaim } from './contestants.js';
import { meteredClient } from './meter.js';
import { seed } from './seeding-task.js';
import type { BulkTask, ClaimReport, ClaimTask, SeedingTask } from './task.js';

/** How long running calls may go on after the end, so that their cost is counted. */
const GRACE_MS = 1_000;

process.on('message', async (task: ClaimTask | SeedingTask | BulkTask | 'go') => {
  if (task === 'go') return;
  if (task.kind !== 'claim') {
    process.send?.(await (task.kind === 'seed' ? seed(task) : handOut(task)));
    return;
  }
  const run = await prepare(task);
  process.once('message', async () => process.send?.(await run()));
  process.send?.('ready');
});

async function prepare(task: ClaimTask): Promise<() => Promise<ClaimReport>> {
  const { client, usage, cutOff } = meteredClient(task.endpoint, task.requestDelayMs);
  const claim = await makeClaim(client, task);
  const latenciesMs: number[] = [];
  const counts = { claimed: 0, inVain: 0, errors: 0 };

  async function callOn(ids: Iterator<string>, endMs: number): Promise<void> {
    while (performance.now() < endMs) {
      const id = ids.next();
      if (id.done) return;
      await callUntilAnswered(id.value, endMs + GRACE_MS);
    }
  }

  async function callUntilAnswered(id: string, endMs: number): Promise<void> {
    const startMs = performance.now();
    for (let isAnswered = false; !isAnswered && performance.now() < endMs; ) {
      try {
        if ((await claim(id)) === null) counts.inVain++;
        else counts.claimed++;
        isAnswered = true;
      } catch {
        if (performance.now() < endMs) counts.errors++;
      }
    }
    latenciesMs.push(performance.now() - startMs);
  }

  return async () => {
    const cpuBefore = process.cpuUsage();
    const endMs = performance.now() + task.maxMs;
    const timer = setTimeout(cutOff, task.maxMs + GRACE_MS);
    const ids = task.deduplicationIds.values();
    await Promise.all(Array.from({ length: task.callers }, () => callOn(ids, endMs)));
    clearTimeout(timer);
    const cpu = process.cpuUsage(cpuBefore);
    client.destroy();
    return { ...counts, ...usage, latenciesMs, cpuMs: (cpu.user + cpu.system) / 1_000 };
  };
}
