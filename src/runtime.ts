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
}

export const runtime: Runtime = {
  nowMs: () => performance.now(),
  date: () => new Date(),
  random: () => Math.random(),
  uuid: () => crypto.randomUUID(),
  sleep: (delayMs) => new Promise((resolve) => setTimeout(resolve, delayMs)),
};
