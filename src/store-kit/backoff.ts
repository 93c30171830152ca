import { runtime } from '../environment/runtime.js';

const BASE_DELAY_MS = 20;
const MAX_DELAY_MS = 1_000;

/** Full jitter: callers that collided must not meet again after the same delay. */
export function sleepBeforeRetry(retry: number): Promise<void> {
  const ceilingMs = Math.min(MAX_DELAY_MS, BASE_DELAY_MS * 2 ** retry);
  return runtime.sleep(runtime.random() * ceilingMs);
}
