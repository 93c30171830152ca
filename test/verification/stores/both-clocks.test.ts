import { expect, test } from 'vitest';
import { timeOfDayBy } from './both-clocks.js';

const SECOND_NS = 1_000_000_000;

test('what happened before a clock was moved has the time of day from before', () => {
  const readings = Array.from({ length: 20 }, (_, second) => ({
    atNs: second * SECOND_NS,
    // Suspended for an hour after ten seconds.
    atMs: second * 1_000 + (second > 10 ? 3_600_000 : 0),
  }));
  const timeOfDay = timeOfDayBy(readings);
  expect(timeOfDay(0)).toBe(0);
  expect(timeOfDay(9.25 * SECOND_NS)).toBe(9_250);
  expect(timeOfDay(11.5 * SECOND_NS)).toBe(3_611_500);
  expect(timeOfDay(19 * SECOND_NS)).toBe(3_619_000);
});

test('what is before the first reading, or after the last one, goes on with the pace beside it', () => {
  const timeOfDay = timeOfDayBy([
    { atNs: SECOND_NS, atMs: 5_000 },
    { atNs: 2 * SECOND_NS, atMs: 6_000 },
    { atNs: 3 * SECOND_NS, atMs: 7_000 },
  ]);
  expect([timeOfDay(0), timeOfDay(4 * SECOND_NS)]).toEqual([4_000, 8_000]);
});
