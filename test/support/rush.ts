// A process in a rush: as many transactions under way as it sends at once, so that further claims wait,
// and then share one.
import { randomUUID } from 'node:crypto';
import { setImmediate, setTimeout } from 'node:timers/promises';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import type { Deduplicator } from 'storagebox';
import { vi } from 'vitest';
import { MAX_TRANSACTIONS_UNDER_WAY } from '../../src/dynamodb/claim/grouped-claims.js';
import { runtime } from '../../src/environment/runtime.js';
import { intercept } from './interceptor.js';

export interface RushingNode {
  readonly client: DynamoDBClient;
  readonly deduplicator: Deduplicator;
}

/** With so many wins behind it, the process tries all claims of the rush at once. */
const WARM_UP_CLAIMS = 24;
/** Each full group that commits allows one of twice its size. */
const FULL_GROUPS = [1, 2, 4];

export class Rush {
  readonly #node: RushingNode;
  /** The rush's own claims. */
  readonly #claims: Promise<unknown>[] = [];
  /** Each answers one of its transactions. */
  readonly #held: (() => void)[] = [];
  /** What becomes of a transaction. */
  #answer: 'at once' | 'held back' | 'by DynamoDB' = 'at once';
  #requests = 0;

  private constructor(node: RushingNode) {
    this.#node = node;
    intercept(node.client, async ({ operation, send }) => {
      this.#requests++;
      const isOfRush = operation === 'TransactWriteItems' && this.#answer !== 'by DynamoDB';
      const answer = isOfRush ? this.#pretendToCommit() : send();
      return answer.finally(() => this.#requests--);
    });
    // However long an answer is held back, it does not count as stalled.
    vi.spyOn(runtime, 'sleep').mockImplementationOnce(() => new Promise(() => {}));
  }

  /** None of its transactions reaches DynamoDB: what it claims stays in the bank. */
  static async begin(node: RushingNode): Promise<Rush> {
    const rush = new Rush(node);
    rush.#claim(WARM_UP_CLAIMS);
    await Promise.all(rush.#claims);
    rush.#answer = 'held back';
    await rush.#fill();
    for (const size of FULL_GROUPS) rush.#claim(size);
    await rush.settled();
    for (const _ of FULL_GROUPS) {
      rush.#held.pop()?.();
      await rush.settled();
    }
    await rush.#fill();
    rush.#answer = 'by DynamoDB';
    return rush;
  }

  /** Until every call of the process waits for an answer that is held back. */
  async settled(): Promise<void> {
    await setImmediate();
    while (this.#requests > this.#held.length) await setTimeout(1);
  }

  async end(): Promise<void> {
    for (const release of this.#held.splice(0)) release();
    await Promise.all(this.#claims);
  }

  /** One after the other: claims that come together might share a transaction. */
  async #fill(): Promise<void> {
    while (this.#held.length < MAX_TRANSACTIONS_UNDER_WAY) {
      this.#claim(1);
      await this.settled();
    }
  }

  #claim(count: number): void {
    for (let claim = 0; claim < count; claim++) {
      const deduplicationId = `rush-${randomUUID()}`;
      this.#claims.push(this.#node.deduplicator.fetchItemForDeduplicationId(deduplicationId));
    }
  }

  async #pretendToCommit(): Promise<object> {
    if (this.#answer === 'held back') await new Promise<void>((hold) => this.#held.push(hold));
    return { $metadata: {} };
  }
}
