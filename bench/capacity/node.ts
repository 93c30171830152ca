// A node of the sale: one core, and the sockets and retries of its client.
import type { Random } from '../../test/verification/seeded-random.js';
import type { Actor, EventQueue } from './event-queue.js';
import type { Model } from './model.js';

/** The SDK's standard retry mode, from its source ("StandardRetryStrategy"). */
const SDK_THROTTLING_DELAY_MS = 1_000;
const SDK_MAX_DELAY_MS = 20_000;
const SDK_RETRY_TOKENS = 500;
const SDK_RETRY_COST = 5;
/** The package's default client makes so many attempts. */
const MAX_ATTEMPTS = 3;

export interface Network {
  readonly queue: EventQueue;
  readonly model: Model;
  readonly random: Random;
  /** Draws how long a request takes, there and back. */
  readonly drawLatencyMs: () => number;
}

export class Node {
  readonly #network: Network;
  /** Waiting for a socket, in order, from the first that still waits. */
  #waiting: NodeRequest[] = [];
  #firstWaiting = 0;
  #socketsInUse = 0;
  #coreIsFreeAtMs = 0;
  #retryTokens = SDK_RETRY_TOKENS;

  constructor(network: Network) {
    this.#network = network;
  }

  send(request: NodeRequest): void {
    if (this.#socketsInUse === this.#network.model.socketsPerNode) this.#waiting.push(request);
    else this.#dispatch(request);
  }

  /** A reply has come, so its socket is free for the next request. */
  release(): void {
    this.#socketsInUse--;
    const next = this.#waiting[this.#firstWaiting];
    if (next === undefined) return;
    this.#firstWaiting++;
    if (this.#firstWaiting * 2 > this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#firstWaiting);
      this.#firstWaiting = 0;
    }
    this.#dispatch(next);
  }

  /** How long the SDK waits before it sends a throttled request again, or `null`: it gives up. */
  delayBeforeRetryMs(attempt: number): number | null {
    if (attempt >= MAX_ATTEMPTS || this.#retryTokens < SDK_RETRY_COST) return null;
    this.#retryTokens -= SDK_RETRY_COST;
    const ceilingMs = Math.min(SDK_THROTTLING_DELAY_MS * 2 ** (attempt - 1), SDK_MAX_DELAY_MS);
    return this.#network.random() * ceilingMs;
  }

  noteSuccess(attempt: number): void {
    const returned = attempt === 1 ? 1 : SDK_RETRY_COST;
    this.#retryTokens = Math.min(SDK_RETRY_TOKENS, this.#retryTokens + returned);
  }

  #dispatch(request: NodeRequest): void {
    const { queue } = this.#network;
    this.#socketsInUse++;
    this.#coreIsFreeAtMs = Math.max(queue.nowMs, this.#coreIsFreeAtMs) + request.cpuMs;
    request.leave(this.#coreIsFreeAtMs);
  }
}

/** The path of a request: to the tables, back to its node, and what happens then. */
export abstract class NodeRequest implements Actor {
  readonly node: Node;
  protected readonly network: Network;
  /** Part of the latency that has passed when the request reaches the tables. */
  protected wayThere = 0.5;
  protected latencyMs = 0;
  #step: 'reaches the tables' | 'is answered' | 'wakes up' = 'wakes up';

  constructor(network: Network, node: Node) {
    this.network = network;
    this.node = node;
  }

  act(): void {
    switch (this.#step) {
      case 'reaches the tables': {
        const extraMs = this.reachTables(this.network.queue.nowMs);
        this.#step = 'is answered';
        const wayBackMs = this.latencyMs * (1 - this.wayThere);
        this.network.queue.schedule(this.network.queue.nowMs + wayBackMs + extraMs, this);
        return;
      }
      case 'is answered':
        this.node.release();
        this.beAnswered();
        return;
      case 'wakes up':
        this.wakeUp();
    }
  }

  get cpuMs(): number {
    return this.network.model.requestCpuMs;
  }

  leave(atMs: number): void {
    this.#step = 'reaches the tables';
    this.latencyMs = this.drawLatencyMs();
    this.network.queue.schedule(atMs + this.latencyMs * this.wayThere, this);
  }

  protected sleep(delayMs: number): void {
    this.#step = 'wakes up';
    this.network.queue.schedule(this.network.queue.nowMs + delayMs, this);
  }

  protected drawLatencyMs(): number {
    return this.network.drawLatencyMs();
  }

  /** @returns what the tables take beyond the latency */
  protected abstract reachTables(nowMs: number): number;
  protected abstract beAnswered(): void;
  protected abstract wakeUp(): void;
}
