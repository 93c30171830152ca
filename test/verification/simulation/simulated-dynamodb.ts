// DynamoDB as its documentation describes it, at the size of a simulation: what emulators leave out
// is in it (conflicts, stale reads, tokens, transactions that become visible row by row).
import type {
  AttributeValue,
  BatchGetItemCommandInput,
  CancellationReason,
  DescribeTableCommandInput,
  GetItemCommandInput,
  ScanCommandInput,
  TransactGetItemsCommandInput,
  TransactWriteItem,
  TransactWriteItemsCommandInput,
} from '@aws-sdk/client-dynamodb';

export type Row = Record<string, AttributeValue>;
type Rows = ReadonlyMap<string, Row>;

export const ITEM_BANK = 'bank';
export const DEDUPLICATION = 'ids';
export const LEDGER = 'ledger';
/** Of the callers' own writes. */
export const ORDERS = 'orders';

/** See "TransactWriteItems" and "TransactGetItems" in the API reference. */
const MAX_ACTIONS = 100;

interface Table {
  readonly name: string;
  readonly key: string;
  /** Every state that the table has had; the last one is the present. */
  readonly versions: Rows[];
  /** Keys of rows in transactions that are being committed. */
  readonly locked: Set<string>;
}

/** A transaction that has been decided; its rows become visible one after the other. */
export interface Commit {
  readonly token: string;
  readonly actions: TransactWriteItem[];
  /** Called when all rows are visible. */
  readonly done: () => void;
}

export interface ReadOptions {
  /** How many versions back an eventually consistent read may look. */
  readonly staleness: number;
  /** Where in the table a key that no row ever had is taken to be. */
  readonly placeOfMadeUpKey: (places: number) => number;
}

