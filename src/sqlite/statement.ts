// A statement on one of our tables, prepared at its first use. Runs inside a transaction only.
import {
  columnsOf,
  type SqliteDatabase,
  type SqliteStatement,
  type SqliteValue,
} from './driver.js';
import { explainRefusal } from './refusals.js';

export class Statement {
  readonly #database: SqliteDatabase;
  readonly #tableName: string;
  readonly #sql: string;
  #prepared: SqliteStatement | undefined;

  constructor(database: SqliteDatabase, tableName: string, sql: string) {
    this.#database = database;
    this.#tableName = tableName;
    this.#sql = sql;
  }

  /** The only row, or the first one, as its columns; cheaper than {@link rows} with some drivers. */
  row(...values: readonly SqliteValue[]): unknown[] | undefined {
    try {
      const row = this.#statement().get(...values);
      return row === undefined ? undefined : columnsOf(row);
    } catch (error) {
      throw explainRefusal(error, this.#tableName);
    }
  }

  /** Each row as its columns. */
  rows(...values: readonly SqliteValue[]): unknown[][] {
    try {
      return this.#statement()
        .all(...values)
        .map(columnsOf);
    } catch (error) {
      throw explainRefusal(error, this.#tableName);
    }
  }

  /** How many rows were written. */
  run(...values: readonly SqliteValue[]): number {
    try {
      return Number(this.#statement().run(...values).changes);
    } catch (error) {
      throw explainRefusal(error, this.#tableName);
    }
  }

  #statement(): SqliteStatement {
    this.#prepared ??= this.#database.prepare(this.#sql);
    return this.#prepared;
  }
}
