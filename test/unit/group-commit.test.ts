// Which writes share a group, and how large groups are. The test answers each group, and moves the time.
import { describe, expect, test } from 'vitest';
import {
  GroupCommit,
  type GroupCommitOptions,
  type GroupOutcome,
  type GroupWrite,
} from '../../src/store-kit/group-commit.js';
import { Patience } from '../../src/store-kit/patience.js';
import { WAITS } from '../support/controlled-pool.js';
import { controlledTime, settled } from '../support/virtual-time.js';

interface Write extends GroupWrite {
  readonly name: string;
}

interface Group {
  readonly names: readonly string[];
  readonly patience: Patience;
  isUnderWay: boolean;
  end(group?: GroupOutcome<string>['group']): Promise<void>;
  fail(error: Error): Promise<void>;
}

/** Of each write, as its outcome: its name with an exclamation mark. */
function controlled(
  maxUnderWay: number | ((waiting: number) => number) = 1,
  options: GroupCommitOptions = {},
) {
  const time = controlledTime();
  const groups: Group[] = [];
  const commits = new GroupCommit<Write, string>(
    maxUnderWay,
    (writes, patience) =>
      new Promise((resolve, reject) => {
        const names = writes.map(({ name }) => name);
        const group: Group = {
          names,
          patience,
          isUnderWay: true,
          end: (end = 'committed') => {
            group.isUnderWay = false;
            resolve({ group: end, outcomes: names.map((name) => `${name}!`) });
            return settled();
          },
          fail: (error) => {
            group.isUnderWay = false;
            reject(error);
            return settled();
          },
        };
        groups.push(group);
      }),
    options,
  );
  const write = (name: string, options: Partial<Write> = {}) => {
    const call = { answer: WAITS as unknown };
    commits
      .write({ name, key: name, patience: new Patience(10_000), maxGroupSize: 12, ...options })
      .then(
        (outcome) => {
          call.answer = outcome;
        },
        (error: unknown) => {
          call.answer = error;
        },
      );
    return call;
  };
  const underWay = () => groups.filter(({ isUnderWay }) => isUnderWay);
  return {
    ...time,
    groups,
    write,
    underWay,
    writeMany: (count: number, options?: Partial<Write>) =>
      Array.from({ length: count }, (_, nth) => write(`write-${nth}`, options)),
    sizes: () => groups.map(({ names }) => names.length),
    /** Ends what is under way, and what follows, until nothing waits. */
    async endAll(end?: GroupOutcome<string>['group']) {
      await settled();
      for (let group = underWay()[0]; group !== undefined; group = underWay()[0]) {
        await group.end(end);
      }
    },
  };
}

