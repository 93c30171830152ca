// An item bank, as statements. Each runs inside a transaction of its caller.
import { attachedState } from '../store-kit/attached-state.js';
import { keyToText, textToKey } from '../store-kit/key-text.js';
import type { SqliteConnection } from './connection.js';
import { quoted, type SqliteValue } from './driver.js';

export class BankTable {
  readonly connection: SqliteConnection;
  readonly tableName: string;
  readonly #table: string;

  constructor(connection: SqliteConnection, tableName: string) {
    this.connection = connection;
    this.tableName = tableName;
    this.#table = quoted(tableName);
  }

  /** Free items, in their order, without taking them. */
  choose(count: number): string[] {
    return this.listAfter('', count).map(({ element }) => element);
  }

  isFree(item: string): boolean {
    const rows = this.#rows(
      `select 1 from ${this.#table} where item = ? and is_free = 1`,
      keyToText(item),
    );
    return rows.length > 0;
  }

  /** Returns whether it was free. */
  take(item: string): boolean {
    const sql = `update ${this.#table} set is_free = 0 where item = ? and is_free = 1`;
    return this.#run(sql, keyToText(item)) > 0;
  }

  /** Returns whether it has never been in the bank. */
  add(item: string): boolean {
    return this.#insert(item, 1);
  }

  /** As an item that somebody has. Returns whether it has never been in the bank. */
  enter(item: string): boolean {
    return this.#insert(item, 0);
  }

  #insert(item: string, isFree: 0 | 1): boolean {
    const sql = `insert into ${this.#table} (item, is_free) values (?, ?) on conflict (item) do nothing`;
    return this.#run(sql, keyToText(item), isFree) > 0;
  }

  giveBack(item: string): void {
    this.#run(
      `insert into ${this.#table} (item, is_free) values (?, 1) ` +
        'on conflict (item) do update set is_free = 1, retired_at = null',
      keyToText(item),
    );
  }

  retire(item: string, retiredAt: Date): void {
    this.#run(
      `insert into ${this.#table} (item, is_free, retired_at) values (?, 0, ?) ` +
        'on conflict (item) do update set is_free = 0, retired_at = excluded.retired_at',
      keyToText(item),
      retiredAt.getTime(),
    );
  }

  /** Free items after that text, in the order of their text, which is the key. */
  listAfter(
    text: string,
    count: number,
  ): readonly { readonly key: string; readonly element: string }[] {
    const sql = `select item from ${this.#table} where is_free = 1 and item > ? order by item limit ?`;
    return this.#rows(sql, text, count).map(([key]) => ({
      key: key as string,
      element: textToKey(key as string),
    }));
  }

  /** Of the next free items, how many there are and the last one; `null` if there are none. */
  countAfter(
    text: string,
    count: number,
  ): { readonly count: number; readonly last: string | null } {
    const [row = []] = this.#rows(
      `select count(*), max(item) from (select item from ${this.#table} ` +
        'where is_free = 1 and item > ? order by item limit ?)',
      text,
      count,
    );
    return { count: Number(row[0]), last: row[1] as string | null };
  }

  #rows(sql: string, ...values: readonly SqliteValue[]): unknown[][] {
    return this.connection.rows(this.tableName, sql, ...values);
  }

  #run(sql: string, ...values: readonly SqliteValue[]): number {
    return this.connection.run(this.tableName, sql, ...values);
  }
}

export const bankTables = attachedState<BankTable>('sqlite.item-bank.1');
