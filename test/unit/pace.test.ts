import { expect, test } from 'vitest';
import { Pace } from '../../src/cli/pace.js';

const AT = new Date('2026-11-22T09:30:00.000Z');
const secondsBefore = (seconds: number) => new Date(AT.getTime() - seconds * 1_000);

function paceOf(times: Iterable<Date | null>): Pace {
  const pace = new Pace(AT);
  for (const time of times) pace.note(time);
  return pace;
}

/** So many a second, evenly, for as long. */
const evenly = (perSecond: number, seconds: number) =>
  Array.from({ length: perSecond * seconds + 1 }, (_, index) => secondsBefore(index / perSecond));

test('in the first minute of a sale the pace is that of the sale, not of the minute', () => {
  // With 2,400 left: sold out in 9 s.
  expect(2_400 / paceOf(evenly(268, 1)).perSecond()).toBeCloseTo(9, 0);
  expect(paceOf(evenly(268, 30)).perSecond()).toBeCloseTo(268, 0);
});

test('later it is that of the last minute', () => {
  const { given, givenInLastMinute } = paceOf(evenly(10, 300));
  expect({ given, givenInLastMinute }).toEqual({ given: 3_001, givenInLastMinute: 600 });
  expect(paceOf(evenly(10, 300)).perSecond()).toBeCloseTo(10, 0);
});

test('a pause since the last assignment counts', () => {
  expect(paceOf([secondsBefore(50), secondsBefore(50), secondsBefore(50)]).perSecond()).toBe(
    2 / 50,
  );
});

test('one assignment alone counts for the minute, none gives no pace', () => {
  expect(paceOf([secondsBefore(1)]).perSecond()).toBe(1 / 60);
  expect(paceOf([]).perSecond()).toBe(0);
});

test('rows without a time, and those of a clock that is ahead, are given and have no pace', () => {
  const { given, givenInLastMinute } = paceOf([null, secondsBefore(-5)]);
  expect({ given, givenInLastMinute }).toEqual({ given: 2, givenInLastMinute: 0 });
});
