// When a statement with a name is sent as a prepared one, and when as any other.
import { expect, test } from 'vitest';
import { driverOf, type PostgresClient } from '../../src/postgres/client.js';
import { useVirtualTime } from '../support/virtual-time.js';

const refused = (code: string) => Object.assign(new Error('refused'), { code });

/** A pool that notes how each statement came. */
function poolThat(answer: (isPrepared: boolean) => void) {
  const came: string[] = [];
  const pool = {
    totalCount: 1,
    connect: () => {},
    query: async (statement: unknown) => {
      const isPrepared = typeof statement === 'object';
      came.push(isPrepared ? 'prepared' : 'as text');
      answer(isPrepared);
      return { rows: [{ answer: 'done' }] };
    },
  };
  const { send } = driverOf(pool as unknown as PostgresClient);
  return {
    came,
    ask: () => send('select 1', [], 'a name'),
    askWithoutName: () => send('select 1'),
  };
}

test('a statement with a name is prepared, and no other', async () => {
  const { came, ask, askWithoutName } = poolThat(() => {});
  expect(await ask()).toEqual([{ answer: 'done' }]);
  await askWithoutName();
  expect(came).toEqual(['prepared', 'as text']);
});

test.each(['26000', '42P05'])(
  'behind a pooler that mixes connections (%s), no more',
  async (code) => {
    const { came, ask } = poolThat((isPrepared) => {
      if (isPrepared) throw refused(code);
    });
    expect(await ask()).toEqual([{ answer: 'done' }]);
    await ask();
    expect(came).toEqual(['prepared', 'as text', 'as text']);
  },
);

test('another refusal is told', async () => {
  const { came, ask } = poolThat(() => {
    throw refused('42P01');
  });
  await expect(ask()).rejects.toThrow('refused');
  expect(came).toEqual(['prepared']);
});

test('after a slow answer it is planned each time, until the table has been analysed', async () => {
  const time = useVirtualTime();
  let answerMs = 30;
  const { came, ask } = poolThat(() => time.advance(answerMs));
  await ask();
  answerMs = 1;
  await ask();
  time.advance(119_000);
  await ask();
  time.advance(1_000);
  await ask();
  await ask();
  expect(came).toEqual(['prepared', 'as text', 'as text', 'prepared', 'prepared']);
});
