import { runtime } from '../../src/environment/runtime.js';
import { sleepBeforeRetry } from '../../src/store-kit/backoff.js';

const ASLEEP = Promise.resolve();

/** How long the package's own backoff would sleep. */
export function backoffDelayMs(retry: number): number {
  const { sleep } = runtime;
  let delayMs = 0;
  runtime.sleep = (chosenMs) => {
    delayMs = chosenMs;
    return ASLEEP;
  };
  sleepBeforeRetry(retry);
  runtime.sleep = sleep;
  return delayMs;
}
