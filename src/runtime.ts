/** The one door to time and chance: nothing else in the package asks the machine for either. */
export interface Runtime {
  /** Monotonic. */
  nowMs(): number;
  /** The wall clock. */
  date(): Date;
  /** At least 0, below 1. */
  random(): number;
  uuid(): string;
  sleep(delayMs: number): Promise<void>;
  /**
   * Calls the action later, unless the function that it returns was called before. Does not keep the
   * process alive.
   */
  after(delayMs: number, action: () => void): () => void;
}

export const runtime: Runtime = {
  nowMs: () => performance.now(),
  date: () => new Date(),
  random: () => Math.random(),
  uuid: () => crypto.randomUUID(),
  sleep: (delayMs) => new Promise((resolve) => setTimeout(resolve, delayMs)),
  after: (delayMs, action) => {
    const timer = setTimeout(action, delayMs);
    // Where timers are numbers, as in a browser's, none keeps anything alive.
    timer.unref?.();
    return () => clearTimeout(timer);
  },
};
