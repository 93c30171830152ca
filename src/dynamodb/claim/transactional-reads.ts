// Reads that are serialised against transactions. Reads that are wanted at the same moment (in a rush, or
// by all calls that learn together that the bank is empty) are sent in one TransactGetItems.
import { type ItemResponse, TransactGetItemsCommand } from '@aws-sdk/client-dynamodb';
import { MalformedReplyError } from '../../contracts/errors.js';
import { sleepBeforeRetry } from '../../store-kit/backoff.js';
import { Gathering } from '../../store-kit/gathering.js';
import { CLAIM_PATIENCE_MS, Patience } from '../../store-kit/patience.js';
import type { Queue } from '../../store-kit/queue.js';
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

interface Read {
  readonly keyValue: string;
  readonly key: Row;
  readonly row: Promise<Row | undefined>;
  resolve(row: Row | undefined): void;
  reject(error: unknown): void;
}

export class TransactionalReads {
  readonly #table: Table;
  readonly #gathering = new Gathering<Read>({
    maxUnderWay: (waiting) =>
      waiting >= MAX_READS_PER_REQUEST ? MAX_FULL_REQUESTS_UNDER_WAY : MAX_REQUESTS_UNDER_WAY,
    takeNext: (waiting) => this.#takeNext(waiting),
    carry: (reads) => this.#ask(reads, new Patience(CLAIM_PATIENCE_MS)),
  });
  /** The collected reads, by their keys. */
  readonly #byKey = new Map<string, Read>();

  constructor(table: Table) {
    this.#table = table;
  }

  /** Whether no read waits or is under way. */
  get isIdle(): boolean {
    return this.#gathering.isIdle;
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
    const read = this.#newRead(keyValue);
    this.#gathering.add(read);
    this.#byKey.set(keyValue, read);
    return read.row;
  }

  /**
   * The rows at one moment, in one request, which is shared with no other call.
   *
   * @throws ContentionError when a transaction on one of the rows did not end in time
   */
  async readTogether(keyValues: readonly string[]): Promise<readonly (Row | undefined)[]> {
    const reads = keyValues.map((keyValue) => this.#newRead(keyValue));
    const patience = new Patience(CLAIM_PATIENCE_MS);
    for (let retry = 0; ; retry++) {
      try {
        settle(reads, await this.#request(reads));
        return await Promise.all(reads.map(({ row }) => row));
      } catch (error) {
        if (!isInTheWay(error)) throw error;
        patience.assertLeft({ cause: error });
        await sleepBeforeRetry(retry);
      }
    }
  }

  #newRead(keyValue: string): Read {
    return newRead(keyValue, { [this.#table.key]: { S: keyValue } });
  }

  #takeNext(waiting: Queue<Read>): readonly Read[] {
    const reads: Read[] = [];
    while (waiting.size > 0 && reads.length < MAX_READS_PER_REQUEST) {
      const read = waiting.take() as Read;
      this.#byKey.delete(read.keyValue);
      reads.push(read);
    }
    return reads;
  }

  /** Sends one request. What it leaves unanswered is asked for again. Never rejects. */
  async #ask(reads: readonly Read[], patience: Patience, retry = 0): Promise<void> {
    try {
      settle(reads, await this.#request(reads));
    } catch (error) {
      void this.#askAgain(reads, error, patience, retry);
    }
  }

  async #askAgain(
    reads: readonly Read[],
    error: unknown,
    patience: Patience,
    retry: number,
  ): Promise<void> {
    try {
      if (!isInTheWay(error)) throw error;
      patience.assertLeft({ cause: error });
    } catch (final) {
      for (const read of reads) read.reject(final);
      return;
    }
    const codes = cancellationCodes(error);
    const isHeldUp = (position: number) => isPassingReason(codes[position]);
    const others = reads.filter((_, position) => !isHeldUp(position));
    // They need not wait for the rows that are held up.
    if (others.length > 0) void this.#ask(others, patience);
    await sleepBeforeRetry(retry);
    const heldUp = reads.filter((_, position) => isHeldUp(position));
    await this.#ask(heldUp, patience, retry + 1);
  }

  async #request(reads: readonly Read[]): Promise<readonly ItemResponse[]> {
    const command = new TransactGetItemsCommand({
      TransactItems: reads.map(({ key }) => ({
        Get: { TableName: this.#table.tableName, Key: key },
      })),
    });
    const send = () => this.#table.client.send(command);
    const { Responses } = await sendRead(this.#table, send);
    return Responses ?? [];
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
