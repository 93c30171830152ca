// What is told to those who listen, and that nothing is done for it while nobody does.
import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import {
  type AtomicClaim,
  BatchNotFullyAddedError,
  Deduplicator,
  EVENT_CHANNEL_NAME,
  onStorageBoxEvent,
  type StorageBoxEvent,
} from 'storagebox';
import { DeduplicationMemoryRepository, ItemBankMemoryRepository } from 'storagebox/memory';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { runtime } from '../../src/environment/runtime.js';
import { MapDeduplication, SetItemBank } from '../support/custom-backend.js';
import { serviceError } from '../support/interceptor.js';
import { useVirtualTime } from '../support/virtual-time.js';

function listen(): StorageBoxEvent[] {
  const events: StorageBoxEvent[] = [];
  onTestFinished(onStorageBoxEvent((event) => events.push(event)));
  return events;
}

const memoryPair = () => ({
  itemRepo: new ItemBankMemoryRepository(),
  deduplicationRepo: new DeduplicationMemoryRepository(),
});

/** A deduplicator each of whose claims takes that long and then ends as told. */
function endingAs(claimItem: AtomicClaim['claimItem'], takesMs = 0) {
  const time = useVirtualTime();
  const deduplicationRepo = Object.assign(new MapDeduplication(), {
    atomicClaimWith: async (): Promise<AtomicClaim> => ({
      claimItem: async (...args) => {
        time.advance(takesMs);
        return claimItem(...args);
      },
    }),
  });
  return new Deduplicator({ itemRepo: new SetItemBank(), deduplicationRepo });
}

describe('a claim', () => {
  test('tells a first hand-out from a repeat and from one in vain, without the ID or the item', async () => {
    const deduplicator = new Deduplicator(memoryPair());
    await deduplicator.itemRepo.addItemToBank('voucher');
    const events = listen();
    for (const user of ['user-1', 'user-1', 'user-2']) await deduplicator.claim(user);
    const durationMs = expect.any(Number);
    expect(events).toEqual([
      { type: 'claim', durationMs },
      { type: 'repeat', durationMs },
      { type: 'exhausted', durationMs },
    ]);
  });

  test('tells the ID and the item when asked to', async () => {
    const deduplicator = new Deduplicator({ ...memoryPair(), revealInEvents: true });
    await deduplicator.itemRepo.addItemToBank('voucher');
    const events = listen();
    for (const user of ['user-1', 'user-2']) await deduplicator.claim(user);
    expect(events).toMatchObject([
      { type: 'claim', deduplicationId: 'user-1', item: 'voucher' },
      { type: 'exhausted', deduplicationId: 'user-2' },
    ]);
    expect(events[1]).not.toHaveProperty('item');
  });

  test('tells that it takes two steps where the pair has no atomic write', async () => {
    const itemRepo = new ItemBankMemoryRepository();
    const deduplicator = new Deduplicator({ itemRepo, deduplicationRepo: new MapDeduplication() });
    await itemRepo.addItemToBank('voucher');
    const events = listen();
    for (const user of ['user-1', 'user-1', 'user-2']) await deduplicator.claim(user);
    const rest = { durationMs: expect.any(Number), isTwoStep: true };
    expect(events).toEqual([
      { type: 'claim', ...rest },
      { type: 'repeat', ...rest },
      { type: 'exhausted', ...rest },
    ]);
    expect(await deduplicator.isAtomic()).toBe(false);
    expect(await new Deduplicator(memoryPair()).isAtomic()).toBe(true);
  });

  test('tells how long it took', async () => {
    const deduplicator = endingAs(async () => ({ status: 'claimed', item: 'voucher' }), 250);
    const events = listen();
    await deduplicator.claim('user');
    expect(events).toEqual([{ type: 'claim', durationMs: 250 }]);
  });

  test('that fails tells what was thrown, and throws it', async () => {
    const fault = serviceError('AccessDeniedException');
    const deduplicator = endingAs(async () => {
      throw fault;
    }, 40);
    const events = listen();
    await expect(deduplicator.claim('user')).rejects.toBe(fault);
    expect(events).toEqual([
      {
        type: 'failed',
        operation: 'claim',
        errorName: 'AccessDeniedException',
        errorCode: undefined,
        durationMs: 40,
      },
    ]);
  });

  test('of several calls at once for one ID tells of each', async () => {
    const deduplicator = new Deduplicator(memoryPair());
    await deduplicator.itemRepo.addItemToBank('voucher');
    const events = listen();
    await Promise.all([deduplicator.claim('user'), deduplicator.claim('user')]);
    expect(events.map(({ type }) => type)).toEqual(['claim', 'repeat']);
  });

  test('is told in the asynchronous context of its caller', async () => {
    const deduplicator = endingAs(async () => ({ status: 'claimed', item: 'voucher' }));
    const requests = new AsyncLocalStorage<string>();
    const seen: (string | undefined)[] = [];
    onTestFinished(onStorageBoxEvent(() => seen.push(requests.getStore())));
    await Promise.all(
      ['request-1', 'request-2'].map((request) =>
        requests.run(request, () => deduplicator.claim('user')),
      ),
    );
    expect(seen).toEqual(['request-1', 'request-2']);
  });
});

