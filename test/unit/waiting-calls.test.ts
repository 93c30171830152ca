// The calls that wait for a candidate: who is served first, and how long a call waits.
import { describe, expect, test } from 'vitest';
import { Patience } from '../../src/store-kit/patience.js';
import { type Call, controlled, WAITS } from '../support/controlled-pool.js';

const CONTENTION = { code: 'STORAGEBOX_CONTENTION' };

describe('a call that waits', () => {
  test('comes first if it has lost a race; the others come in the order of their calls', async () => {
    const { take, answerPass } = controlled();
    const holder = await take();
    await answerPass(['A']);
    const waiting: readonly [string, Call][] = [
      ['first', await take({ mark: 0 })],
      ['second', await take({ mark: 0 })],
      ['first retry', await take({ mark: 0, isRetry: true })],
      ['third', await take({ mark: 0 })],
      ['second retry', await take({ mark: 0, isRetry: true })],
    ];
    const order: string[] = [];
    await holder.settle('kept');
    for (let times = 0; times < waiting.length; times++) {
      for (const [name, call] of waiting.filter(([, { isTrying }]) => isTrying)) {
        order.push(name);
        await call.settle('kept');
      }
    }
    expect(order).toEqual(['first retry', 'second retry', 'first', 'second', 'third']);
  });

  test('gives up when its time is over, and the others are served', async () => {
    const { take, answerPass, passMs } = controlled();
    const holder = await take();
    await answerPass(['A']);
    const impatient = await take({ mark: 0 });
    await passMs(9_999);
    const next = await take({ mark: 0 });
    expect(impatient.answer).toBe(WAITS);
    await passMs(1);
    expect(impatient.answer).toMatchObject(CONTENTION);
    await holder.settle('kept');
    expect(next.answer).toBe('A');
  });

  test('gives up within 100 ms of the end of its time, whichever of many that is', async () => {
    const { take, answerPass, passMs } = controlled();
    await take();
    await answerPass(['A']);
    const timesMs = [5_000, 1_000, 1_050, 3_000, 200, 4_990];
    const calls: { readonly call: Call; readonly timeMs: number }[] = [];
    for (const [nth, timeMs] of timesMs.entries()) {
      const isRetry = nth % 2 === 0;
      const call = await take({ mark: 0, isRetry, patience: new Patience(timeMs) });
      calls.push({ call, timeMs });
    }
    for (let nowMs = 10; nowMs <= 5_100; nowMs += 10) {
      await passMs(10);
      for (const { call, timeMs } of calls) {
        if (nowMs < timeMs) expect(call.answer).toBe(WAITS);
        if (nowMs >= timeMs + 100) expect(call.answer).toMatchObject(CONTENTION);
      }
    }
  });

  test('for a read that ends after its time, and brings nothing, is not made to wait for more', async () => {
    const { reads, take, passMs } = controlled();
    const call = await take();
    await passMs(10_000);
    expect(call.answer).toBe(WAITS);
    expect(reads).toHaveLength(2);
    await reads[0]?.answer([], 'place');
    expect(call.answer).toMatchObject(CONTENTION);
    expect(reads).toHaveLength(2);
  });

  test('needs no timer of its own', async () => {
    const { takeMany, timers } = controlled();
    await takeMany(1_000);
    expect(timers.length).toBeLessThan(5);
  });

  test('throws the reason of its signal at the end, if that was aborted meanwhile', async () => {
    const { take, answerPass, passMs } = controlled();
    await take();
    await answerPass(['A']);
    const controller = new AbortController();
    const patience = new Patience(10_000, controller.signal);
    const call = await take({ mark: 0, patience });
    controller.abort(new Error('enough'));
    await passMs(10_000);
    expect(call.answer).toMatchObject({ message: 'enough' });
  });
});

describe('a call that comes when its time is over', () => {
  const spent = () => new Patience(10_000, undefined, 10_000);

  test('gets a candidate if there is one, or the proof that there is none', async () => {
    const { take, answerPass } = controlled();
    const first = await take();
    await answerPass(['A']);
    await first.settle('kept');
    const second = await take({ patience: spent() });
    expect(second.answer).toBe('A');
    await second.settle('won');
    expect((await take({ mark: 0, patience: spent() })).answer).toBeNull();
  });

  test('gives up rather than begin a read', async () => {
    const { reads, take } = controlled();
    expect((await take({ patience: spent() })).answer).toMatchObject(CONTENTION);
    expect(reads).toHaveLength(0);
  });

  test('throws the reason of its signal instead, if that is aborted', async () => {
    const { reads, take } = controlled();
    const signal = AbortSignal.abort(new Error('enough'));
    const call = await take({ patience: new Patience(10_000, signal) });
    expect(call.answer).toMatchObject({ message: 'enough' });
    expect(reads).toHaveLength(0);
  });
});
