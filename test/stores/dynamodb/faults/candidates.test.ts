// Where candidates come from: scans that are stale, empty, refused, or run into by others.
import { setImmediate } from 'node:timers/promises';
import { Deduplicator, ItemBankDynamoDbRepository } from 'storagebox';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { runtime } from '../../../../src/environment/runtime.js';
import {
  cancellation,
  type InterceptedCall,
  intercept,
  serviceError,
} from '../../../support/interceptor.js';
import {
  freshTables,
  openPair,
  type Row,
  removeItems,
  type Tables,
  throughOwnClient,
} from '../../../support/tables.js';
import { stopTheClock, useVirtualTime } from '../../../support/virtual-time.js';

const vouchers = (count: number) => Array.from({ length: count }, (_, index) => `voucher-${index}`);
const users = (count: number) => Array.from({ length: count }, (_, index) => `user-${index}`);

async function seededTables(count: number): Promise<Tables> {
  const tables = await freshTables();
  await openPair(throughOwnClient(tables)).itemRepo.batchAddItems(vouchers(count));
  return tables;
}

/** Answers the scans of the client; all else goes through. */
function interceptScans(tables: Tables, answer: (call: InterceptedCall) => Promise<unknown>) {
  intercept(tables.client, (call) => (call.operation === 'Scan' ? answer(call) : call.send()));
}

/** By operation, and, as `actions`, what the write transactions hold. */
function count(tables: Tables): Map<string, number> {
  const counts = new Map<string, number>();
  const add = (name: string, number: number) => counts.set(name, (counts.get(name) ?? 0) + number);
  intercept(tables.client, (call) => {
    const { operation, input } = call;
    add(operation, 1);
    if (operation === 'TransactWriteItems') add('actions', (input.TransactItems as []).length);
    return call.send();
  });
  return counts;
}

/** Answers like two empty tables, each request after the same number of turns of the event loop. */
function answerInStep({ client }: Tables): void {
  intercept(client, async ({ operation, input }) => {
    for (let turn = 0; turn < 4; turn++) await setImmediate();
    const { TransactItems = [] } = input as { readonly TransactItems?: readonly unknown[] };
    return operation === 'Scan' ? { Items: [] } : { Responses: TransactItems.map(() => ({})) };
  });
}

function fetchAll(tables: Tables, ids: readonly string[], fetchLimit?: number) {
  const { deduplicationRepo } = openPair(tables);
  const { itemBankTableName: tableName, client } = tables;
  const itemRepo = new ItemBankDynamoDbRepository({ tableName, client, fetchLimit });
  const deduplicator = new Deduplicator({ itemRepo, deduplicationRepo });
  return Promise.all(ids.map((id) => deduplicator.fetchItemForDeduplicationId(id)));
}

/** Holds back the first requests of that kind until they are let go. */
function holdFirst(tables: Tables, operations: readonly string[], requests = 1) {
  let letGo = () => {};
  const areLetGo = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const areHeld = new Promise<void>((resolve) => {
    let held = 0;
    intercept(tables.client, async (call) => {
      if (operations.includes(call.operation) && held < requests) {
        held++;
        if (held === requests) resolve();
        await areLetGo;
      }
      return call.send();
    });
  });
  return { areHeld, letGo };
}

/** Gives out the answers to the first requests when the last of them has come. */
function answerTogether(tables: Tables, requests: number) {
  let answered = 0;
  let giveOut = () => {};
  const areAllAnswered = new Promise<void>((resolve) => {
    giveOut = resolve;
  });
  intercept(tables.client, async (call) => {
    const answer = await call.send();
    answered++;
    if (answered === requests) giveOut();
    await areAllAnswered;
    return answer;
  });
}

const hasMadeUpStart = ({ input }: InterceptedCall) => {
  const start = input.ExclusiveStartKey as { item: { S: string } } | undefined;
  return start !== undefined && !start.item.S.startsWith('voucher-');
};