describe('a release', () => {
  test('tells what became of the item, and nothing when the ID had none', async () => {
    const deduplicator = new Deduplicator({ ...memoryPair(), revealInEvents: true });
    await deduplicator.addItemsToBank(['voucher']);
    await deduplicator.claim('user');
    const events = listen();
    await deduplicator.releaseItemForDeduplicationId('user');
    await deduplicator.releaseItemForDeduplicationId('user');
    await deduplicator.claim('user');
    await deduplicator.retireItemForDeduplicationId('user');
    const revealed = { deduplicationId: 'user', item: 'voucher', durationMs: expect.any(Number) };
    expect(events).toEqual([
      { type: 'released', ...revealed },
      { type: 'claim', ...revealed },
      { type: 'retired', ...revealed },
    ]);
  });

  test('that fails tells which kind it was', async () => {
    const deduplicator = new Deduplicator({
      itemRepo: new SetItemBank(),
      deduplicationRepo: new MapDeduplication(),
    });
    const events = listen();
    await expect(deduplicator.retireItemForDeduplicationId('user')).rejects.toThrow();
    expect(events).toEqual([
      {
        type: 'failed',
        operation: 'retire',
        errorName: 'ReleaseNotSupportedError',
        errorCode: 'STORAGEBOX_RELEASE_NOT_SUPPORTED',
        durationMs: expect.any(Number),
      },
    ]);
  });
});

describe('holds, choices and groups', () => {
  const durationMs = expect.any(Number);

  async function endOfHold(deduplicator: Deduplicator): Promise<void> {
    const endMs = Date.now() + 1;
    const date = vi.spyOn(runtime, 'date').mockImplementation(() => new Date(endMs + 1));
    onTestFinished(() => date.mockRestore());
    await deduplicator.releaseExpiredHolds();
  }

  test('are told without the ID or the item', async () => {
    const deduplicator = new Deduplicator(memoryPair());
    await deduplicator.addItemsToBank(['14C', '14D']);
    const events = listen();
    await deduplicator.claim('user-1', { item: '14C', holdForMs: 1_000 });
    await deduplicator.claim('user-1');
    await deduplicator.claim('user-2', { item: '14C' });
    await deduplicator.confirm('user-1');
    await deduplicator.confirm('user-1');
    await deduplicator.confirm('user-2');
    await deduplicator.claim('user-1', { holdForMs: 1_000 });
    await deduplicator.claim('user-2', { holdForMs: 1 });
    await endOfHold(deduplicator);
    expect(events).toEqual([
      { type: 'claim', isHold: true, durationMs },
      { type: 'repeat', isHold: true, durationMs },
      { type: 'taken', durationMs },
      { type: 'confirmed', durationMs },
      { type: 'confirmed', durationMs },
      { type: 'repeat', durationMs },
      { type: 'claim', isHold: true, durationMs },
      { type: 'released', isHold: true, durationMs },
    ]);
  });

  test('are told with the ID and the item when asked to', async () => {
    const deduplicator = new Deduplicator({ ...memoryPair(), revealInEvents: true });
    await deduplicator.addItemsToBank(['14C', '14D']);
    const events = listen();
    await deduplicator.claim('user-1', { item: '14C', holdForMs: 1 });
    await deduplicator.claim('user-2', { item: '14C' });
    await endOfHold(deduplicator);
    await deduplicator.claim('user-2', { item: '14C', holdForMs: 1 });
    await deduplicator.confirm('user-2');
    const [first, second] = [
      { deduplicationId: 'user-1', item: '14C', durationMs },
      { deduplicationId: 'user-2', item: '14C', durationMs },
    ];
    expect(events).toEqual([
      { type: 'claim', isHold: true, ...first },
      { type: 'taken', deduplicationId: 'user-2', durationMs },
      { type: 'released', isHold: true, ...first },
      { type: 'claim', isHold: true, ...second },
      { type: 'confirmed', ...second },
    ]);
  });

  test('of a group are told for each of its IDs', async () => {
    const deduplicator = new Deduplicator({ ...memoryPair(), revealInEvents: true });
    await deduplicator.addItemsToBank(['14C', '14D']);
    await deduplicator.claim('user-1', { item: '14C' });
    const events = listen();
    await deduplicator.claimAll(['user-3', 'user-4']);
    await deduplicator.claimAll(['user-2', 'user-1'], { holdForMs: 1_000 });
    expect(events).toEqual([
      { type: 'exhausted', deduplicationId: 'user-3', durationMs },
      { type: 'exhausted', deduplicationId: 'user-4', durationMs },
      { type: 'claim', isHold: true, deduplicationId: 'user-2', item: '14D', durationMs },
      { type: 'repeat', deduplicationId: 'user-1', item: '14C', durationMs },
    ]);
  });

  test('that fail tell which call it was', async () => {
    const { itemRepo, deduplicationRepo } = {
      itemRepo: new SetItemBank(),
      deduplicationRepo: new MapDeduplication(),
    };
    const deduplicator = new Deduplicator({ itemRepo, deduplicationRepo, revealInEvents: true });
    const events = listen();
    await expect(deduplicator.confirm('user')).rejects.toThrow();
    await expect(deduplicator.claimAll(['user'])).rejects.toThrow();
    await expect(deduplicator.claim('user', { item: '14C' })).rejects.toThrow();
    const failed = {
      type: 'failed',
      errorName: 'FeatureNotSupportedError',
      errorCode: 'STORAGEBOX_FEATURE_NOT_SUPPORTED',
      durationMs,
    };
    expect(events).toEqual([
      { ...failed, operation: 'confirm', deduplicationId: 'user' },
      { ...failed, operation: 'claim' },
      { ...failed, operation: 'claim', deduplicationId: 'user' },
    ]);
  });
});

