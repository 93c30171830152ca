// Who has which item, as statements. Each runs inside a transaction of its caller.
import type { Assignment } from '../contracts/looking.js';
import { keyToText, textToKey } from '../store-kit/key-text.js';
import type { SqliteConnection } from './connection.js';
import { quoted } from './driver.js';
import { Statement } from './statement.js';

export interface Held {
  readonly item: string;
  readonly itemBankName: string | null;
  readonly assignedAt: Date;
  /** `null`: for good. */
  readonly heldUntil: Date | null;
}

/** Where a hold stands in the order of their ends. */
export interface HoldPosition {
  readonly heldUntilMs: number;
  /** As text. */
  readonly text: string;
}

export const COLUMNS = 'item, item_bank, assigned_at, held_until';

/** IDs are given and returned as they are stored: clear or hashed. */
export class AssignmentsTable {
  readonly connection: SqliteConnection;
  readonly tableName: string;
  readonly #find: Statement;
  readonly #put: Statement;
  readonly #remove: Statement;
  readonly #setEnd: Statement;
  readonly #list: Statement;
  readonly #count: Statement;
  readonly #expired: Statement;

  constructor(connection: SqliteConnection, tableName: string) {
    this.connection = connection;
    this.tableName = tableName;
    const table = quoted(tableName);
    const statement = (sql: string) => new Statement(connection.database, tableName, sql);
    this.#find = statement(`select ${COLUMNS} from ${table} where deduplication_id = ?`);
    this.#put = statement(
      `insert into ${table} (deduplication_id, ${COLUMNS}) values (?, ?, ?, ?, ?) ` +
        'on conflict (deduplication_id) do nothing',
    );
    this.#remove = statement(`delete from ${table} where deduplication_id = ?`);
    this.#setEnd = statement(`update ${table} set held_until = ? where deduplication_id = ?`);
    this.#list = statement(
      `select deduplication_id, ${COLUMNS} from ${table} where deduplication_id > ? ` +
        'order by deduplication_id limit ?',
    );
    this.#count = statement(
      'select count(*) filter (where assigned_at > ?), max(deduplication_id) from (' +
        `select deduplication_id, assigned_at from ${table} where deduplication_id > ? ` +
        'order by deduplication_id limit ?)',
    );
    this.#expired = statement(
      `select deduplication_id, held_until from ${table} where held_until <= ? ` +
        'and (held_until, deduplication_id) > (?, ?) order by held_until, deduplication_id limit ?',
    );
  }

  find(storedId: string): Held | null {
    const row = this.#find.row(keyToText(storedId));
    return row === undefined ? null : heldOf(row);
  }

  /** Returns whether the ID had none. */
  put(storedId: string, { item, itemBankName, assignedAt, heldUntil }: Held): boolean {
    const written = this.#put.run(
      keyToText(storedId),
      keyToText(item),
      itemBankName,
      assignedAt.getTime(),
      heldUntil?.getTime() ?? null,
    );
    return written > 0;
  }

  /** Returns whether the ID had one. */
  remove(storedId: string): boolean {
    return this.#remove.run(keyToText(storedId)) > 0;
  }

  /** Returns whether the ID had one. */
  setEnd(storedId: string, heldUntil: Date | null): boolean {
    return this.#setEnd.run(heldUntil?.getTime() ?? null, keyToText(storedId)) > 0;
  }

  /** In the order of the IDs' text. */
  listAfter(
    text: string,
    count: number,
  ): readonly { readonly key: string; readonly element: Assignment }[] {
    return this.#list.rows(text, count).map(([key, ...columns]) => ({
      key: key as string,
      element: assignmentOf(textToKey(key as string), heldOf(columns)),
    }));
  }

  /** Of the next IDs, how many were assigned after that time, and the last ID; `null` if there are none. */
  countAfter(
    text: string,
    count: number,
    assignedAfter: Date | undefined,
  ): { readonly count: number; readonly last: string | null } {
    const afterMs = assignedAfter?.getTime() ?? Number.MIN_SAFE_INTEGER;
    const row = this.#count.row(afterMs, text, count) ?? [];
    return { count: Number(row[0]), last: row[1] as string | null };
  }

  /** Holds that had ended at that time, the earliest end first. */
  expiredAfter(
    { heldUntilMs, text }: HoldPosition,
    at: Date,
    count: number,
  ): (HoldPosition & { readonly storedId: string })[] {
    return this.#expired.rows(at.getTime(), heldUntilMs, text, count).map(([id, endMs]) => ({
      text: id as string,
      heldUntilMs: Number(endMs),
      storedId: textToKey(id as string),
    }));
  }
}

export function heldOf([item, itemBank, assignedAtMs, heldUntilMs]: readonly unknown[]): Held {
  return {
    item: textToKey(item as string),
    itemBankName: itemBank as string | null,
    assignedAt: new Date(Number(assignedAtMs)),
    heldUntil: heldUntilMs === null ? null : new Date(Number(heldUntilMs)),
  };
}

export function assignmentOf(deduplicationId: string, held: Held): Assignment {
  return { deduplicationId, ...held, itemBankTableName: held.itemBankName };
}
