import { ContentionError } from '../contracts/errors.js';
import { runtime } from '../environment/runtime.js';

/** How long a call keeps retrying after lost races, conflicts, throttling and unknown outcomes. */
export const CLAIM_PATIENCE_MS = 10_000;

/** How long a call keeps retrying, and the signal that stops it. */
export class Patience {
  readonly #startMs: number;
  readonly #limitMs: number;
  readonly signal: AbortSignal | undefined;

  /** @param waitedMs how long ago the call began */
  constructor(limitMs: number, signal?: AbortSignal, waitedMs = 0) {
    this.#startMs = runtime.nowMs() - waitedMs;
    this.#limitMs = limitMs;
    this.signal = signal;
  }

  get elapsedMs(): number {
    return runtime.nowMs() - this.#startMs;
  }

  /** 0 or less when it is over. */
  get leftMs(): number {
    return this.#limitMs - this.elapsedMs;
  }

  get isOver(): boolean {
    return this.leftMs <= 0;
  }

  /** Call it before each further attempt: throws the signal's reason, or `ContentionError`. */
  assertLeft(options?: ErrorOptions): void {
    this.signal?.throwIfAborted();
    if (this.isOver) throw new ContentionError(this.elapsedMs, options);
  }
}
