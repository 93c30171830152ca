// Publishes what happens, for metrics, traces and alarms. See docs/observability.md.
import type { BatchAddItemsReport } from '../contracts/item-bank-repository.js';
import { assertOption } from '../contracts/validation.js';
import { channelNamed } from './node.js';
import { runtime } from './runtime.js';

/**
 * The name of the `node:diagnostics_channel` on which each {@link StorageBoxEvent} is published. Every
 * copy of the package in a process publishes on the same one. Browsers, and Node.js before 20.16 and 22.3,
 * lack that channel, or the means to get it without an import; {@link onStorageBoxEvent} works there, too.
 */
export const EVENT_CHANNEL_NAME = 'storagebox';

/** Set only by a `Deduplicator` with `revealInEvents`: IDs are personal data, items are worth money. */
export interface RevealedInEvents {
  readonly deduplicationId?: string;
  readonly item?: string;
}

/** How a call ended, and how long it took in milliseconds. */
export interface HandOutEvent extends RevealedInEvents {
  /**
   * `claim`: an ID got its item. `repeat`: it already had one. `exhausted`: it has none, and the bank
   * was empty. `taken`: it has none, and the item that it chose was not free. `confirmed`: it has its item
   * for good. `released`: its item went back to the bank. `retired`: its item was withdrawn. A group
   * publishes one event for each of its IDs; if it gets nothing, `exhausted` for all of them.
   */
  readonly type: 'claim' | 'repeat' | 'exhausted' | 'taken' | 'confirmed' | 'released' | 'retired';
  /** Only in events of IDs that hold their item, and of a hold that had ended and was taken back. */
  readonly isHold?: true;
  /**
   * Only in events of a claim whose two repositories have no atomic write in common: a crash in the
   * middle of such a claim can strand an item. See `Deduplicator.isAtomic`.
   */
  readonly isTwoStep?: true;
  readonly durationMs: number;
}

/** A call that threw. Calls with invalid arguments publish no event. */
export interface FailedEvent extends Pick<RevealedInEvents, 'deduplicationId'> {
  readonly type: 'failed';
  readonly operation: Operation;
  /** The `name` of what was thrown. `AbortError` and `TimeoutError` can come from the caller's signal. */
  readonly errorName: string;
  /** The `code` of what was thrown: `STORAGEBOX_…` for errors of this package. */
  readonly errorCode: string | undefined;
  readonly durationMs: number;
}

export type Operation = 'claim' | 'confirm' | 'release' | 'retire' | 'add';

/** A batch of items that was finished or has failed, and what it did. */
export interface AddedEvent extends BatchAddItemsReport {
  readonly type: 'added';
  readonly durationMs: number;
}

/**
 * A request met another write on the same rows (`contention`) or a store without capacity (`throttled`).
 * It wrote nothing and is retried unless its time is up. What the store's client retries by itself
 * publishes no event.
 */
export interface ObstacleEvent {
  readonly type: 'contention' | 'throttled';
  /** Which attempt at this request it was, from 1. */
  readonly attempt: number;
  /** Since the first attempt began. */
  readonly durationMs: number;
  /** What the request was to write to, by the names that its store gives. */
  readonly tableNames: readonly string[];
}

/** Check `type` to know which one it is. */
export type StorageBoxEvent = HandOutEvent | FailedEvent | AddedEvent | ObstacleEvent;

const events = channelNamed(EVENT_CHANNEL_NAME);

/**
 * Calls the listener with each event, in the asynchronous context of the call that caused it. Costs
 * nothing while nobody listens. The listener runs before that call goes on, so keep it fast. If it
 * throws, the call does not notice; Node.js raises an uncaught exception.
 *
 * @returns a function that removes the listener
 * @throws InvalidOptionError when the listener is not a function
 */
export function onStorageBoxEvent(listener: (event: StorageBoxEvent) => void): () => void {
  assertOption(
    typeof listener === 'function',
    'listener',
    'a function',
    listener,
    'Pass a function that takes a StorageBoxEvent.',
  );
  const onMessage = (message: unknown) => listener(message as StorageBoxEvent);
  events.subscribe(onMessage);
  return () => events.unsubscribe(onMessage);
}

/** Check this before creating an event, so that events cost nothing while nobody listens. */
export function hasListeners(): boolean {
  return events.hasSubscribers;
}

export function publish(event: StorageBoxEvent): void {
  events.publish(event);
}

/**
 * For a backend of your own: tells listeners that a write met an obstacle and is retried. Costs
 * nothing while nobody listens. Never throws.
 */
export function publishObstacle(event: ObstacleEvent): void {
  if (hasListeners()) publish(event);
}

export function publishFailure(
  operation: Operation,
  error: unknown,
  durationMs: number,
  revealed: Pick<RevealedInEvents, 'deduplicationId'> = {},
): void {
  const { name = typeof error, code } = (error ?? {}) as { name?: string; code?: unknown };
  const errorCode = typeof code === 'string' ? code : undefined;
  publish({ type: 'failed', operation, errorName: name, errorCode, durationMs, ...revealed });
}

/** Makes the call and publishes how it ended. `eventsOf` turns the result into events, or into none. */
export async function publishOutcome<Result>(
  operation: Operation,
  call: () => Promise<Result>,
  eventsOf: (result: Result) => readonly Omit<HandOutEvent, 'durationMs'>[],
  revealed: Pick<RevealedInEvents, 'deduplicationId'>,
): Promise<Result> {
  const startMs = runtime.nowMs();
  const result = await call().catch((error: unknown) => {
    publishFailure(operation, error, runtime.nowMs() - startMs, revealed);
    throw error;
  });
  for (const event of eventsOf(result)) {
    publish({ ...revealed, ...event, durationMs: runtime.nowMs() - startMs });
  }
  return result;
}