describe('writes', () => {
  test('go alone as long as that makes none of them wait', async () => {
    const { writeMany, sizes, endAll } = controlled(4);
    for (let rush = 0; rush < 5; rush++) {
      writeMany(4);
      await endAll();
    }
    expect(sizes()).toEqual(Array(20).fill(1));
  });

  test('that have to wait go together, first come, first served, as soon as one ends', async () => {
    const { write, groups, sizes, endAll } = controlled(1);
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) write(name);
    await settled();
    expect(sizes()).toEqual([1]);
    await endAll();
    expect(groups.map(({ names }) => names.join(''))).toEqual(['a', 'bc', 'defg']);
  });

  test('are shared out evenly if there is room for several groups', async () => {
    const { writeMany, sizes, endAll, groups } = controlled(2);
    writeMany(16);
    await endAll();
    groups.length = 0;
    writeMany(9);
    await settled();
    expect(sizes()).toEqual([5, 4]);
  });

  test('each get their own outcome', async () => {
    const { writeMany, endAll } = controlled();
    const calls = writeMany(9);
    await endAll();
    expect(calls.map(({ answer }) => answer)).toEqual(calls.map((_, nth) => `write-${nth}!`));
  });

  test('with the same key never share a group, and keep their turn', async () => {
    const { write, groups, endAll } = controlled();
    for (const name of ['a', 'b', 'c']) write(name);
    await endAll();
    groups.length = 0;
    write('x');
    await settled();
    for (const key of ['a', 'b', 'a', 'c']) write(key, { key });
    await endAll();
    expect(groups.map(({ names }) => names.join(''))).toEqual(['x', 'ab', 'ac']);
  });

  test('without a key share a group with any', async () => {
    const { write, groups, endAll } = controlled(1, { firstGroupSize: 12 });
    for (const name of ['a', 'b', 'c']) write(name, { key: null });
    await endAll();
    expect(groups.map(({ names }) => names.join(''))).toEqual(['abc']);
  });

  test('go together from the first on, if the store says how many may', async () => {
    const { writeMany, sizes, endAll } = controlled(1, { firstGroupSize: 12 });
    writeMany(30);
    await endAll();
    expect(sizes()).toEqual([12, 12, 6]);
  });

  test('wait for those that are about to come, if the store wants that', async () => {
    const waiting: (() => void)[] = [];
    const gather = () =>
      new Promise<void>((resolve) => {
        waiting.push(resolve);
      });
    const { write, groups, endAll, underWay } = controlled(1, { firstGroupSize: 12, gather });
    write('a');
    await settled();
    write('b');
    await settled();
    expect(groups).toEqual([]);
    waiting.shift()?.();
    await settled();
    expect(groups.map(({ names }) => names.join(''))).toEqual(['ab']);
    write('c');
    await settled();
    waiting.shift()?.();
    await underWay()[0]?.end();
    // The callers of the group that has just ended may come again.
    write('d');
    await settled();
    expect(groups).toHaveLength(1);
    for (const go of waiting.splice(0)) go();
    await endAll();
    expect(groups.map(({ names }) => names.join(''))).toEqual(['ab', 'cd']);
  });

  test('that must go alone do', async () => {
    const { write, groups, endAll } = controlled();
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) write(name);
    await endAll();
    groups.length = 0;
    write('x');
    await settled();
    write('a');
    write('b');
    write('alone', { maxGroupSize: 1 });
    write('c');
    write('d');
    await endAll();
    expect(groups.map(({ names }) => names.join(','))).toEqual(['x', 'a,b', 'alone', 'c,d']);
  });

  test('all fail if the group does, and others go on', async () => {
    const { write, underWay } = controlled();
    const [first, ...others] = ['a', 'b', 'c'].map((name) => write(name));
    await settled();
    const error = new Error('broken');
    await underWay()[0]?.fail(error);
    expect(first?.answer).toBe(error);
    await underWay()[0]?.end();
    expect(others.map(({ answer }) => answer)).toEqual(['b!', WAITS]);
  });
});

describe('the size of a group', () => {
  test('doubles with each full group that commits, up to the most that may go together', async () => {
    const { writeMany, sizes, endAll } = controlled();
    writeMany(50);
    await endAll();
    expect(sizes()).toEqual([1, 2, 4, 8, 12, 12, 11]);
  });

  test('stays if the groups are not full', async () => {
    const { write, writeMany, sizes, endAll, groups } = controlled();
    writeMany(7);
    await endAll();
    groups.length = 0;
    for (let times = 0; times < 3; times++) {
      for (const name of ['a', 'b', 'c']) write(name);
      await endAll();
    }
    writeMany(30);
    await endAll();
    expect(sizes()).toEqual([3, 3, 3, 8, 12, 10]);
  });

  test('halves with each setback, and then grows by one', async () => {
    const { writeMany, sizes, underWay, endAll } = controlled();
    writeMany(200);
    await settled();
    for (const end of ['committed', 'committed', 'committed', 'committed'] as const) {
      await underWay()[0]?.end(end);
    }
    for (let times = 0; times < 5; times++) await underWay()[0]?.end('setback');
    for (let times = 0; times < 4; times++) await underWay()[0]?.end();
    expect(sizes()).toEqual([1, 2, 4, 8, 12, 6, 3, 1, 1, 1, 2, 3, 4, 5]);
    await endAll();
  });

  test('is one after throttling, and then grows by one', async () => {
    const { writeMany, sizes, underWay, endAll } = controlled();
    writeMany(100);
    await settled();
    for (let times = 0; times < 4; times++) await underWay()[0]?.end();
    await underWay()[0]?.end('throttled');
    for (let times = 0; times < 3; times++) await underWay()[0]?.end();
    expect(sizes()).toEqual([1, 2, 4, 8, 12, 1, 2, 3, 4]);
    await endAll();
  });

  test('is larger where all writes of the group may be part of a larger one', async () => {
    const { write, writeMany, sizes, endAll, groups } = controlled();
    writeMany(31, { maxGroupSize: 50 });
    await endAll();
    groups.length = 0;
    write('first');
    await settled();
    for (let nth = 0; nth < 20; nth++) write(`large-${nth}`, { maxGroupSize: 50 });
    for (let nth = 0; nth < 20; nth++) write(`small-${nth}`);
    await endAll();
    expect(sizes()).toEqual([1, 20, 12, 8]);
  });
});