const idsOf = ({ input }: InterceptedCall) =>
  (input.TransactItems as { Get: { Key: { deduplication_id: { S: string } } } }[]).map(
    ({ Get }) => Get.Key.deduplication_id.S,
  );

describe('a store that', () => {
  test('refuses made-up start keys still hands everything out, and then null', async () => {
    const tables = await seededTables(25);
    interceptScans(tables, async (call) => {
      if (hasMadeUpStart(call)) throw serviceError('ValidationException');
      return call.send();
    });
    const answers = await fetchAll(tables, users(30), 10);
    expect(answers.filter((item) => item !== null).sort()).toEqual(vouchers(25).sort());
  });

  test('ignores made-up start keys still hands everything out, and then null', async () => {
    const tables = await seededTables(25);
    interceptScans(tables, (call) => {
      const { ExclusiveStartKey, ...fromHead } = call.input;
      return hasMadeUpStart(call) ? call.send(fromHead) : call.send();
    });
    const answers = await fetchAll(tables, users(30), 10);
    expect(answers.filter((item) => item !== null).sort()).toEqual(vouchers(25).sort());
  });

  test('gives empty pages that have a next page is read to its end', async () => {
    const tables = await seededTables(25);
    interceptScans(tables, async (call) => {
      const output = await call.send();
      const isPassedOver = hasMadeUpStart(call) || output.LastEvaluatedKey !== undefined;
      return isPassedOver ? { ...output, Items: [] } : output;
    });
    // The last page of the whole table is the only one that shows its rows.
    const [item] = await fetchAll(tables, ['user'], 10);
    expect(item).toMatch(/^voucher-/);
  });

  test('gives empty pages without end makes the call throw, not read as sold out', async () => {
    const tables = await seededTables(5);
    const { advance } = useVirtualTime();
    interceptScans(tables, async (call) => {
      advance(100);
      const { Items: _passedOver, ...output } = await call.send();
      return { ...output, Items: [], LastEvaluatedKey: { item: { S: 'voucher-0' } } };
    });
    await expect(fetchAll(tables, ['user'])).rejects.toMatchObject({
      code: 'STORAGEBOX_CONTENTION',
    });
  });

  test('is throttled is asked again until it answers', async () => {
    const tables = await seededTables(1);
    const { sleptMs } = useVirtualTime();
    let scans = 0;
    interceptScans(tables, (call) => {
      if (++scans > 10) return call.send();
      throw serviceError('ProvisionedThroughputExceededException');
    });
    expect(await fetchAll(tables, ['user', 'another'])).toEqual(
      expect.arrayContaining(['voucher-0', null]),
    );
    expect(sleptMs).toHaveLength(10);
  });

  test('fails to scan makes the call throw, not read as sold out', async () => {
    const tables = await seededTables(1);
    const fault = serviceError('InternalServerError', {}, 500);
    interceptScans(tables, async () => {
      throw fault;
    });
    await expect(fetchAll(tables, ['user'])).rejects.toBe(fault);
  });
});

