// How the command line runs statements by itself.
import { setTimeout as sleep } from 'node:timers/promises';
import { isBusy } from './failures.js';

const MAX_TRIES = 200;
const MAX_DELAY_MS = 50;

/** Runs it again, for about 5 seconds in all, while other connections have the database locked. */
export async function whileBusy<Result>(signal: AbortSignal, run: () => Result): Promise<Result> {
  for (let tries = 1; ; tries++) {
    signal.throwIfAborted();
    try {
      return run();
    } catch (error) {
      if (tries === MAX_TRIES || !isBusy(error)) throw error;
    }
    await sleep(Math.random() * MAX_DELAY_MS, undefined, { signal }).catch(() => {});
  }
}
