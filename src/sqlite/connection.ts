// One connection of the user's: its transactions, and the writes that share one. A driver answers at once, so a
// transaction begins and ends within one turn of the event loop, and no other call sees it open.
//
//   writes of this turn ── begin, each write, commit: if nobody else writes, that is all
//        │ somebody does
//   one read transaction: what needs no write is answered from it
//        │ the others
//   begin immediate ── busy ── again in some milliseconds, until the patience ends ─► ContentionError
//        │
//   each write ── one throws ── rollback, and each alone
//        │
//   commit ── each is answered
import { setImmediate } from 'node:timers/promises';
import { ContentionError, InvalidOptionError } from '../contracts/errors.js';
import { assertOption, hasMethods } from '../contracts/validation.js';
import { noteNothingWritten } from '../contracts/written.js';
import { publishObstacle } from '../environment/events.js';
import { runtime } from '../environment/runtime.js';
import { GroupCommit, type GroupOutcome, type GroupWrite } from '../store-kit/group-commit.js';
import { CLAIM_PATIENCE_MS, Patience } from '../store-kit/patience.js';
import {
  columnsOf,
  type SqliteDatabase,
  type SqliteStatement,
  type SqliteValue,
} from './driver.js';
import { explainRefusal, isBusy, isInsideTransaction } from './refusals.js';
import { assertSettings } from './settings.js';

/** So many take some milliseconds, in which the process does nothing else and nobody else can write. */
export const MAX_GROUP_SIZE = 200;

/** What becomes of the rows, by what they are in this transaction. */
export interface Plan<Answer> {
  readonly answer: Answer;
  /** Does it. Without it there is nothing to write. */
  readonly apply?: (() => void) | undefined;
}

export interface Change<Answer> {
  /** What is written, for messages and events. */
  readonly tableNames: readonly string[];
  readonly patience: Patience;
  /** Called in a transaction, perhaps in several. Must not write. */
  plan(): Plan<Answer>;
  /** Whether it is likely enough that there is nothing to write. */
  readonly looksFirst: boolean;
  /** It shares no transaction with others: it may fail by itself. */
  readonly isAlone?: boolean | undefined;
  /** About how many rows of either table it writes. Default: 1. */
  readonly size?: number | undefined;
}

type Settled = { readonly answer: unknown } | { readonly error: unknown };

interface GroupedChange extends GroupWrite, Change<unknown> {}

const connections = new WeakMap<SqliteDatabase, SqliteConnection>();

/** The one for that database, so that all repositories on it share transactions. */
export function connectionOf(database: SqliteDatabase): SqliteConnection {
  assertOption(
    hasMethods(database, 'prepare', 'exec'),
    'database',
    'a connection of node:sqlite, better-sqlite3 or libsql',
    database,
    'Pass it as { database }, opened.',
  );
  const connection = connections.get(database) ?? new SqliteConnection(database);
  connections.set(database, connection);
  return connection;
}

/** Errors of a commit of which nobody knows whether it has happened. */
const commitsInDoubt = new WeakSet<object>();

export function isCommitInDoubt(error: unknown): boolean {
  return typeof error === 'object' && error !== null && commitsInDoubt.has(error);
}

/** Lets other work of the process come first, and calls that are about to be made. */
export function nextTurn(): Promise<void> {
  return setImmediate();
}