export class SimulatedDynamoDb {
  readonly #tables: Record<string, Table> = {
    [ITEM_BANK]: emptyTable(ITEM_BANK, 'item'),
    [LEDGER]: emptyTable(LEDGER, 'item'),
    [DEDUPLICATION]: emptyTable(DEDUPLICATION, 'deduplication_id'),
    [ORDERS]: emptyTable(ORDERS, 'order_id'),
  };
  readonly #committedTokens = new Set<string>();
  readonly #tokensInProgress = new Set<string>();
  /** What was first asked for under each token. */
  readonly #contents = new Map<string, string>();
  readonly #itemsEver: string[] = [];
  readonly #poisonedIds: readonly string[];
  /** Requests that no caller should have sent. */
  readonly malformedRequests: string[] = [];

  /** @param poisonedIds a transaction that puts one of these is refused as a bad request, whole */
  constructor(poisonedIds: readonly string[] = []) {
    this.#poisonedIds = poisonedIds;
  }

  seed(items: readonly string[]): void {
    this.#putItems(ITEM_BANK, items);
    this.#rememberItems(items);
  }

  fillLedger(items: readonly string[]): void {
    this.#putItems(LEDGER, items);
  }

  #putItems(tableName: string, items: readonly string[]): void {
    const rows = items.map((item): [string, Row] => [item, { item: { S: item } }]);
    this.#table(tableName).versions.push(new Map(rows));
  }

  order(ids: readonly string[]): void {
    const rows = ids.map((id): [string, Row] => [id, { order_id: { S: id } }]);
    this.#table(ORDERS).versions.push(new Map(rows));
  }

  /** `assigned`: from ID to item. `heldUntilMs`: from ID to the end of its hold, if it has one. */
  assign(
    assigned: Readonly<Record<string, string>>,
    heldUntilMs: Readonly<Record<string, number>> = {},
  ): void {
    const rows = Object.entries(assigned).map(([id, item]): [string, Row] => [
      id,
      {
        deduplication_id: { S: id },
        item_string: { S: item },
        ...timesOf(heldUntilMs[id]),
        item_bank_table: { S: ITEM_BANK },
      },
    ]);
    this.#table(DEDUPLICATION).versions.push(new Map(rows));
  }

  present(tableName: string): Rows {
    return this.#table(tableName).versions.at(-1) as Rows;
  }

  describeTable({ TableName }: DescribeTableCommandInput) {
    const { key } = this.#table(TableName);
    return {
      Table: {
        KeySchema: [{ AttributeName: key, KeyType: 'HASH' }],
        AttributeDefinitions: [{ AttributeName: key, AttributeType: 'S' }],
      },
    };
  }

  getItem({ TableName, Key, ConsistentRead }: GetItemCommandInput, { staleness }: ReadOptions) {
    const table = this.#table(TableName);
    const rows = readable(table, ConsistentRead === true ? 0 : staleness);
    const row = rows.get(keyOf(table, Key));
    return row === undefined ? {} : { Item: row };
  }

  batchGet({ RequestItems = {} }: BatchGetItemCommandInput, { staleness }: ReadOptions) {
    const responses = Object.entries(RequestItems).map(([tableName, { Keys = [] }]) => {
      const table = this.#table(tableName);
      const rows = readable(table, staleness);
      const found = Keys.map((key) => rows.get(keyOf(table, key)));
      return [tableName, found.filter((row) => row !== undefined)] as const;
    });
    return { Responses: Object.fromEntries(responses) };
  }

  scan(input: ScanCommandInput, { staleness, placeOfMadeUpKey }: ReadOptions) {
    const table = this.#table(input.TableName);
    const rows = readable(table, input.ConsistentRead === true ? 0 : staleness);
    if (table.name === DEDUPLICATION) return heldRows(rows, input);
    const start = input.ExclusiveStartKey?.item?.S;
    const places = this.#itemsEver;
    const first = start === undefined ? 0 : this.#placeBehind(start, placeOfMadeUpKey);
    const limit = input.Limit ?? Number.POSITIVE_INFINITY;
    const found: Row[] = [];
    for (let place = first; place < places.length; place++) {
      const row = rows.get(places[place] as string);
      if (row === undefined) continue;
      found.push(row);
      if (found.length === limit) return { Items: found, LastEvaluatedKey: row };
    }
    return { Items: found };
  }

  /** A page without rows that is not the last one. */
  emptyPage({ TableName, ExclusiveStartKey }: ScanCommandInput) {
    const { key } = this.#table(TableName);
    return { Items: [], LastEvaluatedKey: ExclusiveStartKey ?? { [key]: { S: '' } } };
  }

  transactGet({ TransactItems = [] }: TransactGetItemsCommandInput) {
    const gets = TransactItems.map(({ Get }) => {
      const table = this.#table(Get?.TableName);
      return { table, key: keyOf(table, Get?.Key) };
    });
    this.#expectOneActionPerRow(gets);
    if (gets.some(({ table, key }) => table.locked.has(key))) {
      throw cancelled(gets.map(({ table, key }) => conflictIf(table.locked.has(key))));
    }
    return {
      Responses: gets.map(({ table, key }) => {
        const row = readable(table, 0).get(key);
        return row === undefined ? {} : { Item: row };
      }),
    };
  }

  /**
   * Decides a transaction: throws when it is cancelled, gives `null` when its token has committed
   * before, else the commit, whose rows are still to be made visible.
   */
  decide(input: TransactWriteItemsCommandInput, done: () => void): Commit | null {
    const { ClientRequestToken: token = '', TransactItems: actions = [] } = input;
    const targets = actions.map((action) => this.#target(action));
    this.#expectOneActionPerRow(targets);
    if (this.#isPoisoned(actions)) throw refusal('ValidationException');
    this.#expectSameContent(token, JSON.stringify(actions));
    if (this.hasCommitted(token)) return null;
    if (this.#tokensInProgress.has(token)) throw refusal('TransactionInProgressException');
    const reasons = this.#reasonsAgainst(actions);
    if (reasons.some(hasFailed)) throw cancelled(reasons);
    this.#tokensInProgress.add(token);
    for (const { table, key } of targets) table.locked.add(key);
    return { token, actions: [...actions], done };
  }

  /** What the actions would make of the rows. A check changes nothing. */
  changesOf(actions: readonly TransactWriteItem[]): RowChange[] {
    return actions
      .filter(({ ConditionCheck }) => ConditionCheck === undefined)
      .map((action) => {
        const { table, key } = this.#target(action);
        const before = readable(table, 0).get(key);
        return { table: table.name, key, before, after: rowAfter(action, before) };
      });
  }

  hasCommitted(token: string): boolean {
    return this.#committedTokens.has(token);
  }

  /** Whether the transaction would be cancelled now for more than one reason. */
  hasManyReasonsAgainst(input: TransactWriteItemsCommandInput): boolean {
    const { ClientRequestToken: token = '', TransactItems: actions = [] } = input;
    const isDecided = this.hasCommitted(token) || this.#tokensInProgress.has(token);
    if (isDecided || this.#isPoisoned(actions)) return false;
    return this.#reasonsAgainst(actions).filter(hasFailed).length > 1;
  }

  /** Makes one more row of the commit visible; whether that was the last. */
  apply(commit: Commit, position: number): boolean {
    const [action] = commit.actions.splice(position, 1);
    const { table, key } = this.#target(action as TransactWriteItem);
    const rows = new Map(readable(table, 0));
    const row = rowAfter(action as TransactWriteItem, rows.get(key));
    if (row === undefined) rows.delete(key);
    else rows.set(key, row);
    if (row !== undefined && table.key === 'item') this.#rememberItems([key]);
    table.versions.push(rows);
    table.locked.delete(key);
    if (commit.actions.length > 0) return false;
    this.#tokensInProgress.delete(commit.token);
    this.#committedTokens.add(commit.token);
    commit.done();
    return true;
  }

  #expectOneActionPerRow(
    targets: readonly { readonly table: Table; readonly key: string }[],
  ): void {
    if (targets.length > MAX_ACTIONS) {
      this.#refuseMalformed('ValidationException', `it has ${targets.length} actions`);
    }
    const rows = new Set<string>();
    for (const { table, key } of targets) {
      const row = `${table.name} ${key}`;
      if (rows.has(row)) this.#refuseMalformed('ValidationException', `it has ${row} twice`);
      rows.add(row);
    }
  }

  #expectSameContent(token: string, content: string): void {
    const first = this.#contents.get(token) ?? content;
    this.#contents.set(token, first);
    if (first === content) return;
    const mistake = `its token came first with ${first}, now with ${content}`;
    this.#refuseMalformed('IdempotentParameterMismatchException', mistake);
  }

  #refuseMalformed(name: string, mistake: string): never {
    this.malformedRequests.push(mistake);
    throw refusal(name);
  }

  #isPoisoned(actions: readonly TransactWriteItem[]): boolean {
    return actions.some(({ Put }) => {
      const id = Put?.Item?.deduplication_id?.S;
      return id !== undefined && this.#poisonedIds.includes(id);
    });
  }

  #reasonsAgainst(actions: readonly TransactWriteItem[]): CancellationReason[] {
    return actions.map((action) => this.#reasonAgainst(action));
  }

  #reasonAgainst(action: TransactWriteItem): CancellationReason {
    const { table, key, condition } = this.#target(action);
    if (table.locked.has(key)) return conflictIf(true);
    const existing = readable(table, 0).get(key);
    if (condition === undefined || isMet(condition, action, existing)) return conflictIf(false);
    const isShown = action.Put?.ReturnValuesOnConditionCheckFailure === 'ALL_OLD';
    return { Code: 'ConditionalCheckFailed', ...(isShown && existing && { Item: existing }) };
  }

  #target(action: TransactWriteItem) {
    const { Put, Delete, Update, ConditionCheck } = action;
    const { TableName, ConditionExpression: condition } = partOf(action);
    const table = this.#table(TableName);
    const key = Put?.Item ?? (Delete ?? Update ?? ConditionCheck)?.Key;
    return { table, key: keyOf(table, key), condition };
  }

  #table(tableName: string | undefined): Table {
    return this.#tables[tableName as string] as Table;
  }

  #rememberItems(items: readonly string[]): void {
    for (const item of items) {
      if (!this.#itemsEver.includes(item)) this.#itemsEver.push(item);
    }
    this.#itemsEver.sort();
  }

  #placeBehind(start: string, placeOfMadeUpKey: (places: number) => number): number {
    const place = this.#itemsEver.indexOf(start);
    if (place >= 0) return place + 1;
    return start === '' ? 0 : placeOfMadeUpKey(this.#itemsEver.length + 1);
  }
}

