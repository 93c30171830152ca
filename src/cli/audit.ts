// Is each item in exactly one place? Bank, given and retired together are what the ledger has.
import { type TransactGetItem, TransactGetItemsCommand } from '@aws-sdk/client-dynamodb';
import { deduplicationTable, itemBankTable } from 'storagebox';
import type { Context } from './action.js';
import { isOwnBank } from './own-bank.js';
import { inParallel, type OwnRequest, withPatience } from './patience.js';
import { scanPages, type TableRow } from './scan.js';

export interface AuditFindings {
  /** In the ledger, and neither in the bank nor given nor retired. */
  readonly lost: string[];
  /** In the bank or given, and not in the ledger. */
  readonly unknownToLedger: string[];
  /** In the bank, and given or retired as well. */
  readonly twice: string[];
  /** Given to more than one ID, with these. */
  readonly severalOwners: (readonly [item: string, deduplicationIds: readonly string[]])[];
  /** Retired, and still given to these IDs. */
  readonly retiredButGiven: (readonly [item: string, deduplicationIds: readonly string[]])[];
}

export interface AuditResult {
  readonly counts: {
    readonly inBank: number;
    readonly given: number;
    readonly retired: number;
    /** `null` without a ledger. */
    readonly entered: number | null;
  };
  readonly findings: AuditFindings;
  /** Who has the items of the findings. */
  readonly owners: ReadonlyMap<string, readonly string[]>;
  /** How many items looked wrong at first and right at the second look: the tables are in use. */
  readonly moved: number;
}

export type AuditContext = Pick<
  Context<unknown>,
  'client' | 'itemRepo' | 'deduplicationRepo' | 'ledgerTableName' | 'signal'
>;

/** Where an item was seen, as bits: a million items are held in memory. */
const IN_BANK = 1;
const GIVEN = 2;
const GIVEN_AGAIN = 4;
const ENTERED = 8;
const RETIRED = 16;

const MAX_LOOKS = 3;
/** See "TransactGetItems" in the API reference. */
const MAX_READS_PER_TRANSACTION = 100;

const ITEM_KEY = keyOf(itemBankTable('any'));
const DEDUPLICATION_KEY = keyOf(deduplicationTable('any'));
const ITEM_ATTRIBUTE = 'item_string';
const RETIRED_AT_ATTRIBUTE = 'retired_at';

/**
 * Reads each table once, and the assignments again for items that looked wrong. Claims may continue: the
 * ledger is read first and the assignments last, so an item that is handed out meanwhile is seen at least
 * once. If it is seen twice, the second look shows where it is.
 */
export async function auditTables(
  context: AuditContext,
  segments: number,
  onRow: (done: number) => void = () => {},
): Promise<AuditResult> {
  const audit = new Audit(context, segments, onRow);
  await audit.read();
  const suspects = audit.suspects();
  const owners = new Map<string, readonly string[]>();
  const wrong = new Map<string, number>();
  let open = [...suspects];
  for (let look = 1; open.length > 0 && look <= MAX_LOOKS; look++) {
    const again = await audit.lookAgain(open);
    for (const [item, { places, deduplicationIds }] of again) {
      wrong.set(item, places);
      owners.set(item, deduplicationIds);
    }
    // An item may be handed out between the two reads of a look, but hardly in every look: look again.
    open = open.filter((item) => audit.faultsOf(wrong.get(item) ?? 0).includes('lost'));
  }
  const findings = audit.findingsOf(wrong, owners);
  const right = [...wrong.values()].filter((places) => audit.faultsOf(places).length === 0);
  return { counts: audit.counts(), findings, owners, moved: right.length };
}

/** A transaction on all of the tables. */
export function requestToAll(context: AuditContext): OwnRequest {
  const { client, signal, itemRepo, deduplicationRepo, ledgerTableName } = context;
  const tables = [itemRepo.tableName, deduplicationRepo.tableName, ledgerTableName ?? []];
  return { client, signal, tableNames: tables.flat() };
}

type Fault = keyof AuditFindings;

interface Look {
  readonly places: number;
  readonly deduplicationIds: readonly string[];
}

class Audit {
  readonly #context: AuditContext;
  readonly #segments: number;
  readonly #onRow: () => void;
  readonly #places = new Map<string, number>();
  readonly #counts = { inBank: 0, given: 0, retired: 0, entered: 0 };

  constructor(context: AuditContext, segments: number, onRow: (done: number) => void) {
    this.#context = context;
    this.#segments = segments;
    let done = 0;
    this.#onRow = () => onRow(++done);
  }

