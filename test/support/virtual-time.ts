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

/** Until all that can happen by itself has happened. */
export const settled = () => setImmediate();

/** From here to the end of the test, time passes only by `passMs`. */
export function controlledTime() {
  let nowMs = 0;
  const timers: { readonly atMs: number; readonly action: () => void; isStopped: boolean }[] = [];
  restoreAtEnd([
    vi.spyOn(runtime, 'nowMs').mockImplementation(() => nowMs),
    vi.spyOn(runtime, 'after').mockImplementation((delayMs, action) => {
      const timer = { atMs: nowMs + delayMs, action, isStopped: false };
      timers.push(timer);
      return () => {
        timer.isStopped = true;
      };
    }),
    vi
      .spyOn(runtime, 'sleep')
      .mockImplementation((delayMs) => new Promise((resolve) => runtime.after(delayMs, resolve))),
  ]);
  const nextUntil = (endMs: number) =>
    timers
      .filter(({ atMs, isStopped }) => !isStopped && atMs <= endMs)
      .reduce<(typeof timers)[number] | null>(
        (first, timer) => (first === null || timer.atMs < first.atMs ? timer : first),
        null,
      );
  /** Timers that are due go off in their order. */
  const passMs = async (byMs: number) => {
    const endMs = nowMs + byMs;
    for (let timer = nextUntil(endMs); timer !== null; timer = nextUntil(endMs)) {
      timer.isStopped = true;
      nowMs = timer.atMs;
      timer.action();
      await settled();
    }
    nowMs = endMs;
  };
  return { timers, passMs };
}

function restoreAtEnd(spies: readonly { mockRestore(): void }[]): void {
  onTestFinished(() => {
    for (const spy of spies) spy.mockRestore();
  });
}
