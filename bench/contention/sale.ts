// One simulated sale: nodes that know nothing of each other, each with the whole package in it.
import {
  DeduplicationDynamoDbRepository,
  Deduplicator,
  ItemBankDynamoDbRepository,
} from 'storagebox';
import { runtime } from '../../src/environment/runtime.js';
import { seededRandom } from '../../test/verification/seeded-random.js';
import { EventQueue } from '../capacity/event-queue.js';
import { type ServerModel, SimulatedServer } from './simulated-server.js';

export interface ContentionSale {
  readonly nodes: number;
  /** Over all nodes. `null`: everybody calls at once. */
  readonly callers: number | null;
  readonly items: number;
  readonly askers: number;
  /** How often each of them clicks; each click goes to another node. Default: once. */
  readonly clicks?: number;
  readonly server: ServerModel;
  readonly seed: number;
}

export interface ContentionFigures {
  readonly winners: number;
  readonly transactionsPerWinner: number;
  readonly requestsPerWinner: number;
  readonly scansPerWinner: number;
  /** In simulated time. */
  readonly winnersPerSecond: number;
}

const START_SPREAD_MS = 4;

export async function holdContendedSale(sale: ContentionSale): Promise<ContentionFigures> {
  const original = { ...runtime };
  try {
    return await simulate(sale);
  } finally {
    Object.assign(runtime, original);
  }
}

async function simulate(sale: ContentionSale): Promise<ContentionFigures> {
  const { nodes, items, askers, clicks = 1, callers, server: model, seed } = sale;
  const queue = new EventQueue();
  const random = seededRandom(seed);
  takeOverRuntime(queue, random);
  const server = new SimulatedServer(queue, model, random, items);
  let lastWinMs = 0;
  const winners = new Map<string, string>();
  for (let node = 0; node < nodes; node++) {
    const client = server.client();
    const deduplicator = new Deduplicator({
      itemRepo: new ItemBankDynamoDbRepository({ tableName: 'items', client }),
      deduplicationRepo: new DeduplicationDynamoDbRepository({ tableName: 'owners', client }),
    });
    const ids: string[] = [];
    for (let click = 0; click < clicks; click++) {
      for (let asker = 0; asker < askers; asker++) {
        if ((asker + click) % nodes === node) ids.push(`user-${asker}`);
      }
    }
    shuffle(ids, random);
    const waiting = ids.values();
    const callOn = async () => {
      for (const id of waiting) {
        const item = await deduplicator.fetchItemForDeduplicationId(id).catch(() => null);
        if (item === null) continue;
        if (!winners.has(id)) lastWinMs = queue.nowMs;
        winners.set(id, item);
      }
    };
    const callersHere = callers === null ? ids.length : Math.floor((callers + node) / nodes);
    const begin = () => {
      for (let caller = 0; caller < callersHere; caller++) void callOn();
    };
    queue.schedule(random() * START_SPREAD_MS, { act: begin });
  }
  for (let next = queue.next(600_000); next !== null; next = queue.next(600_000)) {
    next.act();
    await allSettled();
  }
  if (new Set(winners.values()).size !== winners.size) throw new Error('An item was given twice.');
  return {
    winners: winners.size,
    transactionsPerWinner: server.transactions / winners.size,
    requestsPerWinner: server.requests / winners.size,
    scansPerWinner: server.scans / winners.size,
    winnersPerSecond: (winners.size / lastWinMs) * 1_000,
  };
}

/** Whoever clicks twice does not come at the same place everywhere. */
function shuffle(ids: string[], random: () => number): void {
  for (let last = ids.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [ids[last], ids[other]] = [ids[other] as string, ids[last] as string];
  }
}

function takeOverRuntime(queue: EventQueue, random: () => number): void {
  runtime.nowMs = () => queue.nowMs;
  runtime.random = random;
  runtime.uuid = () => `${random()}`;
  runtime.sleep = (delayMs) =>
    new Promise((resolve) => queue.schedule(queue.nowMs + delayMs, { act: resolve }));
  runtime.after = (delayMs, action) => {
    let isCancelled = false;
    const act = () => {
      if (!isCancelled) action();
    };
    queue.schedule(queue.nowMs + delayMs, { act });
    return () => {
      isCancelled = true;
    };
  };
}

/** Everything that follows from the last event without a new one. */
function allSettled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
