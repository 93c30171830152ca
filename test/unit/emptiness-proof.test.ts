// When the candidate pool says that the bank is empty, and when it must not.
import { describe, expect, test } from 'vitest';
import { Contradictions } from '../../src/dynamodb/claim/contradictions.js';
import { EmptinessProof } from '../../src/dynamodb/claim/emptiness-proof.js';
import { controlled, WAITS, warmUp } from '../support/controlled-pool.js';

const LEFT = ['won', 'gone'] as const;
const GIVEN_UP = ['inConflict', 'throttled'] as const;

describe('null is the answer', () => {
  test('after a whole pass, not after an empty page nor at the end of the table', async () => {
    const { take, answer } = controlled();
    const call = await take();
    await answer([], 'place');
    expect(call.answer).toBe(WAITS);
    await answer([]);
    expect(call.answer).toBe(WAITS);
    await answer([]);
    expect(call.answer).toBeNull();
  });

  test('after a pass that began after the call, not after an earlier one', async () => {
    const { take, answer, answerPass } = controlled();
    const first = await take();
    const later = await take();
    await answerPass([]);
    expect(first.answer).toBeNull();
    expect(later.answer).toBe(WAITS);
    await answer([]);
    expect(later.answer).toBeNull();
  });

  test('after the pass of a second read that began because the first one stalled', async () => {
    const { reads, take, passMs } = controlled();
    await take();
    const joined = await take();
    await passMs(300);
    await reads[1]?.answer([]);
    expect(joined.answer).toBe(WAITS);
    await reads[2]?.answer([]);
    expect(joined.answer).toBeNull();
  });

  test('after one whole pass, not after parts of two of them', async () => {
    const { take, answer } = controlled();
    const first = await take();
    const second = await take({ mark: 0 });
    await answer([]);
    await answer(['A', 'B'], 'place');
    // The lost race ends this pass before its end, so what the next one sees first is not the rest.
    await first.settle('gone');
    await answer([]);
    expect(second.answer).toBe(WAITS);
    await answer([]);
    expect(second.answer).toBeNull();
  });

  test.each(LEFT)(
    'once the last item that the pass saw was tried and %s, without another read',
    async (fate) => {
      const { reads, take, answerPass } = controlled();
      const first = await take();
      const second = await take({ mark: 0 });
      await answerPass(['A']);
      expect(second.answer).toBe(WAITS);
      await first.settle(fate);
      expect(second.answer).toBeNull();
      expect(reads).toHaveLength(2);
    },
  );

  test('not while an item that the pass saw has not been tried', async () => {
    const { take, answerPass } = controlled();
    const first = await take();
    const second = await take({ mark: 0 });
    await answerPass(['A', 'B']);
    await first.settle('won');
    expect([first.answer, second.answer].sort()).toEqual(['A', 'B']);
  });
});

/** A bank with one item, which a call tries; another may be tried at once. One read is a pass. */
async function onlyItemInFlight() {
  const bank = controlled();
  await warmUp(bank, 2);
  const first = await bank.take();
  await bank.answerPass(['A']);
  return { bank, first };
}

describe('an item that another call tries when the pass sees it', () => {
  async function seenInFlight() {
    const { bank, first } = await onlyItemInFlight();
    const second = await bank.take();
    await bank.answer(['A']);
    const readsBefore = bank.reads.length;
    return { first, second, readsSince: () => bank.reads.length - readsBefore, ...bank };
  }

  test('lets a call wait for it, without reading on, and goes to that call if it is kept', async () => {
    const { first, second, readsSince } = await seenInFlight();
    expect(second.answer).toBe(WAITS);
    await first.settle('kept');
    expect(second.answer).toBe('A');
    expect(readsSince()).toBe(0);
  });

  test.each([...LEFT, ...GIVEN_UP])(
    'may be back although it was %s, so another pass is read',
    async (fate) => {
      const { first, second, answer } = await seenInFlight();
      await first.settle(fate);
      expect(second.answer).toBe(WAITS);
      await answer(['A']);
      expect(second.answer).toBe('A');
    },
  );

  test('spoils the whole pass, even if the later pages show nothing', async () => {
    const { bank, first } = await onlyItemInFlight();
    const second = await bank.take();
    await bank.answer(['A'], 'place');
    await bank.answer([]);
    await first.settle('won');
    expect(second.answer).toBe(WAITS);
  });

  test('keeps nobody waiting once a pass does not see it any more', async () => {
    const { first, second, answer } = await seenInFlight();
    await first.settle('won');
    await answer([]);
    expect(second.answer).toBeNull();
  });
});

test.each(LEFT)(
  'a page that shows an item which was %s while it was on its way proves nothing',
  async (fate) => {
    const { bank, first } = await onlyItemInFlight();
    const second = await bank.take();
    const read = bank.reads.at(-1);
    await first.settle(fate);
    // Was it read before the item left the bank, or when it had come back? The page does not say which.
    await read?.answer(['A']);
    expect(second.answer).toBe(WAITS);
    await bank.answer(['A']);
    expect(second.answer).toBe('A');
  },
);

describe('an item that was given up', () => {
  test.each(GIVEN_UP)('because it was %s is still there: another pass is read', async (fate) => {
    const { take, answer, answerPass } = controlled();
    const first = await take();
    const second = await take({ mark: 0 });
    await answerPass(['A']);
    await first.settle(fate);
    expect(second.answer).toBe(WAITS);
    await answer(['A']);
    expect(second.answer).toBe('A');
  });

  test.each(GIVEN_UP)(
    'because it was %s spoils the latest pass, even one that did not see it',
    async (fate) => {
      const { bank, first } = await onlyItemInFlight();
      const second = await bank.take();
      await bank.answer([]);
      await first.settle(fate);
      expect(second.answer).toBe(WAITS);
      await bank.answer(['A']);
      expect(second.answer).toBe('A');
    },
  );
});

