import { setTimeout as sleep } from 'node:timers/promises';
import {
  type ConsumedCapacity,
  DynamoDBClient,
  type TransactWriteItemsCommandInput,
} from '@aws-sdk/client-dynamodb';
import { DEFAULT_CLIENT_CONFIG } from 'storagebox';
import type { Usage } from './task.js';

const WRITES = new Set(['TransactWriteItemsCommand', 'PutItemCommand', 'DeleteItemCommand']);
/** Of a row of up to 1 KB in a transaction: see "Capacity unit consumption", Developer Guide. */
const WRITE_UNITS_PER_ACTION = 2;

export interface MeteredClient {
  readonly client: DynamoDBClient;
  readonly usage: Usage;
  /** From now on, every request fails. */
  cutOff(): void;
}

/** The client that all contestants use. */
export function meteredClient(endpoint: string, requestDelayMs: number): MeteredClient {
  const client = new DynamoDBClient({ ...DEFAULT_CLIENT_CONFIG, endpoint });
  const usage: Usage = { requests: 0, transactions: 0, readUnits: 0, writeUnits: 0 };
  let isCutOff = false;

  client.middlewareStack.add(
    (next, { commandName = '' }) =>
      async (args) => {
        if (isCutOff) throw measurementEnded();
        if (WRITES.has(commandName)) {
          // By DynamoDB's rule: DynamoDB Local reports the same for any transaction, and becomes slower
          // if it is asked. A refused write is billed, too, a cancelled transaction for all of its rows.
          usage.writeUnits += writeUnitsOf(args.input);
          return next(args);
        }
        Object.assign(args.input, { ReturnConsumedCapacity: 'TOTAL' });
        const result = await next(args);
        usage.readUnits += unitsOf(result.output);
        return result;
      },
    { step: 'initialize' },
  );
  client.middlewareStack.add(
    (next, { commandName }) =>
      async (args) => {
        usage.requests++;
        if (commandName === 'TransactWriteItemsCommand') usage.transactions++;
        if (requestDelayMs > 0) await sleep(requestDelayMs);
        return next(args);
      },
    // After the SDK's own retry, so that each attempt counts.
    { step: 'finalizeRequest', priority: 'low' },
  );
  const cutOff = () => {
    isCutOff = true;
  };
  return { client, usage, cutOff };
}

/** Looks like a refusal, so that nobody retries. */
function measurementEnded(): Error {
  return Object.assign(new Error('The measurement has ended.'), {
    name: 'MeasurementEndedException',
    $fault: 'client',
  });
}

function unitsOf(output: object): number {
  const { ConsumedCapacity } = output as {
    readonly ConsumedCapacity?: ConsumedCapacity | ConsumedCapacity[];
  };
  return [ConsumedCapacity ?? []]
    .flat()
    .reduce((sum, table) => sum + (table.CapacityUnits ?? 0), 0);
}

function writeUnitsOf(input: object): number {
  const { TransactItems } = input as Partial<TransactWriteItemsCommandInput>;
  return TransactItems === undefined ? 1 : TransactItems.length * WRITE_UNITS_PER_ACTION;
}
