// The pool by itself: what the tests against a server cannot bring about.
import { expect, test } from 'vitest';
import { CandidatePool } from '../../src/dynamodb/candidate-pool.js';
import { Patience } from '../../src/patience.js';

test('a request that stalls after a lost race holds up no other call', async () => {
  const items = ['A', 'B', 'C'];
  const pool = new CandidatePool(async () => ({ items, nextKey: null }));
  const patience = new Patience(10_000);
  const lost = await pool.take(0, patience);
  if (lost === null) throw new Error('The bank has items.');
  pool.settle(lost, 'gone');
  const stalled = await pool.take(0, patience);
  const next = await Promise.race([
    pool.take(0, patience),
    new Promise((resolve) => setImmediate(resolve)),
  ]);
  expect(next).toMatchObject({ item: expect.stringMatching(/^[ABC]$/) });
  expect(next).not.toMatchObject({ item: stalled?.item });
});