  get #hasLedger(): boolean {
    return this.#context.ledgerTableName !== undefined;
  }

  async read(): Promise<void> {
    const { itemRepo, signal } = this.#context;
    await this.#readLedger();
    for await (const item of itemRepo.listItems({ segments: this.#segments, signal })) {
      this.#counts.inBank++;
      this.#note(item, IN_BANK);
    }
    await this.#readAssignments((item) => {
      this.#counts.given++;
      const isGivenAgain = ((this.#places.get(item) ?? 0) & GIVEN) !== 0;
      this.#note(item, isGivenAgain ? GIVEN_AGAIN : GIVEN);
    });
  }

  counts(): AuditResult['counts'] {
    return { ...this.#counts, entered: this.#hasLedger ? this.#counts.entered : null };
  }

  suspects(): string[] {
    const suspects: string[] = [];
    for (const [item, places] of this.#places) {
      if (this.faultsOf(places).length > 0) suspects.push(item);
    }
    return suspects;
  }

  faultsOf(places: number): Fault[] {
    const isIn = (place: number) => (places & place) !== 0;
    const isSomewhere = isIn(IN_BANK | GIVEN | RETIRED);
    const faults: Record<Fault, boolean> = {
      lost: isIn(ENTERED) && !isSomewhere,
      unknownToLedger: this.#hasLedger && isIn(IN_BANK | GIVEN) && !isIn(ENTERED),
      twice: isIn(IN_BANK) && isIn(GIVEN | RETIRED),
      severalOwners: isIn(GIVEN_AGAIN),
      retiredButGiven: isIn(RETIRED) && isIn(GIVEN),
    };
    return (Object.keys(faults) as Fault[]).filter((fault) => faults[fault]);
  }

  /** Reads all assignments to find the owners, then each item with its owners in one transaction. */
  async lookAgain(items: readonly string[]): Promise<Map<string, Look>> {
    const owners = new Map<string, string[]>(items.map((item) => [item, []]));
    await this.#readAssignments((item, deduplicationId) => {
      owners.get(item)?.push(deduplicationId);
    });
    const looks = new Map<string, Look>();
    await inParallel(owners, async ([item, deduplicationIds]) => {
      looks.set(item, await this.#lookAt(item, deduplicationIds));
    });
    return looks;
  }

  findingsOf(
    wrong: ReadonlyMap<string, number>,
    owners: ReadonlyMap<string, readonly string[]>,
  ): AuditFindings {
    const having = (fault: Fault) =>
      [...wrong]
        .filter(([, places]) => this.faultsOf(places).includes(fault))
        .map(([item]) => item);
    const withOwners = (item: string) => [item, owners.get(item) ?? []] as const;
    return {
      lost: having('lost'),
      unknownToLedger: having('unknownToLedger'),
      twice: having('twice'),
      severalOwners: having('severalOwners').map(withOwners),
      retiredButGiven: having('retiredButGiven').map(withOwners),
    };
  }

  #note(item: string, place: number): void {
    this.#places.set(item, (this.#places.get(item) ?? 0) | place);
    this.#onRow();
  }

  async #readLedger(): Promise<void> {
    const context = this.#context;
    const { ledgerTableName: tableName } = context;
    if (tableName === undefined) return;
    const attributes = [ITEM_KEY, RETIRED_AT_ATTRIBUTE];
    await scanTable({ context, tableName, attributes, segments: this.#segments }, (row) => {
      const isRetired = row[RETIRED_AT_ATTRIBUTE] !== undefined;
      this.#counts.entered++;
      if (isRetired) this.#counts.retired++;
      this.#note(String(row[ITEM_KEY]?.S), isRetired ? ENTERED | RETIRED : ENTERED);
    });
  }

  async #readAssignments(note: (item: string, deduplicationId: string) => void): Promise<void> {
    const { itemRepo, deduplicationRepo, signal } = this.#context;
    const listing = deduplicationRepo.listAssignments({ segments: this.#segments, signal });
    for await (const { item, deduplicationId, itemBankTableName } of listing) {
      if (isOwnBank(itemBankTableName, itemRepo.tableName)) note(item, deduplicationId);
    }
  }

  async #lookAt(item: string, deduplicationIds: readonly string[]): Promise<Look> {
    const { client, itemRepo, deduplicationRepo, ledgerTableName, signal } = this.#context;
    const get = (TableName: string, key: string, value: string): TransactGetItem => ({
      Get: { TableName, Key: { [key]: { S: value } } },
    });
    const gets = [
      get(itemRepo.tableName, ITEM_KEY, item),
      ...(ledgerTableName === undefined ? [] : [get(ledgerTableName, ITEM_KEY, item)]),
    ];
    // If there are more owners, the first ones are enough.
    const asked = deduplicationIds.slice(0, MAX_READS_PER_TRANSACTION - gets.length);
    gets.push(...asked.map((id) => get(deduplicationRepo.tableName, DEDUPLICATION_KEY, id)));
    const request = requestToAll(this.#context);
    const { Responses: responses = [] } = await withPatience(request, () =>
      client.send(new TransactGetItemsCommand({ TransactItems: gets }), { abortSignal: signal }),
    );
    const rows = responses.map(({ Item }) => Item);
    const inBank = rows.shift();
    const entry = ledgerTableName === undefined ? undefined : rows.shift();
    const owners = asked.filter((_, position) => rows[position]?.[ITEM_ATTRIBUTE]?.S === item);
    const places = [
      inBank === undefined ? 0 : IN_BANK,
      entry === undefined ? 0 : ENTERED,
      entry?.[RETIRED_AT_ATTRIBUTE] === undefined ? 0 : RETIRED,
      owners.length > 0 ? GIVEN : 0,
      owners.length > 1 ? GIVEN_AGAIN : 0,
    ];
    return { places: places.reduce((all, place) => all | place, 0), deduplicationIds: owners };
  }
}

interface TableScan {
  readonly context: AuditContext;
  readonly tableName: string;
  readonly attributes: readonly string[];
  readonly segments: number;
}

/** Every row, in no particular order. */
async function scanTable(
  { context, tableName, attributes, segments }: TableScan,
  onRow: (row: TableRow) => void,
): Promise<void> {
  const names = attributes.map((attribute, index) => [`#${index}`, attribute] as const);
  const scanSegment = async (_: unknown, segment: number) => {
    const pages = scanPages(context, {
      TableName: tableName,
      Segment: segment,
      TotalSegments: segments,
      ProjectionExpression: names.map(([placeholder]) => placeholder).join(),
      ExpressionAttributeNames: Object.fromEntries(names),
    });
    for await (const rows of pages) for (const row of rows) onRow(row);
  };
  await Promise.all(Array.from({ length: segments }, scanSegment));
}

function keyOf(definition: { KeySchema?: { AttributeName?: string | undefined }[] | undefined }) {
  return String(definition.KeySchema?.[0]?.AttributeName);
}
