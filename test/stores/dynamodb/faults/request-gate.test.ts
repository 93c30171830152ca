// More calls at once than the client has sockets: they wait in the queue of the package, and not inside
// the client, where its timeouts run already.
import { Agent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb';
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import {
  DEFAULT_CLIENT_CONFIG,
  DeduplicationDynamoDbRepository,
  Deduplicator,
  ItemBankDynamoDbRepository,
} from 'storagebox';
import { describe, expect, inject, onTestFinished, test, vi } from 'vitest';
import { sendThroughGate } from '../../../../src/dynamodb/request-gate.js';
import { runtime } from '../../../../src/environment/runtime.js';
import { Patience } from '../../../../src/store-kit/patience.js';
import { clientConfigFor } from '../../../support/client.js';
import { type Script, scriptedServer } from '../../../support/scripted-server.js';
import { freshTablesWithLedger, openPair } from '../../../support/tables.js';

const MAX_SOCKETS = 4;
const users = Array.from({ length: 60 }, (_, index) => `user-${index}`);

/** The clock stands still, so that no patience ends on a machine that is busy. */
function stopClock(): void {
  const now = vi.spyOn(runtime, 'nowMs').mockReturnValue(0);
  onTestFinished(() => now.mockRestore());
}

/** A client with few sockets, and how many of its requests waited for one inside the client. */
async function serverAndClient(script: Script) {
  const agent = new Agent({ keepAlive: true, maxSockets: MAX_SOCKETS });
  let waitedInClient = 0;
  const server = await scriptedServer((operation, nth) => {
    const waiting = Object.values(agent.requests).flat().length;
    waitedInClient = Math.max(waitedInClient, waiting);
    return script(operation, nth);
  });
  const client = new DynamoDBClient({
    ...clientConfigFor(server.endpoint),
    maxAttempts: 1,
    requestHandler: { httpAgent: agent },
  });
  onTestFinished(async () => {
    client.destroy();
    await server.stop();
  });
  return { server, client, waitedInClient: () => waitedInClient };
}

const answer: Script = async () => ({ status: 200, body: '{}' });

function assignmentsThrough(client: DynamoDBClient | DynamoDBDocumentClient) {
  return new DeduplicationDynamoDbRepository({ tableName: 'assignments', client });
}

describe('many calls at once', () => {
  test('are all answered, and none of them waits for a socket inside the client', async () => {
    stopClock();
    let noteAllBusy = () => {};
    const allBusy = new Promise<void>((resolve) => {
      noteAllBusy = resolve;
    });
    const { server, client, waitedInClient } = await serverAndClient(async (operation, nth) => {
      if (nth === MAX_SOCKETS) noteAllBusy();
      await allBusy;
      return answer(operation, nth);
    });
    const repository = assignmentsThrough(client);
    const answers = users.map((user) => repository.getValueForDeduplicationId(user));
    expect(await Promise.all(answers)).toEqual(users.map(() => null));
    expect(waitedInClient()).toBe(0);
    expect(server.mostAtOnce()).toBe(MAX_SOCKETS);
  });

  test('given to the client itself wait there, where its timeouts run', async () => {
    const { client, waitedInClient } = await serverAndClient(answer);
    const commands = users.map(
      (user) => new GetItemCommand({ TableName: 'any', Key: { key: { S: user } } }),
    );
    await Promise.all(commands.map((command) => client.send(command)));
    expect(waitedInClient()).toBeGreaterThan(0);
  });

  test('of repositories that share a client, or its sockets, share one queue', async () => {
    stopClock();
    const { client, waitedInClient } = await serverAndClient(answer);
    const repositories = [
      assignmentsThrough(client),
      assignmentsThrough(client),
      assignmentsThrough(DynamoDBDocumentClient.from(client)),
    ];
    const answers = repositories.flatMap((repository) =>
      users.slice(0, 20).map((user) => repository.getValueForDeduplicationId(user)),
    );
    await Promise.all(answers);
    expect(waitedInClient()).toBe(0);
  });

  test('are sent in the order in which they came', async () => {
    const client = clientWithSockets(1);
    const sent: number[] = [];
    const order = Array.from({ length: 100 }, (_, index) => index);
    await Promise.all(
      order.map((index) =>
        sendThroughGate(client, new Patience(60_000), async () => {
          sent.push(index);
          await sleep(0);
        }),
      ),
    );
    expect(sent).toEqual(order);
  });

  test('are as many at once as there are sockets, whatever they do', async () => {
    stopClock();
    const tables = await freshTablesWithLedger();
    let underWay = 0;
    let mostAtOnce = 0;
    const client = new DynamoDBClient({
      ...clientConfigFor(inject('dynamoDbEndpoint')),
      requestHandler: { ...DEFAULT_CLIENT_CONFIG.requestHandler, httpAgent: { maxSockets: 3 } },
    });
    onTestFinished(() => client.destroy());
    const { requestHandler } = client.config;
    const handle = requestHandler.handle.bind(requestHandler);
    vi.spyOn(requestHandler, 'handle').mockImplementation(async (...args) => {
      mostAtOnce = Math.max(mostAtOnce, ++underWay);
      return handle(...args).finally(() => underWay--);
    });
    const { itemRepo, deduplicationRepo } = openPair({ ...tables, client });
    await itemRepo.batchAddItems(
      users.map((user) => `voucher of ${user}`),
      { concurrency: 10 },
    );
    const deduplicator = new Deduplicator({ itemRepo, deduplicationRepo });
    await Promise.all([
      ...users.map((user) => deduplicator.claim(user)),
      itemRepo.countItems({ segments: 10 }),
      itemRepo.estimateItemCount(),
    ]);
    await Promise.all([
      ...users.map((user) => deduplicator.releaseItemForDeduplicationId(user)),
      ...users.map((user) => deduplicator.claim(`nobody like ${user}`)),
    ]);
    expect(mostAtOnce).toBe(3);
  });

  test('do not wait at all for a client that has sockets without end', async () => {
    const client = clientWithSockets(Number.POSITIVE_INFINITY);
    let underWay = 0;
    let goOn = () => {};
    const all = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    await Promise.all(
      users.map(() =>
        sendThroughGate(client, new Patience(60_000), () => {
          if (++underWay === users.length) goOn();
          return all;
        }),
      ),
    );
  });

  test('by the ten thousand are let through one after the other', async () => {
    const client = clientWithSockets(10);
    let sent = 0;
    const calls = Array.from({ length: 20_000 }, () =>
      sendThroughGate(client, new Patience(600_000), async () => {
        sent++;
      }),
    );
    await Promise.all(calls);
    expect(sent).toBe(20_000);
  });
});

describe('a call that waits for a socket', () => {
  async function busyClient() {
    const client = clientWithSockets(1);
    let finish = (_: string) => {};
    const first = sendThroughGate(client, new Patience(60_000), () => {
      return new Promise<string>((resolve) => {
        finish = resolve;
      });
    });
    await vi.waitFor(() =>
      sendThroughGate(client, new Patience(0), async () => {}).catch(() => {}),
    );
    return { client, first, finish: (text: string) => finish(text) };
  }

  test('ends when its patience does, and is never sent', async () => {
    const { client, first, finish } = await busyClient();
    const now = vi.spyOn(runtime, 'nowMs');
    onTestFinished(() => now.mockRestore());
    const send = vi.fn(async () => {});
    const waiting = sendThroughGate(client, new Patience(10_000), send);
    const more = sendThroughGate(client, new Patience(60_000), async () => 'patient');
    const nowMs = performance.now();
    now.mockImplementation(() => nowMs + 11_000);
    await expect(waiting).rejects.toMatchObject({
      code: 'STORAGEBOX_CONTENTION',
      cause: { message: 'All sockets of the client were in use.' },
    });
    finish('done');
    expect(await first).toBe('done');
    expect(await more).toBe('patient');
    expect(send).not.toHaveBeenCalled();
  });

  test('ends when its signal is aborted, and is never sent', async () => {
    const { client, first, finish } = await busyClient();
    const controller = new AbortController();
    const reason = new Error('enough');
    const send = vi.fn(async () => {});
    const waiting = sendThroughGate(client, new Patience(60_000, controller.signal), send);
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    finish('done');
    await first;
    expect(send).not.toHaveBeenCalled();
  });

  test('gets the socket of a call that failed', async () => {
    const client = clientWithSockets(1);
    const fault = new Error('injected');
    const [failed, next] = await Promise.allSettled([
      sendThroughGate(client, new Patience(60_000), () => Promise.reject(fault)),
      sendThroughGate(client, new Patience(60_000), async () => 'answered'),
    ]);
    expect(failed).toMatchObject({ reason: fault });
    expect(next).toMatchObject({ value: 'answered' });
  });

  test('to add items ends, and none of them is in', async () => {
    const { client, server } = await serverAndClient(() => new Promise(() => {}));
    const bank = new ItemBankDynamoDbRepository({ tableName: 'bank', client });
    const stalled = users.slice(0, MAX_SOCKETS).map((user) => bank.addItemToBank(user));
    await vi.waitFor(() => expect(server.requests()).toBe(MAX_SOCKETS), { timeout: 60_000 });
    const controller = new AbortController();
    const { signal } = controller;
    const waiting = bank.batchAddItems(['voucher'], { signal });
    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toMatchObject({ notAdded: ['voucher'], unconfirmed: [] });
    const now = vi.spyOn(runtime, 'nowMs').mockImplementation(() => performance.now() + 61_000);
    onTestFinished(() => now.mockRestore());
    client.destroy();
    await server.stop();
    const unknown = { reason: { code: 'STORAGEBOX_OUTCOME_UNKNOWN' } };
    expect(await Promise.allSettled(stalled)).toMatchObject(stalled.map(() => unknown));
    expect(server.requests()).toBe(MAX_SOCKETS);
  });
});

/** A client whose handler tells of its sockets, and nothing else. */
function clientWithSockets(maxSockets: number): DynamoDBClient {
  const client = new DynamoDBClient({
    region: 'eu-west-1',
    requestHandler: { httpsAgent: { maxSockets } },
  });
  onTestFinished(() => client.destroy());
  return client;
}
