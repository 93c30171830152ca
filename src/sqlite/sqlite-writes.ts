// What the pair does in one transaction. The plans read and decide; what they return writes.
import type {
  AnyClaimResult,
  AtomicClaimOptions,
  AtomicConfirmOptions,
  AtomicGroupOptions,
  AtomicReleaseOptions,
  AtomicWrites,
  ClaimedItem,
  ExpiredHold,
  GroupClaimResult,
  GroupMember,
  HoldOptions,
} from '../contracts/atomic-writes.js';
import { UnknownItemBankError } from '../contracts/errors.js';
import type { ItemBankRepository } from '../contracts/item-bank-repository.js';
import { runtime } from '../environment/runtime.js';
import { endOfExtendedHold, endOfNewHold } from '../store-kit/hold.js';
import { keyToText, textToKey } from '../store-kit/key-text.js';
import { CLAIM_PATIENCE_MS, Patience } from '../store-kit/patience.js';
import {
  type AssignmentsTable,
  COLUMNS,
  type Held,
  type HoldPosition,
  heldOf,
} from './assignments-table.js';
import { type BankTable, bankTables } from './bank-table.js';
import { type Change, MAX_GROUP_SIZE, type Plan, type SqliteConnection } from './connection.js';
import { isSameTable, quoted } from './driver.js';
import { assertUntouched, makeOwnWrites, type SqliteWrite } from './own-writes.js';
import { Statement } from './statement.js';

/** How many holds are read at once. */
const HOLD_PAGE_SIZE = 500;

const BEFORE_ALL_HOLDS: HoldPosition = { heldUntilMs: Number.MIN_SAFE_INTEGER, text: '' };

export function sqliteWrites(
  assignments: AssignmentsTable,
  bank: BankTable,
  storedIdOf: (deduplicationId: string) => string,
): AtomicWrites<SqliteWrite> {
  const writes = new SqliteWrites(assignments, bank);
  return {
    features: ['item', 'holdForMs', 'alongside'],
    // Enough for the next group while the last one is under way.
    bulkConcurrency: 2 * MAX_GROUP_SIZE,
    claimItem: (deduplicationId, options) => writes.claim(storedIdOf(deduplicationId), options),
    claimItems: (deduplicationIds, options) =>
      writes.claimAll(deduplicationIds, storedIdOf, options),
    confirmItem: (deduplicationId, options) => writes.confirm(storedIdOf(deduplicationId), options),
    releaseItem: (deduplicationId, options) => writes.release(storedIdOf(deduplicationId), options),
    expiredHolds: (options) => writes.expiredHolds(options),
  };
}

class SqliteWrites {
  readonly #connection: SqliteConnection;
  readonly #assignments: AssignmentsTable;
  readonly #bank: BankTable;
  readonly #lookup: Statement;

