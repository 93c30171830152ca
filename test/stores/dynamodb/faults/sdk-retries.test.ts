// What the SDK does by itself inside one call: its last error must not hide what came before it.
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { runtime } from '../../../../src/environment/runtime.js';
import { allRows, freshTables, openPair } from '../../../support/tables.js';

type Attempt = (send: () => Promise<unknown>, nth: number) => Promise<unknown>;

/** Answers each attempt at a transaction, those of the SDK's retries included. */
function interceptAttempts(client: DynamoDBClient, attempt: Attempt): { count: number } {
  const attempts = { count: 0 };
  client.middlewareStack.add(
    (next, { commandName }) =>
      async (args) => {
        if (commandName !== 'TransactWriteItemsCommand') return next(args);
        const nth = ++attempts.count;
        return (await attempt(() => next(args), nth)) as Awaited<ReturnType<typeof next>>;
      },
    { step: 'deserialize', priority: 'high' },
  );
  return attempts;
}

function throttling(): Error {
  return Object.assign(new Error('injected'), {
    name: 'ThrottlingException',
    $fault: 'client',
    $metadata: { httpStatusCode: 400 },
    $retryable: { throttling: true },
  });
}

function connectionReset(): Error {
  return Object.assign(new Error('injected'), { name: 'TimeoutError', code: 'ECONNRESET' });
}

async function addedThrough(attempt: Attempt) {
  const tables = await freshTables();
  const attempts = interceptAttempts(tables.client, attempt);
  const error = await openPair(tables)
    .itemRepo.batchAddItems(['voucher'])
    .catch((reason: unknown) => reason);
  const rows = await allRows(tables.client, tables.itemBankTableName);
  return { error, attempts, rows };
}

describe('a batch whose last attempt is refused', () => {
  const denied = () =>
    Object.assign(new Error('injected'), {
      name: 'AccessDeniedException',
      $fault: 'client',
      $metadata: { httpStatusCode: 400 },
    });

  test('after an attempt that was cut off leaves its items unconfirmed', async () => {
    const { error, attempts, rows } = await addedThrough(async (send, nth) => {
      if (nth > 1) throw denied();
      await send();
      throw connectionReset();
    });
    expect(attempts.count).toBe(2);
    expect(error).toMatchObject({ notAdded: [], unconfirmed: ['voucher'] });
    expect(rows).toHaveLength(1);
  });

  test('after attempts that were throttled tells that they are not in', async () => {
    const { error, attempts, rows } = await addedThrough(async (_send, nth) => {
      throw nth > 1 ? denied() : throttling();
    });
    expect(attempts.count).toBe(2);
    expect(error).toMatchObject({
      cause: { name: 'AccessDeniedException' },
      notAdded: ['voucher'],
      unconfirmed: [],
    });
    expect(rows).toEqual([]);
  });
});

test('a token that DynamoDB may have forgotten is not sent again', async () => {
  // The machine sleeps for an hour after the first attempt, whose response is lost.
  const date = vi.spyOn(runtime, 'date');
  onTestFinished(() => date.mockRestore());
  let nowMs = Date.now();
  date.mockImplementation(() => new Date(nowMs));
  const { error, attempts } = await addedThrough(async (send) => {
    await send();
    nowMs += 3_600_000;
    throw connectionReset();
  });
  expect(attempts.count).toBe(1);
  expect(error).toMatchObject({ notAdded: [], unconfirmed: ['voucher'] });
});
