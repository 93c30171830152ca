// Claims that share a transaction: each learns what became of itself, whatever became of the others.
import { setImmediate } from 'node:timers/promises';
import type { TransactWriteItem } from '@aws-sdk/client-dynamodb';
import { type ClaimResult, Deduplicator } from 'storagebox';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { MAX_TRANSACTIONS_UNDER_WAY } from '../../../../src/dynamodb/claim/grouped-claims.js';
import { runtime } from '../../../../src/environment/runtime.js';
import {
  cancellation,
  type InterceptedCall,
  intercept,
  serviceError,
  timeout,
} from '../../../support/interceptor.js';
import { Rush } from '../../../support/rush.js';
import {
  allRows,
  freshTables,
  openPair,
  removeItems,
  throughOwnClient,
} from '../../../support/tables.js';

const MEMBERS = ['a', 'b', 'c', 'd', 'e'] as const;
const POSITIONS = [
  ['first', 0],
  ['middle', 2],
  ['last', 4],
] as const;

type Answer = (call: InterceptedCall, nth: number) => Promise<unknown>;

const idsOf = ({ input }: InterceptedCall) =>
  actionsOf(input).flatMap(({ Put }) => Put?.Item?.deduplication_id?.S ?? []);
const itemsOf = ({ input }: InterceptedCall) =>
  actionsOf(input).flatMap(({ Delete }) => Delete?.Key?.item?.S ?? []);
const actionsOf = (input: InterceptedCall['input']) => input.TransactItems as TransactWriteItem[];
const users = (count: number, name: string) =>
  Array.from({ length: count }, (_, nth) => `${name}-${nth}`);

/** A node whose transactions the test answers. */
async function openNode() {
  const tables = await freshTables();
  const items = users(150, 'voucher');
  await openPair(throughOwnClient(tables)).itemRepo.batchAddItems(items);
  const pair = openPair(tables);
  const open = () => new Deduplicator({ ...pair, skipFirstRead: true });
  const deduplicator = open();
  const transactions: InterceptedCall[] = [];
  let answer: Answer = (call) => call.send();
  /** The outcomes of calls whose claims all have to wait, and then travel together. */
  const together = async <Outcome>(
    makeCalls: () => readonly Promise<Outcome>[],
    whatThen = answer,
  ) => {
    const rush = await Rush.begin({ client: tables.client, deduplicator });
    intercept(tables.client, (call) => {
      if (call.operation !== 'TransactWriteItems') return call.send();
      transactions.push(call);
      return answer(call, transactions.length);
    });
    const outcomes = Promise.allSettled(makeCalls());
    await rush.settled();
    answer = whatThen;
    await rush.end();
    return outcomes;
  };
  return {
    tables,
    deduplicator,
    open,
    /** Those of the calls that {@link together} made, and later ones. */
    transactions,
    together,
    /** The outcomes of the claims of all members, with this answer to the 1st, 2nd… transaction. */
    claimTogether: (whatThen?: Answer) =>
      together(() => MEMBERS.map((id) => deduplicator.claim(id)), whatThen),
    claimAll: (ids: readonly string[]) => Promise.all(ids.map((id) => deduplicator.claim(id))),
    /** Nothing goes wrong any more. */
    heal() {
      answer = (call) => call.send();
    },
    async expectSound() {
      const bank = await allRows(tables.client, tables.itemBankTableName);
      const assigned = await allRows(tables.client, tables.deduplicationTableName);
      const found = [
        ...bank.map(({ item }) => item?.S),
        ...assigned.map((row) => row.item_string?.S),
      ];
      expect(found.sort()).toEqual([...items].sort());
    },
  };
}

function valuesOf(outcomes: readonly PromiseSettledResult<ClaimResult>[]): ClaimResult[] {
  return outcomes.map((outcome) => {
    if (outcome.status === 'rejected') throw outcome.reason;
    return outcome.value;
  });
}

const errorsOf = (outcomes: readonly PromiseSettledResult<unknown>[]) =>
  outcomes.map((outcome) => (outcome.status === 'rejected' ? outcome.reason : undefined));

