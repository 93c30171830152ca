// What a call learns that finds items gone which the pages show: see "two clients" in candidate-pool.test.ts.
import { describe, expect, test } from 'vitest';
import { Contradictions, GoneItems } from '../../src/dynamodb/claim/contradictions.js';
import {
  type ControlledPool,
  controlled,
  rows,
  WAITS,
  warmUp,
} from '../support/controlled-pool.js';

describe('a call of two clients, which may belong to two accounts,', () => {
  /** It has found the only item of the bank gone, and the next page is being read from the head. */
  async function afterFindingGone(bank: ControlledPool) {
    const contradictions = new Contradictions();
    const call = await bank.take({ contradictions });
    await bank.answerPass(['A']);
    await call.settle('gone', contradictions);
    return { contradictions, next: await bank.take() };
  }

  test('learns how often a later page still shows what it found gone', async () => {
    const bank = controlled();
    const { contradictions, next } = await afterFindingGone(bank);
    expect(contradictions.count).toBe(0);
    await bank.answer(['A']);
    expect(contradictions.count).toBe(1);
    // Every later page shows an item that was given back: that is one contradiction, not many.
    expect(next.answer).toBe('A');
    await bank.take();
    await bank.answer(['A']);
    expect(contradictions.count).toBe(1);
  });

  test('does not count what a page shows that was already on its way', async () => {
    const bank = controlled();
    await warmUp(bank, 3);
    const contradictions = new Contradictions();
    const first = await bank.take({ contradictions });
    await bank.answer(['A'], 'B');
    await bank.answer(['B'], 'C');
    await bank.take();
    await first.settle('gone', contradictions);
    await bank.answer(['A'], 'D');
    expect(contradictions.count).toBe(0);
    await bank.answer(['A']);
    expect(contradictions.count).toBe(1);
  });

  test('begins to count anew when a transaction took an item: both see one table', async () => {
    const bank = controlled();
    const { contradictions, next } = await afterFindingGone(bank);
    await bank.answer(['A']);
    await next.settle('won');
    expect(contradictions.count).toBe(0);
  });

  test('begins to count anew when a page of the whole bank agrees with it', async () => {
    const bank = controlled();
    const { contradictions } = await afterFindingGone(bank);
    await bank.answer([]);
    await bank.take();
    await bank.answer(['A']);
    expect(contradictions.count).toBe(0);
  });

  test('remembers what it found gone when a page from a random place does not show it', async () => {
    const bank = controlled();
    const contradictions = new Contradictions();
    const call = await bank.take({ contradictions });
    await bank.answer(['A'], 'place');
    await call.settle('gone', contradictions);
    await bank.take();
    // The page of the part that was left is not used. The next two are from a random place to the end,
    // and from the head.
    await bank.answer([]);
    await bank.answer([]);
    await bank.answer(['A']);
    expect(contradictions.count).toBe(1);
  });

  test('remembers what it found gone when a page that was on its way does not show it', async () => {
    const bank = controlled();
    await warmUp(bank, 4);
    const contradictions = new Contradictions();
    const call = await bank.take({ contradictions });
    await bank.answerPass(['A']);
    await bank.take();
    await bank.answer(['B']);
    await bank.take();
    await call.settle('gone', contradictions);
    await bank.answer([]);
    await bank.take();
    await bank.answer(['A']);
    expect(contradictions.count).toBe(1);
  });

  test('remembers what it found gone when the first of more pages does not show it', async () => {
    const bank = controlled();
    const { contradictions } = await afterFindingGone(bank);
    await bank.answer([], 'place');
    await bank.answer(['A']);
    expect(contradictions.count).toBe(1);
  });

  test('looks at one place twice after five parts of the bank in which it won nothing', async () => {
    const lost = ['gone', 'gone', 'gone', 'gone', 'gone'] as const;
    const places = ['key-1', 'key-2', 'key-3', 'key-4', 'key-5'];
    // To see whether the pages contradict the transactions. Of one client, they cannot.
    expect(await placesAfter(lost, new Contradictions())).toEqual([...places, 'key-5']);
    expect(await placesAfter(lost, undefined)).toEqual([...places, 'key-6']);
  });

  test('goes on elsewhere if it won something in between', async () => {
    const places = ['key-1', 'key-2', 'key-3', 'key-4', 'key-5', 'key-6'];
    const fates = ['gone', 'gone', 'gone', 'gone', 'won', 'gone'] as const;
    expect(await placesAfter(fates, new Contradictions())).toEqual(places);
  });

  /** Where reads began, if each page had three items and the attempts had these fates. */
  async function placesAfter(
    fates: readonly ('gone' | 'won')[],
    contradictions: Contradictions | undefined,
  ) {
    const { startKeys, take, answer } = controlled();
    for (const [nth, fate] of fates.entries()) {
      const call = await take({ contradictions });
      if (call.answer === WAITS) await answer(rows(3, `page ${nth}`), 'place');
      await call.settle(fate, contradictions);
    }
    await take({ contradictions });
    return startKeys();
  }

  test('remembers at least the latest 1,000 items that it found gone, but not all of them', () => {
    const goneItems = new GoneItems();
    const contradictions = new Contradictions();
    const items = rows(5_000);
    for (const item of items) goneItems.note(item, contradictions, 1);
    goneItems.compare(items.slice(-1_000), 2, false);
    expect(contradictions.count).toBe(1_000);
    goneItems.compare(items, 2, false);
    expect(contradictions.count).toBe(1_000);
  });
});
