// How many groups of a process try at once. The test ends each turn, and moves the time.
import { expect, test } from 'vitest';
import { GroupTurns } from '../../src/dynamodb/claim/group-turns.js';
import { Patience } from '../../src/store-kit/patience.js';
import { controlledTime, settled } from '../support/virtual-time.js';

function controlled() {
  const time = controlledTime();
  const turns = new GroupTurns();
  /** Ends the turns under way, oldest first. */
  const ends: (() => void)[] = [];
  const refused: unknown[] = [];
  const begin = (groups: number) => {
    for (let group = 0; group < groups; group++) {
      const turn = () => new Promise<void>((resolve) => ends.push(resolve));
      turns.take(new Patience(10_000), turn).catch((error: unknown) => refused.push(error));
    }
    return settled();
  };
  const end = (note: 'noteSuccess' | 'noteSetback') => {
    turns[note]();
    ends.shift()?.();
    return settled();
  };
  return { time, turns, begin, end, refused, underWay: () => ends.length };
}

test('all groups try at once until one gets into the way of another', async () => {
  const { begin, underWay } = controlled();

  await begin(100);

  expect(underWay()).toBe(100);
});

test('after setbacks two groups try at once, and the others wait for their turn', async () => {
  const { begin, end, turns, underWay } = controlled();
  await begin(4);
  turns.noteSetback();
  turns.noteSetback();

  await begin(3);
  expect(underWay()).toBe(4);

  await end('noteSetback');
  await end('noteSetback');
  expect(underWay()).toBe(2);
  await end('noteSetback');
  expect(underWay()).toBe(2);
});

test('each success lets one more try', async () => {
  const { begin, end, turns, underWay } = controlled();
  await begin(2);
  turns.noteSetback();
  await begin(10);
  expect(underWay()).toBe(2);

  await end('noteSuccess');
  expect(underWay()).toBe(3);
  await end('noteSuccess');
  expect(underWay()).toBe(4);
});

test('a group whose patience ends before its turn comes throws a ContentionError', async () => {
  const { begin, refused, time, turns, underWay } = controlled();
  await begin(2);
  turns.noteSetback();
  await begin(1);

  await time.passMs(11_000);

  expect(refused).toEqual([expect.objectContaining({ code: 'STORAGEBOX_CONTENTION' })]);
  expect(underWay()).toBe(2);
});