describe('a write that waits', () => {
  test('is given up when its patience is over, and is in no group', async () => {
    const { write, underWay, passMs, groups } = controlled();
    write('first');
    await settled();
    const impatient = write('impatient', { patience: new Patience(300) });
    const other = write('other');
    await passMs(400);
    expect(impatient.answer).toBe(WAITS);
    await underWay()[0]?.end();
    expect(impatient.answer).toMatchObject({ code: 'STORAGEBOX_CONTENTION' });
    await underWay()[0]?.end();
    expect(other.answer).toBe('other!');
    expect(groups.map(({ names }) => names)).toEqual([['first'], ['other']]);
  });

  test('is given up once it is aborted, with the reason of its signal', async () => {
    const { write, underWay } = controlled();
    write('first');
    const controller = new AbortController();
    const aborted = write('aborted', { patience: new Patience(10_000, controller.signal) });
    await settled();
    const reason = new Error('gone');
    controller.abort(reason);
    await underWay()[0]?.end();
    expect(aborted.answer).toBe(reason);
    expect(underWay()).toEqual([]);
  });

  test('is not held up for more than half a second by a group that stalls', async () => {
    const { write, groups, passMs, underWay } = controlled();
    write('stalls');
    await settled();
    const calls = ['a', 'b', 'c'].map((name) => write(name));
    await settled();
    await passMs(499);
    expect(groups).toHaveLength(1);
    await passMs(1);
    expect(groups.map(({ names }) => names)).toEqual([['stalls'], ['a']]);
    await underWay()[1]?.end();
    expect(calls.map(({ answer }) => answer)).toEqual(['a!', WAITS, WAITS]);
  });

  test('is held up for as long as the store says, if it says it', async () => {
    const { write, groups, passMs } = controlled(1, { stallMs: 100 });
    write('stalls');
    await settled();
    write('a');
    await settled();
    await passMs(99);
    expect(groups).toHaveLength(1);
    await passMs(1);
    expect(groups.map(({ names }) => names)).toEqual([['stalls'], ['a']]);
  });

  test('goes as soon as so many wait that one more group may begin', async () => {
    const { write, groups } = controlled((waiting) => (waiting < 3 ? 1 : 2), { firstGroupSize: 3 });
    write('first');
    await settled();
    for (const name of ['a', 'b']) write(name);
    await settled();
    expect(groups.map(({ names }) => names)).toEqual([['first']]);
    write('c');
    write('d');
    await settled();
    expect(groups.map(({ names }) => names)).toEqual([['first'], ['a', 'b', 'c']]);
    await groups[0]?.end();
    expect(groups).toHaveLength(2);
    await groups[1]?.end();
    expect(groups.at(-1)?.names).toEqual(['d']);
  });

  test('is given up half a second after its time at the latest, however many stall', async () => {
    const { writeMany, passMs, groups } = controlled();
    const calls = writeMany(200);
    await settled();
    await passMs(10_500);
    const given = calls.filter(({ answer }) => answer !== WAITS);
    expect(groups.length + given.length).toBe(200);
    expect(given[0]?.answer).toMatchObject({ code: 'STORAGEBOX_CONTENTION' });
  });
});

describe('a group under way', () => {
  const callOf = () => {
    const controller = new AbortController();
    return { controller, patience: new Patience(10_000, controller.signal) };
  };

  async function groupOf(patiencesOf: () => readonly Patience[]): Promise<Group> {
    const { write, writeMany, underWay, endAll } = controlled();
    const patiences = patiencesOf();
    writeMany(7);
    await endAll();
    write('first');
    await settled();
    for (const [nth, patience] of patiences.entries()) write(`${nth}`, { patience });
    await underWay()[0]?.end();
    return underWay()[0] as Group;
  }

  test('goes on until all of its calls have gone', async () => {
    const calls = [callOf(), callOf(), callOf()];
    const { names, patience } = await groupOf(() => calls.map((call) => call.patience));
    expect(names).toHaveLength(3);
    const reason = new Error('gone');
    for (const { controller } of calls) {
      expect(patience.signal?.aborted).toBe(false);
      controller.abort(reason);
    }
    expect(patience.signal?.reason).toBe(reason);
  });

  test('goes on if one of its calls cannot go', async () => {
    const call = callOf();
    const { patience } = await groupOf(() => [call.patience, new Patience(10_000)]);
    call.controller.abort();
    expect(patience.signal).toBeUndefined();
  });

  test('has the time of the call that has most of it left', async () => {
    const { patience } = await groupOf(() =>
      [7_000, 2_000, 5_000].map((waitedMs) => new Patience(10_000, undefined, waitedMs)),
    );
    expect(patience.leftMs).toBe(8_000);
  });
});
