import { runtime } from '../environment/runtime.js';
import { Queue } from './queue.js';

const DEFAULT_STALL_MS = 500;

export interface Carrier<Load> {
  /**
   * Optional. Waited for before loads are taken out of the queue, so that those that are about to come go with
   * them. Never rejects. Default: no waiting.
   */
  gather?(): Promise<void> | undefined;
  /** A request that takes longer stalls: what waits is no longer held up by it. Default: 500. */
  readonly stallMs?: number | undefined;
  /** While so many requests are under way, loads wait. */
  maxUnderWay(waiting: number): number;
  /**
   * Takes the loads of the next request out of the queue, first come, first served. Empty only if none of
   * them wants to go any more.
   *
   * @param room how many requests may begin now, this one included
   */
  takeNext(waiting: Queue<Load>, room: number): readonly Load[];
  /** Sends them in one request. Never rejects. */
  carry(loads: readonly Load[]): Promise<void>;
}

/**
 * Sends what many calls want in few requests: what comes while enough requests are under way waits, and
 * goes on together when one of them ends. No timer decides when to send.
 */
export class Gathering<Load> {
  readonly #carrier: Carrier<Load>;
  readonly #waiting = new Queue<Load>();
  readonly #underWay = new Set<readonly Load[]>();
  #isSendingSoon = false;
  #isWatching = false;

  constructor(carrier: Carrier<Load>) {
    this.#carrier = carrier;
  }

  /** Whether a load that is added now has to wait. */
  get isFull(): boolean {
    return this.#room <= 0;
  }

  get isIdle(): boolean {
    return this.#underWay.size === 0 && this.#waiting.size === 0;
  }

  /** What is added in one go, before any promise continues, is sent together if it has to wait. */
  add(load: Load): void {
    const isFirst = this.#waiting.size === 0;
    this.#waiting.add(load);
    // With the number of loads that wait, there may be room for one more request.
    if (isFirst || !this.isFull) void this.#sendOnSoon();
  }

  get #room(): number {
    return this.#carrier.maxUnderWay(this.#waiting.size) - this.#underWay.size;
  }

  async #sendOnSoon(): Promise<void> {
    if (this.#isSendingSoon) return;
    this.#isSendingSoon = true;
    await this.#carrier.gather?.();
    this.#isSendingSoon = false;
    this.#sendOn();
  }

  #sendOn(): void {
    while (this.#waiting.size > 0 && !this.isFull) {
      const loads = this.#carrier.takeNext(this.#waiting, this.#room);
      if (loads.length > 0) void this.#carry(loads);
    }
    if (this.#waiting.size > 0) void this.#watchForStall();
  }

  async #carry(loads: readonly Load[]): Promise<void> {
    this.#underWay.add(loads);
    await this.#carrier.carry(loads);
    // Callers whose loads were carried may have further ones, which shall go with those that wait.
    if (this.#carrier.gather !== undefined && this.#waiting.size > 0) await this.#carrier.gather();
    this.#underWay.delete(loads);
    this.#sendOn();
  }

  /** Requests that take too long no longer count. */
  async #watchForStall(): Promise<void> {
    if (this.#isWatching) return;
    this.#isWatching = true;
    const stalling = [...this.#underWay];
    await runtime.sleep(this.#carrier.stallMs ?? DEFAULT_STALL_MS);
    this.#isWatching = false;
    for (const loads of stalling) this.#underWay.delete(loads);
    this.#sendOn();
  }
}