describe('once a bank is proven empty', () => {
  test('a call that began before that pass is told so at once, without a read', async () => {
    const { pool, reads, take, answerPass } = controlled();
    const mark = pool.mark();
    await take();
    await answerPass([]);
    expect((await take({ mark })).answer).toBeNull();
    expect(reads).toHaveLength(2);
  });

  test('a call that began during the pass or later is told so only by another pass', async () => {
    const { pool, reads, take, answer } = controlled();
    await take();
    await answer([]);
    const during = pool.mark();
    await answer([]);
    const after = pool.mark();
    const calls = [await take({ mark: during }), await take({ mark: after })];
    expect(calls.map((call) => call.answer)).toEqual([WAITS, WAITS]);
    await answer([]);
    expect(calls.map((call) => call.answer)).toEqual([null, null]);
    expect(reads).toHaveLength(3);
  });
});

describe('a call of two clients, which may belong to two accounts, is told null', () => {
  test('only by a pass that saw no item at all', async () => {
    const { take, answer, answerPass } = controlled();
    const contradictions = new Contradictions();
    const first = await take({ contradictions });
    const one = await take({ mark: 0 });
    const two = await take({ mark: 0, contradictions });
    await answerPass(['A']);
    await first.settle('gone', contradictions);
    expect([one.answer, two.answer]).toEqual([null, WAITS]);
    await answer([]);
    expect(two.answer).toBeNull();
  });

  test('at once if such a pass has proven it, but not if a pass saw items', async () => {
    const { take, answer, answerPass } = controlled();
    const first = await take();
    await answerPass(['A']);
    await first.settle('won');
    const contradictions = new Contradictions();
    const before = await take({ mark: 0, contradictions });
    expect(before.answer).toBe(WAITS);
    await answer([]);
    expect((await take({ mark: 0, contradictions })).answer).toBeNull();
  });
});

describe('isFoundEmpty', () => {
  test('is false until a whole pass has found the bank empty', async () => {
    const { pool, take, answer } = controlled();
    expect(pool.isFoundEmpty).toBe(false);
    await take();
    expect(pool.isFoundEmpty).toBe(false);
    await answer([]);
    expect(pool.isFoundEmpty).toBe(false);
    await answer([]);
    expect(pool.isFoundEmpty).toBe(true);
  });

  test('is false while a page shows a candidate, and true when a later pass sees none', async () => {
    const { pool, take, answer, answerPass } = controlled();
    const call = await take();
    await answerPass(['A']);
    expect(pool.isFoundEmpty).toBe(false);
    await call.settle('won');
    await take();
    await answer([]);
    expect(pool.isFoundEmpty).toBe(true);
  });

  test('becomes false as soon as a page shows a candidate, and not before', async () => {
    const { pool, take, answer, answerPass } = controlled();
    await take();
    await answerPass([]);
    await take();
    await answer([], 'place');
    expect(pool.isFoundEmpty).toBe(true);
    await answer(['A'], 'next place');
    expect(pool.isFoundEmpty).toBe(false);
  });

  test('is not true because all that is left is being tried', async () => {
    const { bank } = await onlyItemInFlight();
    await bank.take();
    await bank.answer(['A']);
    expect(bank.pool.isFoundEmpty).toBe(false);
  });
});

describe('the proof by itself', () => {
  const EMPTY = { items: [], nextKey: null };

  function completePass(proof: EmptinessProof, page: { items: string[]; nextKey: null } = EMPTY) {
    const pass = proof.newPass(null);
    proof.goOnWith(pass);
    pass.advance(null, page, false);
    return pass;
  }

  test('does not hold before the first pass, and nothing is found empty', () => {
    const proof = new EmptinessProof();
    expect(proof.note(true)).toBe(false);
    expect(proof.holdsSince(proof.mark(), false)).toBe(false);
    expect(proof.isFoundEmpty).toBe(false);
  });

  test('holds for marks from before the pass began, whenever its first page came', () => {
    const proof = new EmptinessProof();
    const before = proof.mark();
    const pass = proof.newPass(null);
    const since = proof.mark();
    proof.goOnWith(pass);
    pass.advance(null, EMPTY, false);
    expect(proof.note(true)).toBe(true);
    expect(proof.holdsSince(before, false)).toBe(true);
    expect(proof.holdsSince(since, false)).toBe(false);
  });

  test('is noted once for each pass, and not before everything that it saw was tried', () => {
    const proof = new EmptinessProof();
    completePass(proof);
    expect([false, true, true].map((isTried) => proof.note(isTried))).toEqual([false, true, false]);
    completePass(proof);
    expect(proof.note(true)).toBe(true);
  });

  test('is not given by a pass that left an item out', () => {
    const proof = new EmptinessProof();
    completePass(proof).hasLeftOutItems = true;
    expect(proof.note(true)).toBe(false);
    expect(proof.holdsSince(0, false)).toBe(false);
  });

  test('is not given by a pass that another one has replaced', () => {
    const proof = new EmptinessProof();
    completePass(proof);
    proof.goOnWith(proof.newPass(null));
    expect(proof.note(true)).toBe(false);
    expect(proof.holdsSince(0, false)).toBe(false);
  });

  test('that must not rest on items that were tried is given only by a pass that saw none', () => {
    const proof = new EmptinessProof();
    completePass(proof, { items: ['A'], nextKey: null });
    proof.note(true);
    expect([proof.holdsSince(0, false), proof.holdsSince(0, true)]).toEqual([true, false]);
    completePass(proof);
    proof.note(true);
    expect(proof.holdsSince(0, true)).toBe(true);
  });
});