test('claims go alone as long as none of them has to wait', async () => {
  const { tables, claimAll } = await openNode();
  const sizes: number[] = [];
  intercept(tables.client, (call) => {
    if (call.operation === 'TransactWriteItems') sizes.push(idsOf(call).length);
    return call.send();
  });
  await claimAll(users(MAX_TRANSACTIONS_UNDER_WAY, 'calm'));
  expect(sizes).toEqual(Array(MAX_TRANSACTIONS_UNDER_WAY).fill(1));
});

test('claims that have to wait share a transaction, and each gets an item of its own', async () => {
  const { claimTogether, claimAll, transactions, expectSound } = await openNode();
  const outcomes = valuesOf(await claimTogether());
  expect(transactions.map(idsOf)).toEqual([MEMBERS]);
  expect(outcomes.map(({ status }) => status)).toEqual(MEMBERS.map(() => 'claimed'));
  expect(outcomes.map(({ item }) => item)).toEqual(itemsOf(transactions[0] as InterceptedCall));
  const again = await claimAll(MEMBERS);
  expect(again).toEqual(outcomes.map((outcome) => ({ ...outcome, status: 'existing' })));
  await expectSound();
});

describe.each(POSITIONS)('the %s of five claims', (_name, position) => {
  const id = MEMBERS[position];
  const others = MEMBERS.filter((member) => member !== id);

  test('whose ID has an item gets that one, and the others get theirs', async () => {
    const { tables, claimTogether, transactions, expectSound } = await openNode();
    const { item } = await new Deduplicator(openPair(throughOwnClient(tables))).claim(id);
    const outcomes = valuesOf(await claimTogether());
    expect(idsOf(transactions[0] as InterceptedCall)).toEqual(MEMBERS);
    expect(outcomes[position]).toMatchObject({ status: 'existing', item });
    expect(outcomes.filter(({ status }) => status === 'claimed')).toHaveLength(4);
    const [, ...later] = transactions;
    const triedAgain = new Set(later.flatMap(idsOf));
    expect(MEMBERS.filter((member) => triedAgain.has(member))).toEqual(others);
    await expectSound();
  });

  test('whose item is gone gets another one, and the others get theirs', async () => {
    const { tables, claimTogether, transactions } = await openNode();
    let gone: string | undefined;
    const outcomes = valuesOf(
      await claimTogether(async (call, nth) => {
        if (nth === 1) {
          gone = itemsOf(call)[position];
          await removeItems(throughOwnClient(tables), [gone as string]);
        }
        return call.send();
      }),
    );
    expect(idsOf(transactions[0] as InterceptedCall)).toEqual(MEMBERS);
    expect(outcomes.map(({ status }) => status)).toEqual(MEMBERS.map(() => 'claimed'));
    expect(new Set(outcomes.map(({ item }) => item)).size).toBe(5);
    expect(outcomes.map(({ item }) => item)).not.toContain(gone);
  });

  test('that a conflict holds up tries again, and the others get theirs', async () => {
    const { claimTogether, expectSound } = await openNode();
    const codes = MEMBERS.flatMap((member) => [
      'None',
      member === id ? 'TransactionConflict' : 'None',
    ]);
    const outcomes = valuesOf(
      await claimTogether(async (call, nth) => {
        if (nth === 1) throw cancellation(...codes);
        return call.send();
      }),
    );
    expect(outcomes.map(({ status }) => status)).toEqual(MEMBERS.map(() => 'claimed'));
    await expectSound();
  });

  test('that DynamoDB cannot take fails alone, after it went alone once', async () => {
    const { claimTogether, transactions, expectSound } = await openNode();
    const refusal = serviceError('AccessDeniedException');
    const outcomes = await claimTogether(async (call) => {
      if (idsOf(call).includes(id)) throw refusal;
      return call.send();
    });
    expect(errorsOf(outcomes)).toEqual(
      MEMBERS.map((member) => (member === id ? refusal : undefined)),
    );
    expect(transactions.map(idsOf)).toEqual([MEMBERS, ...MEMBERS.map((member) => [member])]);
    await expectSound();
  });
});

