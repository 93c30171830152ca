// What happens, told to whoever subscribes: for metrics, traces and alarms. See docs/observability.md.
import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { BatchAddItemsReport } from './item-bank-repository.js';
import { runtime } from './runtime.js';
import { assertOption } from './validation.js';

/**
 * The name of the `node:diagnostics_channel` on which each {@link StorageBoxEvent} is published. Every
 * copy of the package in a process publishes on the same one.
 */
export const EVENT_CHANNEL_NAME = 'storagebox';

/** Set only by a `Deduplicator` with `revealInEvents`: IDs are personal data, items are money. */
export interface RevealedInEvents {
  readonly deduplicationId?: string;
  readonly item?: string;
}

/** How a call ended, and how long it took in milliseconds. */
export interface HandOutEvent extends RevealedInEvents {
  /**
   * `claim`: an ID got its item. `repeat`: it had one already. `exhausted`: it has none, and the bank
   * was empty. `released`: its item went back to the bank. `retired`: its item was withdrawn.
   */
  readonly type: 'claim' | 'repeat' | 'exhausted' | 'released' | 'retired';
  readonly durationMs: number;
}

/** A call that threw, after its arguments were found to be usable. */
export interface FailedEvent extends Pick<RevealedInEvents, 'deduplicationId'> {
  readonly type: 'failed';
  readonly operation: Operation;
  /** The `name` of what was thrown. `AbortError` and `TimeoutError` can be those of the caller's signal. */
  readonly errorName: string;
  /** The `code` of what was thrown: `STORAGEBOX_…` for errors of this package. */
  readonly errorCode: string | undefined;
  readonly durationMs: number;
}

export type Operation = 'claim' | 'release' | 'retire' | 'add';

/** A batch of items that ended, at the end of its input or by a failure, and what it did. */
export interface AddedEvent extends BatchAddItemsReport {
  readonly type: 'added';
  readonly durationMs: number;
}

/**
 * A request that found others in its way (`contention`) or no capacity left (`throttled`), wrote nothing
 * and is sent again unless its time is up. Throttled attempts that the SDK repeats by itself are not
 * told.
 */
export interface ObstacleEvent {
  readonly type: 'contention' | 'throttled';
  /** Which attempt at this request it was, from 1. */
  readonly attempt: number;
  /** Since the first attempt began. */
  readonly durationMs: number;
  /** The tables of the request. */
  readonly tableNames: readonly string[];
}

/** Told apart by `type`. */
export type StorageBoxEvent = HandOutEvent | FailedEvent | AddedEvent | ObstacleEvent;

const events = channel(EVENT_CHANNEL_NAME);

/**
 * Has the listener called with each event, in the asynchronous context of the call that it tells of.
 * Costs nothing while nobody listens. It is called at once, so it had better be quick; what it throws
 * does not reach that call, but is raised by Node.js as an uncaught exception.
 *
 * @returns a function that ends it
 * @throws InvalidOptionError when the listener is no function
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
  subscribe(EVENT_CHANNEL_NAME, onMessage);
  return () => {
    unsubscribe(EVENT_CHANNEL_NAME, onMessage);
  };
}

/** To be asked first, so that making an event costs nothing while nobody listens. */
export function hasListeners(): boolean {
  return events.hasSubscribers;
}

export function publish(event: StorageBoxEvent): void {
  events.publish(event);
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

/** Makes the call and publishes how it ended: by what `eventOf` makes of its result, if anything. */
export async function publishOutcome<Result>(
  operation: Operation,
  call: () => Promise<Result>,
  eventOf: (result: Result) => Omit<HandOutEvent, 'durationMs'> | null,
  revealed: Pick<RevealedInEvents, 'deduplicationId'>,
): Promise<Result> {
  const startMs = runtime.nowMs();
  const result = await call().catch((error: unknown) => {
    publishFailure(operation, error, runtime.nowMs() - startMs, revealed);
    throw error;
  });
  const event = eventOf(result);
  if (event !== null) publish({ ...event, ...revealed, durationMs: runtime.nowMs() - startMs });
  return result;
}
