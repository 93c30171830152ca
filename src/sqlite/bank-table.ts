// An item bank, as statements: what is in it, and in its ledger what ever entered. Each runs inside a transaction of
// its caller.
import { attachedState } from '../store-kit/attached-state.js';
import { keyToText, textToKey } from '../store-kit/key-text.js';
import type { SqliteConnection } from './connection.js';
import { ledgerNameOf, quoted } from './driver.js';
import { Statement } from './statement.js';

export class BankTable {
  readonly connection: SqliteConnection;
  readonly tableName: string;
  /** As a query: the first item. */
  readonly firstOne: string;
  readonly #first: Statement;
  readonly #choose: Statement;
  readonly #find: Statement;
  readonly #take: Statement;
  readonly #enter: Statement;
  readonly #add: Statement;
  readonly #enterAgain: Statement;
  readonly #retire: Statement;
  readonly #list: Statement;
  readonly #count: Statement;

  constructor(connection: SqliteConnection, tableName: string) {
    this.connection = connection;
    this.tableName = tableName;
    const table = quoted(tableName);
    const statement = (sql: string) => new Statement(connection.database, tableName, sql);
    const ledger = quoted(ledgerNameOf(tableName));
    const entry = (sql: string) => statement(`insert into ${ledger} ${sql}`);
    const items = `select item from ${table}`;
    this.firstOne = `${items} order by item limit 1`;
    this.#first = statement(this.firstOne);
    this.#choose = statement(`${items} order by item limit ?`);
    this.#find = statement(`${items} where item = ?`);
    this.#take = statement(`delete from ${table} where item = ?`);
    this.#add = statement(`insert into ${table} (item) values (?) on conflict (item) do nothing`);
    this.#enter = entry('(item) values (?) on conflict (item) do nothing');
    this.#enterAgain = entry(
      '(item) values (?) on conflict (item) do update set retired_at = null',
    );
    this.#retire = entry(
      '(item, retired_at) values (?, ?) on conflict (item) do update set retired_at = excluded.retired_at',
    );
    this.#list = statement(`${items} where item > ? order by item limit ?`);
    this.#count = statement(
      `select count(*), max(item) from (${items} where item > ? order by item limit ?)`,
    );
  }

  /** The first item, without taking it; `null` if there is none. */
  first(): string | null {
    const row = this.#first.row();
    return row === undefined ? null : textToKey(row[0] as string);
  }

  /** Items, in their order, without taking them. */
  choose(count: number): string[] {
    return this.#choose.rows(count).map(([text]) => textToKey(text as string));
  }

  has(item: string): boolean {
    return this.#find.row(keyToText(item)) !== undefined;
  }

  /** Returns whether it was there. */
  take(item: string): boolean {
    return this.#take.run(keyToText(item)) > 0;
  }

  /** Returns whether it has never been in the bank. */
  add(item: string): boolean {
    const isNew = this.enter(item);
    if (isNew) this.#add.run(keyToText(item));
    return isNew;
  }

  /** Into the ledger alone. Returns whether it has never been there. */
  enter(item: string): boolean {
    return this.#enter.run(keyToText(item)) > 0;
  }

  giveBack(item: string): void {
    this.#enterAgain.run(keyToText(item));
    this.#add.run(keyToText(item));
  }

  retire(item: string, retiredAt: Date): void {
    this.#retire.run(keyToText(item), retiredAt.getTime());
  }

  /** Items after that text, in the order of their text, which is the key. */
  listAfter(
    text: string,
    count: number,
  ): readonly { readonly key: string; readonly element: string }[] {
    return this.#list.rows(text, count).map(([key]) => ({
      key: key as string,
      element: textToKey(key as string),
    }));
  }

  /** Of the next items, how many there are and the last one; `null` if there are none. */
  countAfter(
    text: string,
    count: number,
  ): { readonly count: number; readonly last: string | null } {
    const row = this.#count.row(text, count) ?? [];
    return { count: Number(row[0]), last: row[1] as string | null };
  }
}

export const bankTables = attachedState<BankTable>('sqlite.item-bank.1');