describe('a group that is cancelled', () => {
  test('without the reasons goes on one by one', async () => {
    const { claimTogether, transactions, expectSound } = await openNode();
    const outcomes = valuesOf(
      await claimTogether(async (call, nth) => {
        if (nth === 1) throw serviceError('TransactionCanceledException');
        return call.send();
      }),
    );
    expect(outcomes.map(({ status }) => status)).toEqual(MEMBERS.map(() => 'claimed'));
    expect(transactions.map(idsOf)).toEqual([MEMBERS, ...MEMBERS.map((member) => [member])]);
    await expectSound();
  });

  test('for one claim, again and again, lets the others go alone after two times', async () => {
    const { claimTogether, transactions } = await openNode();
    const outcomes = valuesOf(
      await claimTogether(async (call) => {
        const [, ...others] = idsOf(call);
        if (others.length === 0) return call.send();
        const codes = others.flatMap(() => ['None', 'None']);
        throw cancellation('TransactionConflict', 'None', ...codes);
      }),
    );
    expect(outcomes.map(({ status }) => status)).toEqual(MEMBERS.map(() => 'claimed'));
    const last = MEMBERS.at(-1);
    const withOthers = transactions.filter((call) => idsOf(call).length > 1);
    const timesBlameless = withOthers.filter((call) => idsOf(call).indexOf(last as string) > 0);
    expect(timesBlameless.length).toBeLessThanOrEqual(2);
  });

  test('with the row of another ID in a reason: the ID itself is read', async () => {
    const { claimTogether, transactions } = await openNode();
    const row = { deduplication_id: { S: 'somebody else' }, item_string: { S: 'not yours' } };
    const outcomes = valuesOf(
      await claimTogether(async (call, nth) => {
        if (nth > 1) return call.send();
        const reasons = idsOf(call).flatMap(() => [
          { Code: 'ConditionalCheckFailed', Item: row },
          { Code: 'None' },
        ]);
        throw serviceError('TransactionCanceledException', { CancellationReasons: reasons });
      }),
    );
    expect(transactions.length).toBeGreaterThan(1);
    expect(outcomes.map(({ status }) => status)).toEqual(MEMBERS.map(() => 'claimed'));
  });
});

describe('a group without an answer', () => {
  const actionsAndToken = ({ input }: InterceptedCall) => ({
    actions: input.TransactItems,
    token: input.ClientRequestToken,
  });

  test('is sent again as it was, and everybody has the item of the first time', async () => {
    const { claimTogether, transactions, expectSound } = await openNode();
    const outcomes = valuesOf(
      await claimTogether(async (call, nth) => {
        const output = await call.send();
        if (nth === 1) throw timeout();
        return output;
      }),
    );
    const [first, second] = transactions as [InterceptedCall, InterceptedCall];
    expect(transactions).toHaveLength(2);
    expect(actionsAndToken(second)).toEqual(actionsAndToken(first));
    expect(outcomes.map(({ status }) => status)).toEqual(MEMBERS.map(() => 'claimed'));
    expect(outcomes.map(({ item }) => item)).toEqual(itemsOf(first));
    await expectSound();
  });

  test.each([
    ['applied', 'existing'],
    ['lost', 'claimed'],
  ])(
    'to the end, but %s: each call throws an error of its own, and finds out',
    async (fate, status) => {
      const { claimTogether, claimAll, heal, transactions, expectSound } = await openNode();
      const skipMs = skippableTime();
      const outcomes = await claimTogether(async (call) => {
        if (fate === 'applied') await call.send();
        skipMs(3_000);
        throw timeout();
      });
      const errors = errorsOf(outcomes);
      expect(errors.map((error) => error.code)).toEqual(
        MEMBERS.map(() => 'STORAGEBOX_OUTCOME_UNKNOWN'),
      );
      expect(new Set(errors).size).toBe(MEMBERS.length);
      const [first, ...later] = transactions.map(actionsAndToken);
      expect(later.length).toBeGreaterThan(0);
      for (const call of later) expect(call).toEqual(first);
      const [group] = transactions as [InterceptedCall];
      heal();
      const again = await claimAll(MEMBERS);
      expect(again.map((result) => result.status)).toEqual(MEMBERS.map(() => status));
      if (fate === 'applied') expect(again.map(({ item }) => item)).toEqual(itemsOf(group));
      await expectSound();
    },
  );
});