export interface RowChange {
  readonly table: string;
  readonly key: string;
  readonly before: Row | undefined;
  readonly after: Row | undefined;
}

function timesOf(heldUntilMs: number | undefined): Row {
  if (heldUntilMs === undefined) return { assigned_at: { S: 'before the first call' } };
  const [assignedAt, heldUntil] = [new Date(0), new Date(heldUntilMs)];
  return {
    assigned_at: { S: assignedAt.toISOString() },
    held_until: { S: heldUntil.toISOString() },
  };
}

/** The rows whose hold has ended, by the filter of a sweep: the only scan of the table. */
function heldRows(rows: Rows, input: ScanCommandInput) {
  const { FilterExpression, ExpressionAttributeValues = {} } = input;
  if (FilterExpression !== '#held_until <= :at') {
    throw new Error(`The simulation does not know ${FilterExpression}.`);
  }
  const at = ExpressionAttributeValues[':at']?.S as string;
  const start = input.ExclusiveStartKey?.deduplication_id?.S ?? '';
  const found = [...rows].filter(([id, row]) => {
    const heldUntil = row.held_until?.S;
    return id > start && heldUntil !== undefined && heldUntil <= at;
  });
  return { Items: found.map(([id]) => ({ deduplication_id: { S: id } })) };
}

