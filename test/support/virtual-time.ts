import { setImmediate } from 'node:timers/promises';
import { onTestFinished, vi } from 'vitest';
import { runtime } from '../../src/environment/runtime.js';

export interface VirtualTime {
  readonly sleptMs: readonly number[];
  advance(byMs: number): void;
}

/** From here to the end of the test, delays take no time and the package's clock jumps instead. */
export function useVirtualTime(): VirtualTime {
  const sleptMs: number[] = [];
  let nowMs = 0;
  restoreAtEnd([
    vi.spyOn(runtime, 'nowMs').mockImplementation(() => nowMs),
    vi.spyOn(runtime, 'sleep').mockImplementation(async (delayMs) => {
      sleptMs.push(delayMs);
      nowMs += delayMs;
    }),
  ]);
  const advance = (byMs: number) => {
    nowMs += byMs;
  };
  return { sleptMs, advance };
}

/** From here to the end of the test no answer is slow, and a pause is one turn of the event loop. */
export function stopTheClock(): void {
  const never = new Promise<void>(() => {});
  restoreAtEnd([
    vi.spyOn(runtime, 'nowMs').mockReturnValue(0),
    vi
      .spyOn(runtime, 'sleep')
      .mockImplementation((delayMs) => (delayMs > 0 ? never : setImmediate())),
    vi.spyOn(runtime, 'after').mockReturnValue(() => {}),
  ]);
}

function restoreAtEnd(spies: readonly { mockRestore(): void }[]): void {
  onTestFinished(() => {
    for (const spy of spies) spy.mockRestore();
  });
}