test('after an attempt without an answer, each claim of a cancelled group stays in doubt', async () => {
  const { claimTogether, transactions } = await openNode();
  const nothing = MEMBERS.slice(1).flatMap(() => ['None', 'None']);
  const outcomes = await claimTogether(async (_call, nth) => {
    // It may still arrive.
    if (nth === 1) throw timeout();
    if (nth === 2) throw cancellation('None', 'ConditionalCheckFailed', ...nothing);
    throw serviceError('AccessDeniedException');
  });
  expect(transactions.slice(0, 2).map(idsOf)).toEqual([MEMBERS, MEMBERS]);
  expect(errorsOf(outcomes).map((error) => error?.code)).toEqual(
    MEMBERS.map(() => 'STORAGEBOX_OUTCOME_UNKNOWN'),
  );
});

test('a group that is throttled as a whole goes on one by one', async () => {
  const { claimTogether, transactions, expectSound } = await openNode();
  const outcomes = valuesOf(
    await claimTogether(async (call, nth) => {
      if (nth === 1) throw serviceError('ThrottlingException');
      return call.send();
    }),
  );
  expect(transactions.map((call) => idsOf(call).length)).toEqual([5, 1, 1, 1, 1, 1]);
  expect(outcomes.map(({ status }) => status)).toEqual(MEMBERS.map(() => 'claimed'));
  await expectSound();
});

test('calls for one ID never share a transaction, whichever deduplicators made them', async () => {
  const { open, together, transactions, expectSound } = await openNode();
  const [one, other] = [open(), open()];
  await Promise.all([one.claim('warm-0'), other.claim('warm-0')]);
  const outcomes = valuesOf(
    await together(
      () => [one.claim('a'), one.claim('b'), other.claim('a'), other.claim('c')],
      (call) => call.send(),
    ),
  );
  expect(transactions.slice(0, 2).map(idsOf)).toEqual([
    ['a', 'b'],
    ['a', 'c'],
  ]);
  const ofOneId = [outcomes[0], outcomes[2]];
  expect(ofOneId.map((outcome) => outcome?.status).sort()).toEqual(['claimed', 'existing']);
  expect(outcomes[2]?.item).toBe(outcomes[0]?.item);
  await expectSound();
});

describe('a call that is aborted', () => {
  test('leaves the queue, and its item is free', async () => {
    const { deduplicator, together, transactions, expectSound } = await openNode();
    const controller = new AbortController();
    const { signal } = controller;
    const outcomes = await together(
      () => {
        const calls = MEMBERS.map((id) => deduplicator.claim(id, id === 'c' ? { signal } : {}));
        void setImmediate().then(() => controller.abort());
        return calls;
      },
      (call) => call.send(),
    );
    expect(errorsOf(outcomes)).toEqual([undefined, undefined, signal.reason, undefined, undefined]);
    expect(transactions.map(idsOf)).toEqual([MEMBERS.filter((id) => id !== 'c')]);
    await expectSound();
  });

  test.each([
    ['all', 1],
    ['all but one', 2],
  ])(
    'takes nothing from the others: %s of a group are, before it is sent again',
    async (who, times) => {
      const { deduplicator, together, transactions, expectSound } = await openNode();
      const controllers = MEMBERS.map(() => new AbortController());
      const outcomes = await together(
        () =>
          MEMBERS.map((id, nth) => deduplicator.claim(id, { signal: controllers[nth]?.signal })),
        async (call, nth) => {
          if (nth > 1) return call.send();
          for (const controller of who === 'all' ? controllers : controllers.slice(1))
            controller.abort();
          throw timeout();
        },
      );
      expect(transactions).toHaveLength(times);
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(times - 1);
      await expectSound();
    },
  );
});

/** The package's clock, which the test can put forward. */
function skippableTime(): (byMs: number) => void {
  const { nowMs } = runtime;
  let skippedMs = 0;
  const spy = vi.spyOn(runtime, 'nowMs').mockImplementation(() => nowMs() + skippedMs);
  onTestFinished(() => spy.mockRestore());
  return (byMs) => {
    skippedMs += byMs;
  };
}
