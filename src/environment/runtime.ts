/** The only source of time and randomness in the package, so that tests can replace both. */
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
   * Calls the action after the delay, unless the function that it returns is called before. Does not
   * keep the process alive: it only limits how long something else is waited for.
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
    // Where timers are numbers, as in a browser, none keeps anything alive.
    (timer as { unref?(): void }).unref?.();
    return () => clearTimeout(timer);
  },
};