describe('a batch', () => {
  test('tells what was read and added', async () => {
    const { itemRepo } = memoryPair();
    await itemRepo.addItemToBank('voucher-1');
    const events = listen();
    await itemRepo.batchAddItems(['voucher-1', 'voucher-2', 'voucher-2']);
    expect(events).toEqual([
      {
        type: 'added',
        read: 3,
        added: 1,
        repeats: 1,
        alreadyKnown: 1,
        durationMs: expect.any(Number),
      },
    ]);
  });

  test('that fails tells what it added before, and why it stopped', async () => {
    const { itemRepo } = memoryPair();
    const input = (function* () {
      for (let index = 0; index < 1_000; index++) yield `voucher-${index}`;
      yield '';
    })();
    const events = listen();
    await expect(itemRepo.batchAddItems(input)).rejects.toBeInstanceOf(BatchNotFullyAddedError);
    expect(events).toMatchObject([
      { type: 'added', read: 1_000, added: 1_000 },
      {
        type: 'failed',
        operation: 'add',
        errorName: 'InvalidItemError',
        errorCode: 'STORAGEBOX_INVALID_ITEM',
      },
    ]);
  });
});

describe('listeners', () => {
  test('are called until they are taken off', async () => {
    const { itemRepo } = memoryPair();
    const events: StorageBoxEvent[] = [];
    const stop = onStorageBoxEvent((event) => events.push(event));
    await itemRepo.batchAddItems(['voucher-1']);
    stop();
    await itemRepo.batchAddItems(['voucher-2']);
    expect(events).toHaveLength(1);
  });

  test('may subscribe to the channel by its name as well', async () => {
    const messages: unknown[] = [];
    const onMessage = (message: unknown) => messages.push(message);
    subscribe(EVENT_CHANNEL_NAME, onMessage);
    onTestFinished(() => {
      unsubscribe('storagebox', onMessage);
    });
    await memoryPair().itemRepo.batchAddItems(['voucher']);
    expect(messages).toMatchObject([{ type: 'added' }]);
  });

  test('are all that events are made for: without one, not even the clock is read', async () => {
    const deduplicator = new Deduplicator(memoryPair());
    const nowMs = vi.spyOn(runtime, 'nowMs');
    onTestFinished(() => nowMs.mockRestore());
    await deduplicator.claim('user');
    expect(nowMs).not.toHaveBeenCalled();
    listen();
    await deduplicator.claim('user');
    expect(nowMs).toHaveBeenCalledTimes(2);
  });
});
