// The channel of the events where there is no `node:diagnostics_channel`.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

beforeEach(() => {
  vi.resetModules();
  vi.spyOn(process, 'getBuiltinModule').mockReturnValue(undefined as never);
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

const load = () => import('../../src/environment/node.js');

test('listeners get what is published, each until it is removed', async () => {
  const { channelNamed } = await load();
  const channel = channelNamed('listeners');
  const got: unknown[] = [];
  const first = (message: unknown) => got.push(['first', message]);
  const second = (message: unknown) => got.push(['second', message]);
  expect(channel.hasSubscribers).toBe(false);
  channel.subscribe(first);
  channel.subscribe(second);
  expect(channel.hasSubscribers).toBe(true);
  channel.publish(1);
  channel.unsubscribe(first);
  channel.publish(2);
  channel.unsubscribe(second);
  channel.publish(3);
  expect(got).toEqual([
    ['first', 1],
    ['second', 1],
    ['second', 2],
  ]);
  expect(channel.hasSubscribers).toBe(false);
});

test('all copies of the package share a channel, and channels of two names are two', async () => {
  const mine = (await load()).channelNamed('copies');
  vi.resetModules();
  const { channelNamed } = await load();
  const got: unknown[] = [];
  mine.subscribe((message) => got.push(message));
  channelNamed('copies').publish('to all copies');
  channelNamed('others').publish('to others');
  expect(got).toEqual(['to all copies']);
});

test('a listener that throws keeps nobody from getting the message, and its error is not lost', async () => {
  const uncaught: unknown[] = [];
  vi.stubGlobal('queueMicrotask', (task: () => void) => {
    try {
      task();
    } catch (error) {
      uncaught.push(error);
    }
  });
  const { channelNamed } = await load();
  const channel = channelNamed('throws');
  const fault = new Error('injected');
  const got: unknown[] = [];
  channel.subscribe(() => {
    throw fault;
  });
  channel.subscribe((message) => got.push(message));
  channel.publish(1);
  expect({ got, uncaught }).toEqual({ got: [1], uncaught: [fault] });
});
