// The calls of one process that wait for a candidate: who is next, and who has waited for too long.

import { runtime } from '../../environment/runtime.js';
import type { Patience } from '../../store-kit/patience.js';
import { Queue } from '../../store-kit/queue.js';
import type { Contradictions } from './contradictions.js';

export interface WaitingCall<Answer> {
  readonly mark: number;
  readonly patience: Patience;
  readonly contradictions: Contradictions | undefined;
  /** How many reads had begun when it began to wait. */
  readonly readsBefore: number;
  /** The read that began because of it, if one did. */
  ownRead: number | null;
  resolve(answer: Answer): void;
  reject(error: unknown): void;
}

/** Calls whose patience ends within this time are rejected together. */
const PATIENCE_CHECK_MS = 100;

export class WaitingCalls<Answer> {
  readonly #fresh = new Queue<WaitingCall<Answer>>();
  /** Calls that lost a race: they have waited longer than all others, so they come first. */
  readonly #retrying = new Queue<WaitingCall<Answer>>();
  readonly #mayGiveUp: (call: WaitingCall<Answer>) => boolean;
  #nextCheckMs = Number.POSITIVE_INFINITY;
  #cancelNextCheck = () => {};

  /** @param mayGiveUp whether a call whose patience is over may be rejected now */
  constructor(mayGiveUp: (call: WaitingCall<Answer>) => boolean) {
    this.#mayGiveUp = mayGiveUp;
  }

  get size(): number {
    return this.#fresh.size + this.#retrying.size;
  }

  add(call: WaitingCall<Answer>, isRetry: boolean): void {
    (isRetry ? this.#retrying : this.#fresh).add(call);
    this.#checkWithin(call.patience.leftMs);
  }

  /** Removes and returns the next call. There must be one. */
  takeNext(): WaitingCall<Answer> {
    return (this.#retrying.take() ?? this.#fresh.take()) as WaitingCall<Answer>;
  }

  resolveWhere(isMeant: (call: WaitingCall<Answer>) => boolean, answer: Answer): void {
    for (const call of this.#takeWhere(isMeant)) call.resolve(answer);
  }

  rejectWhere(isMeant: (call: WaitingCall<Answer>) => boolean, error: unknown): void {
    for (const call of this.#takeWhere(isMeant)) call.reject(error);
  }

  /** Checks only the calls that have waited longest, so it is cheap to call often. */
  rejectOldestImpatient(): void {
    for (const queue of [this.#retrying, this.#fresh]) {
      for (let call = queue.peek(); call !== undefined && this.#isImpatient(call); ) {
        queue.take();
        rejectImpatient(call);
        call = queue.peek();
      }
    }
  }

  #takeWhere(isMeant: (call: WaitingCall<Answer>) => boolean): WaitingCall<Answer>[] {
    return [...this.#retrying.takeWhere(isMeant), ...this.#fresh.takeWhere(isMeant)];
  }

  /** One timer for all. It is kept when no call waits any more, so that a rush creates few timers. */
  #checkWithin(delayMs: number): void {
    const checkMs = runtime.nowMs() + delayMs;
    if (checkMs > this.#nextCheckMs - PATIENCE_CHECK_MS) return;
    this.#cancelNextCheck();
    this.#nextCheckMs = checkMs;
    this.#cancelNextCheck = runtime.after(Math.max(0, delayMs), () => this.#check());
  }

  #check(): void {
    this.#nextCheckMs = Number.POSITIVE_INFINITY;
    let nextMs = Number.POSITIVE_INFINITY;
    const impatient = this.#takeWhere((call) => {
      if (!call.patience.isOver) nextMs = Math.min(nextMs, call.patience.leftMs);
      return this.#isImpatient(call);
    });
    for (const call of impatient) rejectImpatient(call);
    if (Number.isFinite(nextMs)) this.#checkWithin(Math.max(PATIENCE_CHECK_MS, nextMs));
  }

  #isImpatient(call: WaitingCall<Answer>): boolean {
    return call.patience.isOver && this.#mayGiveUp(call);
  }
}

function rejectImpatient({ patience, reject }: WaitingCall<never>): void {
  try {
    patience.assertLeft();
  } catch (error) {
    reject(error);
  }
}
