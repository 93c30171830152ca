// An item bank, as statements. Each runs inside a transaction of its caller.
import { attachedState } from '../store-kit/attached-state.js';
import { keyToText, textToKey } from '../store-kit/key-text.js';
import type { SqliteConnection } from './connection.js';
import { quoted } from './driver.js';
import { Statement } from './statement.js';

export class BankTable {
  readonly connection: SqliteConnection;
  readonly tableName: string;
  /** As a query: the first free item. */
  readonly firstOne: string;
  readonly #first: Statement;
  readonly #choose: Statement;
  readonly #find: Statement;
  readonly #take: Statement;
  readonly #add: Statement;
  readonly #giveBack: Statement;
  readonly #retire: Statement;
  readonly #list: Statement;
  readonly #count: Statement;

  constructor(connection: SqliteConnection, tableName: string) {
    this.connection = connection;
    this.tableName = tableName;
    const table = quoted(tableName);
    const statement = (sql: string) => new Statement(connection.database, tableName, sql);
    const free = `select item from ${table} where is_free = 1`;
    this.firstOne = `${free} order by item limit 1`;
    this.#first = statement(this.firstOne);
    this.#choose = statement(`${free} order by item limit ?`);
    this.#find = statement(`${free} and item = ?`);
    this.#take = statement(`update ${table} set is_free = 0 where item = ? and is_free = 1`);
    this.#add = statement(
      `insert into ${table} (item, is_free) values (?, ?) on conflict (item) do nothing`,
    );
    this.#giveBack = statement(
      `insert into ${table} (item, is_free) values (?, 1) ` +
        'on conflict (item) do update set is_free = 1, retired_at = null',
    );
    this.#retire = statement(
      `insert into ${table} (item, is_free, retired_at) values (?, 0, ?) ` +
        'on conflict (item) do update set is_free = 0, retired_at = excluded.retired_at',
    );
    this.#list = statement(`${free} and item > ? order by item limit ?`);
    this.#count = statement(
      `select count(*), max(item) from (${free} and item > ? order by item limit ?)`,
    );
  }

  /** The first free item, without taking it; `null` if there is none. */
  first(): string | null {
    const row = this.#first.row();
    return row === undefined ? null : textToKey(row[0] as string);
  }

  /** Free items, in their order, without taking them. */
  choose(count: number): string[] {
    return this.#choose.rows(count).map(([text]) => textToKey(text as string));
  }

  isFree(item: string): boolean {
    return this.#find.row(keyToText(item)) !== undefined;
  }

  /** Returns whether it was free. */
  take(item: string): boolean {
    return this.#take.run(keyToText(item)) > 0;
  }

  /** Returns whether it has never been in the bank. */
  add(item: string): boolean {
    return this.#add.run(keyToText(item), 1) > 0;
  }

  /** As an item that somebody has. Returns whether it has never been in the bank. */
  enter(item: string): boolean {
    return this.#add.run(keyToText(item), 0) > 0;
  }

  giveBack(item: string): void {
    this.#giveBack.run(keyToText(item));
  }

  retire(item: string, retiredAt: Date): void {
    this.#retire.run(keyToText(item), retiredAt.getTime());
  }

  /** Free items after that text, in the order of their text, which is the key. */
  listAfter(
    text: string,
    count: number,
  ): readonly { readonly key: string; readonly element: string }[] {
    return this.#list.rows(text, count).map(([key]) => ({
      key: key as string,
      element: textToKey(key as string),
    }));
  }

  /** Of the next free items, how many there are and the last one; `null` if there are none. */
  countAfter(
    text: string,
    count: number,
  ): { readonly count: number; readonly last: string | null } {
    const row = this.#count.row(text, count) ?? [];
    return { count: Number(row[0]), last: row[1] as string | null };
  }
}

export const bankTables = attachedState<BankTable>('sqlite.item-bank.1');