  constructor(assignments: AssignmentsTable, bank: BankTable) {
    this.#connection = bank.connection;
    this.#assignments = assignments;
    this.#bank = bank;
    this.#lookup = new Statement(
      bank.connection.database,
      bank.tableName,
      `select ${COLUMNS}, case when item is null then (${bank.firstOne}) end as first_item ` +
        `from (select 1) left join ${quoted(assignments.tableName)} on deduplication_id = ?`,
    );
  }

  claim(storedId: string, options: AtomicClaimOptions<SqliteWrite>): Promise<AnyClaimResult> {
    const { signal, waitedMs, item: chosen, alongside, holdForMs, maxHoldMs } = options;
    const hold = { holdForMs, maxHoldMs };
    const plan = (): Plan<AnyClaimResult> => {
      const { held, firstItem } =
        chosen === undefined ? this.#look(storedId) : { held: this.#assignments.find(storedId) };
      if (held !== null) return this.#planExisting(storedId, held, hold);
      if (chosen !== undefined && !this.#bank.has(chosen)) {
        return { answer: { status: 'taken', item: null } };
      }
      const item = chosen ?? firstItem ?? null;
      if (item === null) return { answer: { status: 'exhausted', item: null } };
      const { answer, apply } = this.#planNew(storedId, item, hold);
      return this.#withOwnWrites(answer, apply, () => alongside?.(item));
    };
    return this.#change(plan, { signal, waitedMs, alongside });
  }

  claimAll(
    deduplicationIds: readonly string[],
    storedIdOf: (deduplicationId: string) => string,
    options: AtomicGroupOptions<SqliteWrite>,
  ): Promise<GroupClaimResult> {
    const { signal, waitedMs, alongside, ...hold } = options;
    const storedIds = deduplicationIds.map(storedIdOf);
    const plan = (): Plan<GroupClaimResult> => {
      const existing = storedIds.map((storedId) => {
        const held = this.#assignments.find(storedId);
        return held === null ? null : this.#planExisting(storedId, held, hold);
      });
      const itemsNeeded = existing.filter((each) => each === null).length;
      const items = this.#bank.choose(itemsNeeded);
      if (items.length < itemsNeeded) {
        return { answer: { status: 'exhausted', itemsNeeded, itemsSeen: items.length } };
      }
      const free = items.values();
      const plans = storedIds.map(
        (storedId, index) =>
          existing[index] ?? this.#planNew(storedId, free.next().value as string, hold),
      );
      const members = deduplicationIds.map(
        (deduplicationId, index): GroupMember => ({
          deduplicationId,
          ...(plans[index] as Plan<ClaimedItem>).answer,
        }),
      );
      const isNew = itemsNeeded > 0;
      const answer = { status: isNew ? ('claimed' as const) : ('existing' as const), members };
      if (plans.every(({ apply }) => apply === undefined)) return { answer };
      const apply = () => {
        for (const each of plans) each.apply?.();
      };
      return this.#withOwnWrites(answer, apply, () => (isNew ? alongside?.(members) : undefined));
    };
    return this.#change(plan, { signal, waitedMs, alongside, size: storedIds.length });
  }

  confirm(
    storedId: string,
    { signal, item, alongside }: AtomicConfirmOptions<SqliteWrite>,
  ): Promise<string | null> {
    const plan = (): Plan<string | null> => {
      const held = this.#assignments.find(storedId);
      if (held === null || (item !== undefined && item !== held.item)) return { answer: null };
      if (held.heldUntil === null) return { answer: held.item };
      const apply = () => assertUntouched(this.#assignments.setEnd(storedId, null));
      return this.#withOwnWrites(held.item, apply, () => alongside?.(held.item));
    };
    return this.#change(plan, { signal, alongside });
  }

  release(
    storedId: string,
    { signal, fate, banks, alongside }: AtomicReleaseOptions<SqliteWrite>,
  ): Promise<string | null> {
    const plan = () => {
      const held = this.#assignments.find(storedId);
      if (held === null) return { answer: null };
      return this.#planRelease(storedId, held, fate, banks, alongside);
    };
    return this.#release(plan, { signal, alongside });
  }

  async *expiredHolds({
    at,
    signal,
  }: {
    readonly at: Date;
    readonly signal?: AbortSignal | undefined;
  }): AsyncGenerator<ExpiredHold, void, void> {
    const assignments = this.#assignments;
    for (let after: HoldPosition | undefined = BEFORE_ALL_HOLDS; after !== undefined; ) {
      const position: HoldPosition = after;
      const page = await this.#connection.read(
        [assignments.tableName],
        () => assignments.expiredAfter(position, at, HOLD_PAGE_SIZE),
        new Patience(CLAIM_PATIENCE_MS, signal),
      );
      for (const { storedId } of page) {
        yield {
          deduplicationId: storedId,
          release: (options) => this.#releaseExpired(storedId, at, options),
        };
      }
      after = page.at(-1);
    }
  }

  #releaseExpired(
    storedId: string,
    at: Date,
    { signal, banks }: Pick<AtomicReleaseOptions, 'signal' | 'banks'>,
  ): Promise<string | null> {
    const plan = () => {
      const held = this.#assignments.find(storedId);
      const isExpired = held !== null && held.heldUntil !== null && held.heldUntil <= at;
      return isExpired ? this.#planRelease(storedId, held, 'return', banks) : { answer: null };
    };
    return this.#release(plan, { signal });
  }

  async #release(
    plan: () => Plan<string | null | UnknownItemBankError>,
    options: Pick<ChangeOptions, 'signal' | 'alongside'>,
  ): Promise<string | null> {
    const answer = await this.#change(plan, options);
    if (answer instanceof UnknownItemBankError) throw answer;
    return answer;
  }

  /** A bank that nobody passed is no error of the transaction: others may travel in it. */
  #planRelease(
    storedId: string,
    { item, itemBankName }: Held,
    fate: AtomicReleaseOptions['fate'],
    banks: readonly ItemBankRepository[] | undefined,
    alongside?: (item: string) => SqliteWrite,
  ): Plan<string | UnknownItemBankError> {
    const origin = this.#originOf(itemBankName, banks);
    if (origin === null && fate === 'return') return { answer: new UnknownItemBankError(0) };
    const apply = () => {
      assertUntouched(this.#assignments.remove(storedId));
      if (fate === 'return') origin?.giveBack(item);
      else origin?.retire(item, runtime.date());
    };
    return this.#withOwnWrites<string | UnknownItemBankError>(item, apply, () => alongside?.(item));
  }

  /**
   * The row only selects one of the banks at hand, and its text never becomes a part of a statement. If it
   * names none, it is the pair's own.
   */
  #originOf(named: string | null, banks: readonly ItemBankRepository[] = []): BankTable | null {
    if (named === null) return this.#bank;
    const others = banks.flatMap((itemRepo) => bankTables.find(itemRepo) ?? []);
    const atHand = [this.#bank, ...others].filter(
      ({ connection }) => connection === this.#connection,
    );
    return atHand.find(({ tableName }) => isSameTable(tableName, named)) ?? null;
  }

  /** What the ID has, and if it has nothing, the first free item. One statement takes less time than two. */
  #look(storedId: string): { readonly held: Held | null; readonly firstItem?: string | null } {
    try {
      const columns = this.#lookup.row(keyToText(storedId)) as unknown[];
      if (columns[0] !== null) return { held: heldOf(columns) };
      const text = columns.at(-1) as string | null;
      return { held: null, firstItem: text === null ? null : textToKey(text) };
    } catch {
      // Which table is at fault, their own statements say.
      return { held: this.#assignments.find(storedId), firstItem: this.#bank.first() };
    }
  }

  /** What the ID has, with its hold extended if that is asked for. */
  #planExisting(storedId: string, held: Held, hold: HoldOptions): Plan<ClaimedItem> {
    const { item, itemBankName, heldUntil } = held;
    const answer = { status: 'existing' as const, item, itemBankName };
    const end = endOfExtendedHold(held, hold);
    if (end === null) return { answer: { ...answer, heldUntil } };
    const apply = () => assertUntouched(this.#assignments.setEnd(storedId, end));
    return { answer: { ...answer, heldUntil: end }, apply };
  }

  #planNew(storedId: string, item: string, hold: HoldOptions) {
    const itemBankName = this.#bank.tableName;
    const heldUntil = endOfNewHold(hold);
    const answer: ClaimedItem = { status: 'claimed', item, itemBankName, heldUntil };
    const apply = () => {
      assertUntouched(this.#bank.take(item));
      const held = { item, itemBankName, assignedAt: runtime.date(), heldUntil };
      assertUntouched(this.#assignments.put(storedId, held));
    };
    return { answer, apply };
  }

  #withOwnWrites<Answer>(
    answer: Answer,
    apply: () => void,
    alongside: () => SqliteWrite | undefined,
  ): Plan<Answer> {
    return {
      answer,
      apply: () => {
        makeOwnWrites(this.#connection, alongside());
        apply();
      },
    };
  }

  #change<Answer>(
    plan: () => Plan<Answer>,
    { signal, waitedMs, alongside, size }: ChangeOptions,
  ): Promise<Answer> {
    return this.#connection.change({
      tableNames: [this.#assignments.tableName, this.#bank.tableName],
      patience: new Patience(CLAIM_PATIENCE_MS, signal, waitedMs),
      plan,
      isAlone: alongside !== undefined,
      size,
    });
  }
}

interface ChangeOptions extends Pick<Change<unknown>, 'size'> {
  readonly signal?: AbortSignal | undefined;
  readonly waitedMs?: number | undefined;
  readonly alongside?: unknown;
}
