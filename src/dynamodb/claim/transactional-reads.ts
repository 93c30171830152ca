// Reads that are serialised against transactions. Reads that are wanted at the same moment (in a rush, or
// by all calls that learn together that the bank is empty) are sent in one TransactGetItems.
import { type ItemResponse, TransactGetItemsCommand } from '@aws-sdk/client-dynamodb';
import { MalformedReplyError } from '../../contracts/errors.js';
import { runtime } from '../../environment/runtime.js';
import { sleepBeforeRetry } from '../../store-kit/backoff.js';
import { CLAIM_PATIENCE_MS, Patience } from '../../store-kit/patience.js';
import { Queue } from '../../store-kit/queue.js';
import { isInTheWay, isPassingReason } from '../obstacles.js';
import { sendRead } from '../reads.js';
import { cancellationCodes } from '../refusals.js';
import type { Row, Table } from '../table.js';

/** See "TransactGetItems" in the API reference. */
const MAX_READS_PER_REQUEST = 100;

/** While so many requests are under way, reads are collected until one ends or a new one is full. */
const MAX_REQUESTS_UNDER_WAY = 4;

/** A full request gains nothing by waiting. More of them at once would leave too few sockets to others. */
const MAX_FULL_REQUESTS_UNDER_WAY = 32;

/** Stalled requests must not hold up the collected reads for longer. */
const MAX_WAIT_MS = 500;

interface Read {
  readonly keyValue: string;
  readonly key: Row;
  readonly row: Promise<Row | undefined>;
  resolve(row: Row | undefined): void;
  reject(error: unknown): void;
}

export class TransactionalReads {
  readonly #table: Table;
  readonly #gathering = new Queue<Read>();
  /** The collected reads, by their keys. */
  readonly #byKey = new Map<string, Read>();
  /** The requests under way whose number is limited. */
  readonly #underWay = new Set<readonly Read[]>();
  #isWaitLimited = false;

  constructor(table: Table) {
    this.#table = table;
  }

  /**
   * The row, or `undefined` when there is none.
   *
   * @throws ContentionError when a transaction on the row did not end in time
   */
  read(keyValue: string): Promise<Row | undefined> {
    // A request may contain each row only once.
    const earlier = this.#byKey.get(keyValue);
    if (earlier !== undefined) return earlier.row;
    if (this.#gathering.size === 0) void Promise.resolve().then(() => this.#sendGathered());
    const read = newRead(keyValue, { [this.#table.key]: { S: keyValue } });
    this.#gathering.add(read);
    this.#byKey.set(keyValue, read);
    return read.row;
  }

  #sendGathered(): void {
    while (this.#gathering.size > 0 && this.#underWay.size < this.#maxUnderWay()) {
      void this.#answer(this.#takeGathered());
    }
    if (this.#gathering.size > 0) void this.#limitWait();
  }

  #maxUnderWay(): number {
    const isFull = this.#gathering.size >= MAX_READS_PER_REQUEST;
    return isFull ? MAX_FULL_REQUESTS_UNDER_WAY : MAX_REQUESTS_UNDER_WAY;
  }

  #takeGathered(): readonly Read[] {
    const reads: Read[] = [];
    while (this.#gathering.size > 0 && reads.length < MAX_READS_PER_REQUEST) {
      const read = this.#gathering.take() as Read;
      this.#byKey.delete(read.keyValue);
      reads.push(read);
    }
    return reads;
  }

  /** After `MAX_WAIT_MS`, a request no longer counts for the limit. */
  async #limitWait(): Promise<void> {
    if (this.#isWaitLimited) return;
    this.#isWaitLimited = true;
    const stalling = [...this.#underWay];
    await runtime.sleep(MAX_WAIT_MS);
    this.#isWaitLimited = false;
    for (const reads of stalling) this.#underWay.delete(reads);
    this.#sendGathered();
  }

  /** Settles each of the reads. Never rejects. */
  async #answer(reads: readonly Read[]): Promise<void> {
    const patience = new Patience(CLAIM_PATIENCE_MS);
    let waiting = reads;
    try {
      for (let retry = 0; waiting.length > 0; retry++) {
        if (retry > 0) await sleepBeforeRetry(retry - 1);
        waiting = await this.#attempt(waiting, patience);
      }
    } catch (error) {
      for (const read of waiting) read.reject(error);
    }
  }

  /** Returns the reads that have to be sent again later. */
  async #attempt(reads: readonly Read[], patience: Patience): Promise<readonly Read[]> {
    try {
      settle(reads, await this.#request(reads));
      return [];
    } catch (error) {
      if (!isInTheWay(error)) throw error;
      patience.assertLeft({ cause: error });
      const codes = cancellationCodes(error);
      const isHeldUp = (position: number) => isPassingReason(codes[position]);
      // The other rows need not wait for the ones that are held up.
      void this.#answer(reads.filter((_, position) => !isHeldUp(position)));
      return reads.filter((_, position) => isHeldUp(position));
    }
  }

  async #request(reads: readonly Read[]): Promise<readonly ItemResponse[]> {
    this.#underWay.add(reads);
    try {
      const command = new TransactGetItemsCommand({
        TransactItems: reads.map(({ key }) => ({
          Get: { TableName: this.#table.tableName, Key: key },
        })),
      });
      const send = () => this.#table.client.send(command);
      const { Responses } = await sendRead(this.#table, send);
      return Responses ?? [];
    } finally {
      this.#underWay.delete(reads);
      this.#sendGathered();
    }
  }
}

function newRead(keyValue: string, key: Row): Read {
  let resolve: Read['resolve'] = () => {};
  let reject: Read['reject'] = () => {};
  const row = new Promise<Row | undefined>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { keyValue, key, row, resolve, reject };
}

/** DynamoDB returns one response for each requested row, whether the row exists or not. */
function settle(reads: readonly Read[], responses: readonly ItemResponse[]): void {
  reads.forEach((read, position) => {
    const response = responses[position];
    if (response === undefined)
      read.reject(new MalformedReplyError('TransactGetItems', 'Responses'));
    else read.resolve(response.Item);
  });
}