export class SqliteConnection {
  readonly database: SqliteDatabase;
  readonly #statements = new Map<string, SqliteStatement>();
  readonly #groups = new GroupCommit<GroupedChange, Settled>(
    1,
    (changes, patience) => this.#carryGroup(changes, patience),
    { firstGroupSize: MAX_GROUP_SIZE, gather: nextTurn },
  );
  #hasRightSettings = false;

  constructor(database: SqliteDatabase) {
    this.database = database;
  }

  /** In words, for messages. */
  get place(): string {
    return 'the database of this connection';
  }

  /** The rows, each as its columns. Only inside a transaction. */
  rows(tableName: string, sql: string, ...values: readonly SqliteValue[]): unknown[][] {
    return this.#withStatement(tableName, sql, (statement) =>
      statement.all(...values).map(columnsOf),
    );
  }

  /** How many rows were written. Only inside a transaction that writes. */
  run(tableName: string, sql: string, ...values: readonly SqliteValue[]): number {
    return this.#withStatement(tableName, sql, (statement) =>
      Number(statement.run(...values).changes),
    );
  }

  #withStatement<Result>(
    tableName: string,
    sql: string,
    use: (statement: SqliteStatement) => Result,
  ): Result {
    try {
      const statement = this.#statements.get(sql) ?? this.database.prepare(sql);
      this.#statements.set(sql, statement);
      return use(statement);
    } catch (error) {
      throw explainRefusal(error, tableName, this.place);
    }
  }

  /** Runs it on one snapshot of the database. It must not write and must not await. */
  read<Result>(
    tableNames: readonly string[],
    look: () => Result,
    patience = new Patience(CLAIM_PATIENCE_MS),
  ): Promise<Result> {
    return this.#transact('begin', tableNames, patience, look);
  }

  /** Runs it in a transaction of its own, in which nobody else writes. It must not await. */
  write<Result>(
    tableNames: readonly string[],
    write: () => Result,
    patience = new Patience(CLAIM_PATIENCE_MS),
  ): Promise<Result> {
    return this.#transact('begin immediate', tableNames, patience, write);
  }

  /** Makes the change, together with others of the process unless it goes alone. */
  async change<Answer>(change: Change<Answer>): Promise<Answer> {
    const { patience, isAlone = false, size = 1 } = change;
    if (isAlone) return (await this.#carryOut([change], patience))[0] as Answer;
    const maxGroupSize = Math.max(1, Math.floor(MAX_GROUP_SIZE / size));
    const settled = await this.#groups.write({ ...change, key: null, maxGroupSize });
    if ('error' in settled) throw settled.error;
    return settled.answer as Answer;
  }

  async #carryGroup(
    changes: readonly GroupedChange[],
    patience: Patience,
  ): Promise<GroupOutcome<Settled>> {
    return { group: 'committed', outcomes: await this.#settle(changes, patience) };
  }

  async #settle(changes: readonly GroupedChange[], patience: Patience): Promise<Settled[]> {
    try {
      const answers = await this.#carryOut(changes, patience);
      return answers.map((answer) => ({ answer }));
    } catch (error) {
      if (changes.length === 1) return [{ error }];
      if (error instanceof ContentionError) {
        const { cause } = error;
        return changes.map((change) => ({
          error: new ContentionError(change.patience.elapsedMs, { cause }),
        }));
      }
      // Nobody knows what became of the others either: they find out by themselves.
      if (patience.signal?.aborted || isCommitInDoubt(error)) return changes.map(() => ({ error }));
      // What was wrong with one of them is not to fail the others.
      return Promise.all(
        changes.map(
          async (change) => (await this.#settle([change], change.patience))[0] as Settled,
        ),
      );
    }
  }

  /** All of them or none. The answers are in their order. */
  async #carryOut(changes: readonly Change<unknown>[], patience: Patience): Promise<unknown[]> {
    // The first write takes the lock of the writer. Usually nobody has it, and all is done in one pass. Own
    // writes come first in their transaction, and must not be told that somebody has it.
    if (!changes.some(({ isAlone }) => isAlone)) {
      patience.assertLeft();
      try {
        return this.#runOnce('begin', () => changes.map(made));
      } catch (error) {
        if (!isBusy(error)) throw error;
      }
    }
    const tableNames = [...new Set(changes.flatMap((change) => change.tableNames))];
    const answers = new Map<Change<unknown>, unknown>();
    const looking = changes.filter(({ looksFirst }) => looksFirst);
    if (looking.length > 0) {
      await this.#transact('begin', tableNames, patience, () => {
        for (const change of looking) {
          const { answer, apply } = change.plan();
          if (apply === undefined) answers.set(change, answer);
        }
      });
    }
    const writing = changes.filter((change) => !answers.has(change));
    if (writing.length > 0) {
      await this.#transact('begin immediate', tableNames, patience, () => {
        for (const change of writing) answers.set(change, made(change));
      });
    }
    return changes.map((change) => answers.get(change));
  }

  async #transact<Result>(
    begin: 'begin' | 'begin immediate',
    tableNames: readonly string[],
    patience: Patience,
    body: () => Result,
  ): Promise<Result> {
    patience.assertLeft();
    for (let attempt = 1; ; attempt++) {
      try {
        return this.#runOnce(begin, body);
      } catch (cause) {
        if (!isBusy(cause)) throw cause;
        publishObstacle({
          type: 'contention',
          attempt,
          durationMs: patience.elapsedMs,
          tableNames,
        });
        await sleepWhileBusy(attempt);
        patience.assertLeft({ cause });
      }
    }
  }

  #runOnce<Result>(begin: string, body: () => Result): Result {
    this.#begin(begin);
    let result: Result;
    try {
      result = body();
    } catch (error) {
      this.#rollBack();
      throw error;
    }
    this.#commit();
    return result;
  }

  #begin(begin: string): void {
    try {
      if (!this.#hasRightSettings) assertSettings(this.database);
      this.#hasRightSettings = true;
      this.database.exec(begin);
    } catch (error) {
      if (isInsideTransaction(error)) throw foreignTransaction();
      noteNothingWritten(error);
      throw error;
    }
  }

  #commit(): void {
    try {
      this.database.exec('commit');
    } catch (error) {
      // Still open: so nothing of it has happened. SQLite ends it by itself when the file cannot be written.
      if (this.#rollBack()) noteNothingWritten(error);
      else commitsInDoubt.add(error as object);
      throw error;
    }
  }

  /** Returns whether a transaction was open. */
  #rollBack(): boolean {
    try {
      this.database.exec('rollback');
      return true;
    } catch {
      return false;
    }
  }
}

function made(change: Change<unknown>): unknown {
  const { answer, apply } = change.plan();
  apply?.();
  return answer;
}

const FIRST_DELAY_MS = 2;
const MAX_DELAY_MS = 10;

/** Others hold the lock for a commit or a few; whoever waits must not meet them at the same instant again. */
function sleepWhileBusy(attempt: number): Promise<void> {
  const ceilingMs = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * attempt);
  return runtime.sleep(1 + runtime.random() * (ceilingMs - 1));
}

function foreignTransaction(): InvalidOptionError {
  return new InvalidOptionError(
    'database',
    'Expected `database` to be a connection without an open transaction, got one that has one. Nothing was ' +
      'written. Give the repositories a connection of their own; for writes of yours that belong to a call, use ' +
      '`alongside`.',
  );
}
