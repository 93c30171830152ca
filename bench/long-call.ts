import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { meteredClient } from './meter.js';
import type { LongCallReport } from './task.js';

const HEAP_SAMPLES = 20;

/**
 * Measures one long call and watches the heap. Run Node with `--expose-gc`, or what is dead counts as
 * live.
 */
export async function measureLongCall(
  setting: { readonly endpoint: string; readonly requestDelayMs: number },
  steps: number,
  call: (client: DynamoDBClient, onStep: () => void) => Promise<unknown>,
): Promise<LongCallReport> {
  const { client, usage } = meteredClient(setting.endpoint, setting.requestDelayMs);
  const heapBeforeMb = liveHeapMb();
  let heapMaximumMb = heapBeforeMb;
  const sampleEvery = Math.ceil(steps / HEAP_SAMPLES);
  let stepsDone = 0;
  const onStep = () => {
    if (++stepsDone % sampleEvery === 0) heapMaximumMb = Math.max(heapMaximumMb, liveHeapMb());
  };
  const cpuBefore = process.cpuUsage();
  const startMs = performance.now();
  await call(client, onStep);
  const elapsedMs = performance.now() - startMs;
  const cpu = process.cpuUsage(cpuBefore);
  client.destroy();
  return {
    ...usage,
    elapsedMs,
    cpuMs: (cpu.user + cpu.system) / 1_000,
    heapGrowthMb: heapMaximumMb - heapBeforeMb,
  };
}

function liveHeapMb(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed / 2 ** 20;
}
