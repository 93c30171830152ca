// Detects a ledger that lacks items: those could enter the bank a second time.
import { setTimeout as sleep } from 'node:timers/promises';
import {
  BatchGetItemCommand,
  ProvisionedThroughputExceededException,
  type ScanCommandInput,
} from '@aws-sdk/client-dynamodb';
import type { LedgerLook } from '../store.js';
import { withPatience } from './patience.js';
import { scanPages, type TableRow } from './scan.js';
import type { Tables } from './tables.js';

type LedgerState = Exclude<LedgerLook['state'], 'unknown'>;

const FILL_REMEDY =
  'Run "storagebox fill-ledger", then the same command again; or pass --no-ledger to work without a ledger.';

/** From each of two tables, so that one BatchGetItem takes the keys of all. */
const SAMPLE_SIZE = 50;

const LAST_SEGMENT = { Segment: 99, TotalSegments: 100 };

/** The rows of one transaction become visible one by one, within moments. */
const MAX_LOOKS = 6;
const LOOK_INTERVAL_MS = 250;

/**
 * Looks for some items of the bank, and some that were handed out, in the ledger, all of it strongly
 * consistent. The ledger comes last: if somebody else is adding items right now, their rows appear in
 * the ledger at about the same moment as in the bank.
 */
export async function lookAtLedger(tables: Tables): Promise<LedgerState> {
  const { ledgerTableName, signal } = tables;
  if (ledgerTableName === undefined) return 'none';
  const look = new LedgerSample(tables, ledgerTableName);
  let items = [...(await look.someInBank()), ...(await look.someGiven())];
  if (items.length === 0) {
    // The sample has no item of this bank. A ledger that items have entered is taken to be complete.
    if (await look.wasLedgerInUse()) return 'filled';
    items = await look.firstGiven();
  }
  if (items.length === 0) return 'unused';
  for (let looks = 1; looks <= MAX_LOOKS; looks++) {
    if (looks > 1) await sleep(LOOK_INTERVAL_MS, null, { signal });
    items = await look.missingInLedger(items);
    if (items.length === 0) return 'filled';
  }
  return 'unfilled';
}

/**
 * The check is optional for a role that may only add items. A missing or wrong table is told, with its name,
 * when the items are added.
 */
export async function lookAtLedgerOrSayWhy(tables: Tables): Promise<LedgerLook> {
  try {
    const state = await lookAtLedger(tables);
    return state === 'unfilled' ? { state, remedy: FILL_REMEDY } : { state };
  } catch (error) {
    const { name } = error as { readonly name?: string };
    const isToldLater = name === 'TableNotFoundError' || name === 'ValidationException';
    if (isToldLater) return { state: 'unknown', reason: null };
    if (name === 'AccessDeniedException') return { state: 'unknown', reason: LOOK_REFUSED };
    throw error;
  }
}

const LOOK_REFUSED =
  'Could not check that the ledger was filled: this needs dynamodb:Scan on all three tables, and ' +
  'dynamodb:BatchGetItem on the ledger.';

class LedgerSample {
  readonly #tables: Tables;
  readonly #ledger: string;
  readonly #bank: string;
  readonly #deduplicationTable: string;

  constructor(tables: Tables, ledger: string) {
    this.#tables = tables;
    this.#ledger = ledger;
    this.#bank = tables.itemRepo.tableName;
    this.#deduplicationTable = tables.deduplicationRepo.tableName;
  }

  async someInBank(): Promise<string[]> {
    const rows = await this.#sample(this.#bank);
    return someOf(rows.map(({ item }) => item?.S));
  }

  async someGiven(): Promise<string[]> {
    return this.#ownItemsOf(await this.#sample(this.#deduplicationTable));
  }

  /** Reads on until there are some, or to the end of the table. */
  async firstGiven(): Promise<string[]> {
    const pages = scanPages(this.#tables, {
      TableName: this.#deduplicationTable,
      // The name alone, also of a bank that is named by its ARN. Lets a few others through: a filter
      // cannot compare the end of a text.
      FilterExpression: 'attribute_not_exists(#bank) OR contains(#bank, :name)',
      ExpressionAttributeNames: { '#bank': 'item_bank_table' },
      ExpressionAttributeValues: {
        ':name': { S: this.#bank.slice(this.#bank.lastIndexOf('/') + 1) },
      },
    });
    for await (const rows of pages) {
      const items = this.#ownItemsOf(rows);
      if (items.length > 0) return items;
    }
    return [];
  }

  /** Whether items entered it. A retirement alone leaves a row, too. */
  async wasLedgerInUse(): Promise<boolean> {
    const rows = await this.#firstRows({ TableName: this.#ledger, Limit: SAMPLE_SIZE });
    return rows.some(({ entered_at: enteredAt }) => enteredAt !== undefined);
  }

  async missingInLedger(items: readonly string[]): Promise<string[]> {
    const { client, signal } = this.#tables;
    // An item that was handed out between the two samples is in both.
    const Keys = [...new Set(items)].map((item) => ({ item: { S: item } }));
    const command = new BatchGetItemCommand({
      RequestItems: { [this.#ledger]: { Keys, ConsistentRead: true } },
    });
    const request = { client, signal, tableNames: [this.#ledger] };
    const { Responses: responses = {} } = await withPatience(request, async () => {
      const reply = await client.send(command, { abortSignal: signal });
      if (Object.keys(reply.UnprocessedKeys ?? {}).length === 0) return reply;
      const message = 'The ledger is throttled.';
      throw new ProvisionedThroughputExceededException({ message, $metadata: reply.$metadata });
    });
    const rows = Object.values(responses).flat();
    const entered = new Set(rows.map(({ item }) => item?.S));
    return items.filter((item) => !entered.has(item));
  }

  #ownItemsOf(assignments: readonly TableRow[]): string[] {
    const own = assignments.filter(({ item_bank_table: named }) =>
      this.#tables.itemRepo.ownsAssignment({ itemBankName: named?.S ?? null }),
    );
    return someOf(own.map(({ item_string: item }) => item?.S));
  }

  /**
   * From the start and the end of the table: `fill-ledger` enters the first assignment last, and those
   * at the end shortly before.
   */
  async #sample(tableName: string): Promise<readonly TableRow[]> {
    const scan = { TableName: tableName, Limit: SAMPLE_SIZE / 2 };
    const start = await this.#firstRows(scan);
    return [...start, ...(await this.#firstRows({ ...scan, ...LAST_SEGMENT }))];
  }

  /** Those of the first page that has any. */
  async #firstRows(input: ScanCommandInput): Promise<readonly TableRow[]> {
    for await (const rows of scanPages(this.#tables, input)) if (rows.length > 0) return rows;
    return [];
  }
}

function someOf(items: readonly (string | undefined)[]): string[] {
  const distinct = new Set(items.filter((item) => item !== undefined));
  return [...distinct].slice(0, SAMPLE_SIZE);
}
