import { contestantsOf } from './contestants.js';
import { itemAt } from './names.js';
import type { SeedingReport, SeedingTask } from './task.js';

export async function seed({
  store,
  contestant,
  place,
  items,
}: SeedingTask): Promise<SeedingReport> {
  const { SEEDERS } = await contestantsOf(store);
  const startMs = performance.now();
  const cpuBefore = process.cpuUsage();
  await SEEDERS[contestant](place, itemsToSeed(items));
  const { user, system } = process.cpuUsage(cpuBefore);
  return { elapsedMs: performance.now() - startMs, cpuMs: (user + system) / 1_000 };
}

function* itemsToSeed(items: number): Generator<string, void> {
  for (let number = 0; number < items; number++) yield itemAt(number);
}
