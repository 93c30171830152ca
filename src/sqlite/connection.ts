// One connection of the user's: its transactions, and the writes that share one. A driver answers at once, so a
// transaction begins and ends within one turn of the event loop, and no other call sees it open.
//
//   changes of this turn, in one transaction: each reads what there is, and writes if it has to
//        │ the first write: others have the lock, or had it since the first read
//        │   ── rollback, begin immediate, and all that had to write again
//        │   ── busy ── again in some milliseconds, until the patience ends ─────► ContentionError
//        │ one throws ── rollback, and each alone
//   commit ── each is answered
import { ContentionError, InvalidOptionError } from '../contracts/errors.js';
import { assertOption, hasMethods } from '../contracts/validation.js';
import { noteNothingWritten } from '../contracts/written.js';
import { publishObstacle } from '../environment/events.js';
import { runtime } from '../environment/runtime.js';
import { GroupCommit, type GroupOutcome, type GroupWrite } from '../store-kit/group-commit.js';
import { CLAIM_PATIENCE_MS, Patience } from '../store-kit/patience.js';
import type { SqliteDatabase } from './driver.js';
import { isBusy, isInsideTransaction } from './refusals.js';
import { assertSettings } from './settings.js';
import { Turns } from './turns.js';

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

/** A transaction that begins by reading gets the lock with its first write, if nobody else has it or had it since. */
type Begin = 'begin' | 'begin immediate';

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

export class SqliteConnection {
  readonly database: SqliteDatabase;
  readonly #groups = new GroupCommit<GroupedChange, Settled>(
    1,
    (changes, patience) => this.#carryGroup(changes, patience),
    { firstGroupSize: MAX_GROUP_SIZE, gather: () => this.#turns.gather() },
  );
  readonly #turns = new Turns();
  #hasRightSettings = false;

  constructor(database: SqliteDatabase) {
    this.database = database;
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
    const { isAlone = false, size = 1 } = change;
    if (isAlone) return this.#carryOutAlone(change);
    const maxGroupSize = Math.max(1, Math.floor(MAX_GROUP_SIZE / size));
    const settled = await this.#groups.write({ ...change, key: null, maxGroupSize });
    if ('error' in settled) throw settled.error;
    return settled.answer as Answer;
  }

  async #carryGroup(
    changes: readonly GroupedChange[],
    patience: Patience,
  ): Promise<GroupOutcome<Settled>> {
    this.#turns.noteGroup(changes.length);
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
  #carryOut(changes: readonly Change<unknown>[], patience: Patience): Promise<unknown[]> {
    const tableNames = [...new Set(changes.flatMap((change) => change.tableNames))];
    /** Answers that come from reads alone: they hold even if the lock cannot be had. */
    const known = new Map<Change<unknown>, unknown>();
    const carry = () => {
      const answers = new Map(known);
      let hasWritten = false;
      for (const change of changes) {
        if (answers.has(change)) continue;
        const { answer, apply } = change.plan();
        answers.set(change, answer);
        if (apply === undefined && !hasWritten) known.set(change, answer);
        if (apply === undefined) continue;
        hasWritten = true;
        apply();
      }
      return changes.map((change) => answers.get(change));
    };
    const begin = changes.some(({ looksFirst }) => looksFirst) ? 'begin' : 'begin immediate';
    return this.#transact(begin, tableNames, patience, carry, 'begin immediate');
  }

  /** Own writes are called with the lock only: they cannot tell a refusal from a lock that is not to be had. */
  async #carryOutAlone<Answer>(change: Change<Answer>): Promise<Answer> {
    const { tableNames, patience } = change;
    if (change.looksFirst) {
      const { answer, apply } = await this.read(tableNames, () => change.plan(), patience);
      if (apply === undefined) return answer;
    }
    return this.write(
      tableNames,
      () => {
        const { answer, apply } = change.plan();
        apply?.();
        return answer;
      },
      patience,
    );
  }

  async #transact<Result>(
    firstBegin: Begin,
    tableNames: readonly string[],
    patience: Patience,
    body: () => Result,
    laterBegin = firstBegin,
  ): Promise<Result> {
    patience.assertLeft();
    for (let attempt = 1, begin = firstBegin; ; attempt++) {
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
        // What was read may only have grown old: then the lock is free.
        if (begin === laterBegin) await sleepWhileBusy(attempt);
        begin = laterBegin;
        patience.assertLeft({ cause });
      }
    }
  }

  #runOnce<Result>(begin: Begin, body: () => Result): Result {
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

  #begin(begin: Begin): void {
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
