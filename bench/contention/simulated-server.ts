// A DynamoDB that decides every request at once and answers after a while: on one machine, where
// requests queue for a few workers as in DynamoDB Local, or in a Region, where they do not.
import type { AttributeValue, DynamoDBClient, TransactWriteItem } from '@aws-sdk/client-dynamodb';
import type { Random } from '../../test/verification/seeded-random.js';
import type { EventQueue } from '../capacity/event-queue.js';

type Row = Record<string, AttributeValue>;

export interface ServerModel {
  readonly name: string;
  /** How many requests it works on at once. */
  readonly workers: number;
  /** Half of all requests take that long or longer, transactions twice that. */
  readonly medianServiceMs: number;
  /** The way there and back, on top. */
  readonly networkMs: number;
}

export const ON_ONE_MACHINE: ServerModel = {
  name: 'one machine',
  workers: 2,
  medianServiceMs: 0.4,
  networkMs: 0.5,
};

export const IN_A_REGION: ServerModel = {
  name: 'Region',
  workers: Number.POSITIVE_INFINITY,
  medianServiceMs: 4,
  networkMs: 1,
};

export class SimulatedServer {
  transactions = 0;
  requests = 0;
  scans = 0;
  lostRaces = 0;
  readonly #queue: EventQueue;
  readonly #model: ServerModel;
  readonly #random: Random;
  readonly #freeAtMs: number[];
  /** In the order of their hashes. */
  readonly #items: { readonly item: string; readonly hash: number; isPresent: boolean }[];
  readonly #places = new Map<string, number>();
  readonly #assignments = new Map<string, Row>();

  constructor(queue: EventQueue, model: ServerModel, random: Random, items: number) {
    this.#queue = queue;
    this.#model = model;
    this.#random = random;
    this.#freeAtMs = Array.from({ length: Math.min(model.workers, 1_024) }, () => 0);
    this.#items = Array.from({ length: items }, (_, index) => {
      const item = `VOUCHER-${index}`;
      return { item, hash: hashOf(item), isPresent: true };
    }).sort((some, other) => some.hash - other.hash);
    for (const [place, { item }] of this.#items.entries()) this.#places.set(item, place);
  }

  /** A client of a node's own. */
  client(): DynamoDBClient {
    const send = (command: { constructor: { name: string }; input: unknown }) =>
      this.#send(command.constructor.name, command.input);
    return { config: { region: async () => 'simulated' }, send } as unknown as DynamoDBClient;
  }

  #send(operation: string, input: unknown): Promise<unknown> {
    this.requests++;
    return new Promise((resolve, reject) => {
      const arriveMs = this.#queue.nowMs + this.#networkMs();
      const arrive = () => {
        const decideMs = this.#serviceEndMs(operation);
        this.#at(decideMs, () => {
          let answer: () => void;
          try {
            const output = this.#decide(operation, input);
            answer = () => resolve(output);
          } catch (error) {
            answer = () => reject(error);
          }
          this.#at(decideMs + this.#networkMs(), answer);
        });
      };
      this.#at(arriveMs, arrive);
    });
  }

  #at(atMs: number, act: () => void): void {
    this.#queue.schedule(atMs, { act });
  }

  #networkMs(): number {
    return (this.#model.networkMs / 2) * (0.5 + this.#random());
  }

  #serviceEndMs(operation: string): number {
    const factor = operation.startsWith('Transact') ? 2 : 1;
    // Most take about the median, some several times that.
    const spread = 0.6 - Math.log(1 - this.#random()) * 0.6;
    const serviceMs = this.#model.medianServiceMs * factor * spread;
    if (this.#model.workers === Number.POSITIVE_INFINITY) return this.#queue.nowMs + serviceMs;
    let first = 0;
    for (let worker = 1; worker < this.#freeAtMs.length; worker++) {
      if ((this.#freeAtMs[worker] as number) < (this.#freeAtMs[first] as number)) first = worker;
    }
    const endMs = Math.max(this.#queue.nowMs, this.#freeAtMs[first] as number) + serviceMs;
    this.#freeAtMs[first] = endMs;
    return endMs;
  }

  // biome-ignore lint/suspicious/noExplicitAny: the input's type depends on the operation.
  #decide(operation: string, input: any): unknown {
    switch (operation) {
      case 'GetItemCommand':
        return this.#rowOf(input.Key.deduplication_id.S);
      case 'TransactGetItemsCommand':
        return {
          Responses: input.TransactItems.map((item: { Get: { Key: Row } }) =>
            this.#rowOf(item.Get.Key.deduplication_id?.S as string),
          ),
        };
      case 'ScanCommand':
        this.scans++;
        return this.#scan(input.ExclusiveStartKey?.item.S, input.Limit);
      default:
        this.transactions++;
        return this.#claim(input.TransactItems);
    }
  }

  #rowOf(id: string): { Item?: Row } {
    const row = this.#assignments.get(id);
    return row === undefined ? {} : { Item: row };
  }

  #scan(startKey: string | undefined, limit: number) {
    const found: Row[] = [];
    for (let place = this.#placeBehind(startKey); place < this.#items.length; place++) {
      const { item, isPresent } = this.#items[place] as { item: string; isPresent: boolean };
      if (!isPresent) continue;
      found.push({ item: { S: item } });
      if (found.length === limit) return { Items: found, LastEvaluatedKey: found.at(-1) };
    }
    return { Items: found };
  }

  #placeBehind(startKey: string | undefined): number {
    if (startKey === undefined) return 0;
    const place = this.#places.get(startKey);
    if (place !== undefined) return place + 1;
    const hash = hashOf(startKey);
    let low = 0;
    let high = this.#items.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#items[middle]?.hash as number) < hash) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #claim([assignment, removal]: readonly TransactWriteItem[]): object {
    const row = assignment?.Put?.Item as Row;
    const id = row.deduplication_id?.S as string;
    const place = this.#places.get(removal?.Delete?.Key?.item?.S as string) as number;
    const item = this.#items[place] as { isPresent: boolean };
    const existing = this.#assignments.get(id);
    if (existing !== undefined || !item.isPresent) {
      this.lostRaces++;
      throw cancelled([
        existing === undefined
          ? { Code: 'None' }
          : { Code: 'ConditionalCheckFailed', Item: existing },
        { Code: item.isPresent ? 'None' : 'ConditionalCheckFailed' },
      ]);
    }
    item.isPresent = false;
    this.#assignments.set(id, row);
    return {};
  }
}

function cancelled(CancellationReasons: readonly object[]): Error {
  return Object.assign(new Error('The transaction was cancelled.'), {
    name: 'TransactionCanceledException',
    $fault: 'client',
    $metadata: { httpStatusCode: 400 },
    CancellationReasons,
  });
}

/** Where a key falls in the table ("FNV-1a", mixed once more). */
function hashOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < key.length; index++) {
    hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
