// Which store the quickstart runs on, and why.
import { parseArgs } from 'node:util';
import { findDynamoDbLocalRunner } from './dynamodb-local.js';
import { STORES, type StoreName } from './stores/index.js';

export interface Choice {
  readonly name: StoreName;
  /** The store and the reason, for people. */
  readonly text: string;
}

const REASONS = {
  java: 'DynamoDB Local, because Java 17 or later is there',
  docker: 'DynamoDB Local, because Docker is running',
  none: 'SQLite, because DynamoDB Local needs Java 17 or later or a running Docker: neither is there',
};

export async function chooseStore(args: readonly string[]): Promise<Choice> {
  const name = readStoreOption(args);
  if (name !== undefined) return { name, text: `${STORES[name].title}, because --store says so` };
  if (process.env.AWS_ENDPOINT_URL_DYNAMODB) {
    return { name: 'dynamodb', text: 'DynamoDB, because AWS_ENDPOINT_URL_DYNAMODB is set' };
  }
  const runner = await findDynamoDbLocalRunner();
  return { name: runner === null ? 'sqlite' : 'dynamodb', text: REASONS[runner ?? 'none'] };
}

function readStoreOption(args: readonly string[]): StoreName | undefined {
  const names = Object.keys(STORES);
  const usage = `Choose one: npm run quickstart -- --store ${names.join('|')}`;
  let store: string | undefined;
  try {
    const options = { store: { type: 'string' } } as const;
    store = parseArgs({ args: [...args], options }).values.store;
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${usage}`);
  }
  if (store === undefined || Object.hasOwn(STORES, store)) return store as StoreName | undefined;
  throw new Error(`There is no store "${store}".\n${usage}`);
}