describe('calls of one process', () => {
  test('share scans and never race each other', async () => {
    const tables = await seededTables(60);
    const counts = count(tables);
    const answers = await fetchAll(tables, users(60));
    expect(new Set(answers).size).toBe(60);
    expect(counts.get('actions')).toBe(2 * 60);
    expect(counts.get('Scan')).toBeLessThanOrEqual(5);
  });

  test('share the first look at their IDs in a rush, and get each their own item again', async () => {
    const tables = await seededTables(60);
    const counts = count(tables);
    const deduplicator = new Deduplicator(openPair(tables));
    const fetchForAll = () =>
      Promise.all(users(60).map((id) => deduplicator.fetchItemForDeduplicationId(id)));
    const answers = await fetchForAll();
    expect(Object.fromEntries(counts)).toMatchObject({ GetItem: 16, TransactGetItems: 1 });
    expect(await fetchForAll()).toEqual(answers);
    expect(Object.fromEntries(counts)).toMatchObject({
      GetItem: 32,
      TransactGetItems: 2,
      actions: 2 * 60,
    });
  });

  test('that are all told "sold out" share the proof', async () => {
    const tables = await seededTables(0);
    const counts = count(tables);
    const firstLooks = 16 + 1;
    answerTogether(tables, firstLooks);
    expect(new Set(await fetchAll(tables, users(60)))).toEqual(new Set([null]));
    expect(Object.fromEntries(counts)).toEqual({ GetItem: 16, Scan: 2, TransactGetItems: 1 + 1 });
  });

  test('that ask in vain for a sold-out bank share the look at their IDs, too', async () => {
    const tables = await seededTables(0);
    const deduplicator = new Deduplicator(openPair(tables));
    await deduplicator.claim('the first to learn it');
    const counts = count(tables);
    const answers: unknown[] = [];
    const callOn = async (ids: readonly string[]) => {
      for (const id of ids) answers.push(await deduplicator.fetchItemForDeduplicationId(id));
    };
    await Promise.all(
      Array.from({ length: 20 }, (_, caller) => callOn(users(10).map((id) => `${id}-${caller}`))),
    );
    expect(answers).toEqual(Array.from({ length: 200 }, () => null));
    const requests = [...counts.values()].reduce((sum, requests) => sum + requests, 0);
    expect(requests).toBeLessThan(200);
  });

  test('that come while others look if it is still sold out share the next look', async () => {
    // However slow the machine is, the look under way is not taken for a stalled one.
    const sleep = vi
      .spyOn(runtime, 'sleep')
      .mockImplementation((delayMs) => (delayMs < 500 ? Promise.resolve() : new Promise(() => {})));
    onTestFinished(() => sleep.mockRestore());
    const tables = await seededTables(0);
    const deduplicator = new Deduplicator(openPair(tables));
    await deduplicator.claim('the first to learn it');
    const { areHeld, letGo } = holdFirst(tables, ['TransactGetItems']);
    const looks: string[][] = [];
    intercept(tables.client, (call) => {
      if (call.operation === 'TransactGetItems') looks.push(idsOf(call));
      return call.send();
    });
    const first = deduplicator.fetchItemForDeduplicationId('first');
    await areHeld;
    const later: Promise<unknown>[] = [];
    for (const id of users(30)) {
      later.push(deduplicator.fetchItemForDeduplicationId(id));
      await setImmediate();
    }
    letGo();
    expect(await Promise.all([first, ...later])).toEqual(Array.from({ length: 31 }, () => null));
    expect(looks).toEqual([['first'], users(30)]);
  });

  test('that ask in vain again and again share each look with all others who do', async () => {
    const tables = await seededTables(0);
    const deduplicator = new Deduplicator({ ...openPair(tables), skipFirstRead: true });
    await deduplicator.claim('the first to learn it');
    const counts = count(tables);
    answerInStep(tables);
    stopTheClock();
    const callOn = async (caller: string) => {
      for (const id of users(5)) await deduplicator.fetchItemForDeduplicationId(`${id}-${caller}`);
    };
    await Promise.all(['A', 'B', 'C', 'D'].map(callOn));
    // Of 20 calls the first is alone, and its scan is proof for the other callers' first ones, too.
    expect(Object.fromEntries(counts)).toEqual({ Scan: 6, TransactGetItems: 7 });
  });

  test('that ask one after the other for a sold-out bank wait for nothing', async () => {
    const { sleptMs } = useVirtualTime();
    const tables = await seededTables(0);
    const deduplicator = new Deduplicator(openPair(tables));
    for (const id of users(5))
      expect(await deduplicator.fetchItemForDeduplicationId(id)).toBeNull();
    expect(sleptMs).toEqual([]);
  });

  test('that wait for a look which stalls get a look of their own after a while', async () => {
    const tables = await seededTables(0);
    const deduplicator = new Deduplicator(openPair(tables));
    await deduplicator.claim('the first to learn it');
    const { areHeld, letGo } = holdFirst(tables, ['TransactGetItems']);
    const stalled = deduplicator.fetchItemForDeduplicationId('stalled');
    await areHeld;
    const { sleptMs } = useVirtualTime();
    expect(await deduplicator.fetchItemForDeduplicationId('waiting')).toBeNull();
    expect(Math.max(...sleptMs)).toBe(500);
    letGo();
    expect(await stalled).toBeNull();
  });

  test('that wait for first looks which stall get a look of their own after a while', async () => {
    const tables = await seededTables(30);
    const deduplicator = new Deduplicator(openPair(tables));
    const { areHeld, letGo } = holdFirst(tables, ['GetItem', 'TransactGetItems'], 16 + 4);
    const stalled: Promise<unknown>[] = [];
    for (const id of users(16 + 4)) {
      stalled.push(deduplicator.fetchItemForDeduplicationId(id));
      await setImmediate();
    }
    await areHeld;
    const { sleptMs } = useVirtualTime();
    expect(await deduplicator.fetchItemForDeduplicationId('waiting')).toMatch(/^voucher-/);
    expect(sleptMs).toEqual([500]);
    letGo();
    expect(new Set(await Promise.all(stalled)).size).toBe(20);
  });

  test('that wait for a look which fails get a look of their own', async () => {
    const tables = await seededTables(0);
    const deduplicator = new Deduplicator(openPair(tables));
    await deduplicator.claim('the first to learn it');
    const fault = serviceError('InternalServerError', {}, 500);
    let looks = 0;
    const { areHeld, letGo } = holdFirst(tables, ['TransactGetItems']);
    intercept(tables.client, async (call) => {
      if (call.operation !== 'TransactGetItems') return call.send();
      const answer = await call.send();
      if (++looks === 1) throw fault;
      return answer;
    });
    const failing = deduplicator.fetchItemForDeduplicationId('failing');
    const failure = expect(failing).rejects.toBe(fault);
    await areHeld;
    const waiting = deduplicator.fetchItemForDeduplicationId('waiting');
    letGo();
    await failure;
    expect(await waiting).toBeNull();
  });

  test('get their own answers from a shared look, and one in the way holds up nobody else', async () => {
    useVirtualTime();
    const tables = await seededTables(0);
    const { deduplicationRepo } = openPair(throughOwnClient(tables));
    await deduplicationRepo.putDeduplicationId('winner', 'voucher');
    const looks: string[][] = [];
    intercept(tables.client, async (call) => {
      // A stale read, so that the winner looks like a newcomer.
      if (call.operation === 'GetItem') return {};
      if (call.operation !== 'TransactGetItems') return call.send();
      const ids = idsOf(call);
      looks.push(ids);
      if (ids.length > 1 && ids.includes('held up')) {
        throw cancellation(...ids.map((id) => (id === 'held up' ? 'TransactionConflict' : 'None')));
      }
      return call.send();
    });
    const answers = await fetchAll(tables, ['newcomer', 'held up', 'winner']);
    expect(answers).toEqual([null, null, 'voucher']);
    expect(looks).toEqual([['newcomer', 'held up', 'winner'], ['newcomer', 'winner'], ['held up']]);
  });

  test('of more than one deduplicator may look at one ID at once', async () => {
    const tables = await seededTables(0);
    const pair = openPair(tables);
    const deduplicators = [new Deduplicator(pair), new Deduplicator(pair)];
    const answers = await Promise.all(deduplicators.map((node) => node.claim('user')));
    expect(answers.map(({ status }) => status)).toEqual(['exhausted', 'exhausted']);
  });

  test('more than 100 of them are answered in several looks', async () => {
    const tables = await seededTables(0);
    const deduplicator = new Deduplicator({ ...openPair(tables), skipFirstRead: true });
    const answers = await Promise.all(
      users(250).map((id) => deduplicator.fetchItemForDeduplicationId(id)),
    );
    expect(answers).toEqual(users(250).map(() => null));
  });

  test('wait for what is being claimed before they say "sold out"', async () => {
    const tables = await seededTables(1);
    const { itemRepo, deduplicationRepo } = openPair(tables);
    await openPair(throughOwnClient(tables)).deduplicationRepo.putDeduplicationId(
      'known',
      'theirs',
    );
    const deduplicator = new Deduplicator({ itemRepo, deduplicationRepo, skipFirstRead: true });
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let isFirst = true;
    let hasStarted = () => {};
    const started = new Promise<void>((resolve) => {
      hasStarted = resolve;
    });
    intercept(tables.client, async (call) => {
      if (call.operation === 'TransactWriteItems' && isFirst) {
        isFirst = false;
        hasStarted();
        await held;
      }
      return call.send();
    });
    // Holds the only voucher, and will not need it.
    const returning = deduplicator.fetchItemForDeduplicationId('known');
    await started;
    const fresh = deduplicator.fetchItemForDeduplicationId('new');
    setTimeout(release, 200);
    expect(await returning).toBe('theirs');
    expect(await fresh).toBe('voucher-0');
  });
});

