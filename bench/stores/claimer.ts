// One of the processes that claim. It runs the tasks that it gets, one after the other.
import { contestantsOf } from './contestants.js';
import { idAt, scattered } from './names.js';
import { seed } from './seeding.js';
import type { Answer, ClaimReport, ClaimTask, SeedingTask } from './task.js';

/** So many in one run are no noise: the figures would mean nothing. */
const MOST_ERRORS = 1_000;

process.on('message', async (task: ClaimTask | SeedingTask | 'go') => {
  if (task === 'go') return;
  if (task.kind === 'seed') {
    process.send?.(await seed(task));
    return;
  }
  const run = await prepare(task);
  process.once('message', async () => process.send?.(await run()));
  process.send?.('ready');
});

async function prepare(task: ClaimTask): Promise<() => Promise<ClaimReport>> {
  const { first, step, calls, ids, areIdsScattered, callers, maxMs } = task;
  const { openContestant } = await contestantsOf(task.store);
  const contestant = await openContestant(task.contestant, task.place, ids !== null);
  const answers: Answer[] = [];
  const latenciesMs: number[] = [];
  let errors = 0;
  let begun = 0;

  async function callOn(endMs: number): Promise<void> {
    let startMs = performance.now();
    while (startMs < endMs && (calls === null || begun < calls)) {
      const next = first + step * begun++;
      const counted = ids === null ? next : next % ids;
      const number = areIdsScattered ? scattered(counted) : counted;
      answers.push({ number, item: await callUntilAnswered(number) });
      const answeredMs = performance.now();
      latenciesMs.push(answeredMs - startMs);
      startMs = answeredMs;
    }
  }

  async function callUntilAnswered(number: number): Promise<string | null> {
    for (;;) {
      try {
        return await contestant.claim(idAt(number), number);
      } catch (error) {
        if (++errors > MOST_ERRORS) throw error;
      }
    }
  }

  return async () => {
    const cpuBefore = process.cpuUsage();
    const endMs = performance.now() + maxMs;
    await Promise.all(Array.from({ length: callers }, () => callOn(endMs)));
    const { user, system } = process.cpuUsage(cpuBefore);
    await contestant.close();
    return { answers, errors, latenciesMs, cpuMs: (user + system) / 1_000 };
  };
}