function partOf({ Put, Delete, Update, ConditionCheck }: TransactWriteItem) {
  return (Put ?? Delete ?? Update ?? ConditionCheck) as NonNullable<
    typeof Put | typeof Delete | typeof Update | typeof ConditionCheck
  >;
}

/** An update of a row that is not there makes one. */
function rowAfter({ Put, Update, Delete }: TransactWriteItem, before: Row | undefined) {
  if (Put !== undefined) return Put.Item;
  if (Delete !== undefined) return undefined;
  if (Update === undefined) return before;
  const { Key, UpdateExpression, ExpressionAttributeValues = {} } = Update;
  switch (UpdateExpression) {
    case 'REMOVE #held_until': {
      const { held_until, ...others } = before ?? {};
      return { ...Key, ...others };
    }
    case 'SET #held_until = :end':
      return { ...Key, ...before, held_until: ExpressionAttributeValues[':end'] as AttributeValue };
    default:
      throw new Error(`The simulation does not know ${UpdateExpression}.`);
  }
}

function emptyTable(name: string, key: string): Table {
  return { name, key, versions: [new Map()], locked: new Set() };
}

function readable({ versions }: Table, staleness: number): Rows {
  return versions[Math.max(0, versions.length - 1 - staleness)] as Rows;
}

function keyOf(table: Table, row: Row | undefined): string {
  return row?.[table.key]?.S as string;
}

/** Comparisons and tests of existence, joined by AND: that is all the library sends. */
function isMet(condition: string, action: TransactWriteItem, row: Row | undefined) {
  const { ExpressionAttributeNames: names = {}, ExpressionAttributeValues: values = {} } =
    partOf(action);
  return condition.split(' AND ').every((part) => {
    const [, test, name = '', value = ''] =
      /^(?:(attribute_exists|attribute_not_exists)\()?(#\w+)(?:\)| = (:\w+))$/.exec(part) ?? [];
    const attribute = row?.[names[name] as string];
    if (test === 'attribute_exists') return attribute !== undefined;
    if (test === 'attribute_not_exists') return attribute === undefined;
    if (values[value] === undefined) throw new Error(`The simulation does not know ${part}.`);
    return attribute?.S === values[value].S;
  });
}

function conflictIf(isLocked: boolean): CancellationReason {
  return { Code: isLocked ? 'TransactionConflict' : 'None' };
}

export function hasFailed({ Code }: CancellationReason): boolean {
  return Code !== 'None';
}

export function cancelled(reasons: CancellationReason[]): Error {
  return refusal('TransactionCanceledException', { CancellationReasons: reasons });
}

/** An error as the SDK makes it of a reply with status 400. */
export function refusal(name: string, extra: object = {}): Error {
  return failure(name, {
    $fault: 'client',
    $metadata: { httpStatusCode: 400, attempts: 1 },
    ...extra,
  });
}

/** Stack traces would cost more than all the rest of a simulated request. */
export function failure(name: string, extra: object = {}): Error {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  const error = Object.assign(new Error(name), { name }, extra);
  Error.stackTraceLimit = stackTraceLimit;
  return error;
}