test('an item that came back after a slow claim had found it gone is not overlooked', async () => {
  const tables = await seededTables(1);
  const other = openPair(throughOwnClient(tables)).itemRepo;
  let tellOutcome = () => {};
  const told = new Promise<void>((resolve) => {
    tellOutcome = resolve;
  });
  let noteEvaluated = () => {};
  const evaluated = new Promise<void>((resolve) => {
    noteEvaluated = resolve;
  });
  let transactions = 0;
  intercept(tables.client, async (call) => {
    if (call.operation !== 'TransactWriteItems' || ++transactions > 1) return call.send();
    await removeItems(tables, ['voucher-0']);
    try {
      return await call.send();
    } finally {
      // The claim has lost its race; its answer takes long.
      noteEvaluated();
      await told;
    }
  });
  const deduplicator = new Deduplicator(openPair(tables));
  const slow = deduplicator.fetchItemForDeduplicationId('slow');
  await evaluated;
  await other.addItemToBank('voucher-0');
  const later = deduplicator.fetchItemForDeduplicationId('later');
  setTimeout(tellOutcome, 200);
  const items = [await slow, await later];
  expect(items.filter((item) => item !== null)).toEqual(['voucher-0']);
});

test('a process that runs into another one leaves that stretch after one lost race', async () => {
  const tables = await seededTables(300);
  const page: string[] = [];
  interceptScans(tables, async (call) => {
    const output = await call.send();
    if (page.length === 0) page.push(...output.Items.map((row: Row) => row.item?.S));
    return output;
  });
  const deduplicator = new Deduplicator({ ...openPair(tables), skipFirstRead: true });
  const first = await deduplicator.fetchItemForDeduplicationId('first');
  await removeItems(
    tables,
    page.filter((item) => item !== first),
  );
  const counts = count(tables);
  for (const user of users(10)) await deduplicator.fetchItemForDeduplicationId(user);
  expect(counts.get('TransactWriteItems')).toBe(11);
});

test('an item that comes back while the bank is being proven empty does not hide in the proof', async () => {
  const tables = await seededTables(0);
  const other = openPair(throughOwnClient(tables)).itemRepo;
  let scans = 0;
  interceptScans(tables, async (call) => {
    scans++;
    const page = await call.send();
    // After the first complete pass, so that only a pass of the second call can see it.
    if (scans === 2) await other.addItemToBank('voucher-0');
    return page;
  });
  const deduplicator = new Deduplicator(openPair(tables));
  const early = await deduplicator.fetchItemForDeduplicationId('early');
  expect(early).toBe(null);
  expect(await deduplicator.fetchItemForDeduplicationId('late')).toBe('voucher-0');
});
