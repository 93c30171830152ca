// One connection of the user's: its transactions, and the writes that share one. A driver answers at once, so a
// transaction begins and ends within one turn of the event loop, and no other call sees it open.
//
//   changes of this turn, in one transaction: each reads what there is, and writes if it has to. It begins with the
//   lock if the last one wrote, and nobody else has it
//        │ nothing to write ─────────────────────────────────────────────────────► its answer
//        │ one throws ── rollback, and each alone
//        │ others have the lock, or had it since the first read ── rollback
//        │                └─ those that have to write, in one transaction that begins with the lock
//        │                     │ busy ── again in some milliseconds, until the patience ends ─► ContentionError
//   commit ── each is answered
import { AlongsideRefusedError, ContentionError, InvalidOptionError } from '../contracts/errors.js';
import { assertOption, hasMethods } from '../contracts/validation.js';
import { noteNothingWritten } from '../contracts/written.js';
import { publishObstacle } from '../environment/events.js';
import { runtime } from '../environment/runtime.js';
import { GroupCommit, type GroupWrite } from '../store-kit/group-commit.js';
import { CLAIM_PATIENCE_MS, Patience } from '../store-kit/patience.js';
import { quoted, type SqliteDatabase } from './driver.js';
import { explainRefusal, isBusy, isConstraint, isInsideTransaction } from './refusals.js';
import { assertSettings } from './settings.js';
import { nextTurn, Turns } from './turns.js';

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
  readonly tableNames: readonly [string, ...string[]];
  readonly patience: Patience;
  /** Called in a transaction, perhaps in several. Must not write. */
  readonly plan: () => Plan<Answer>;
  /** It shares no transaction with others: it may fail by itself. */
  readonly isAlone?: boolean | undefined;
  /** About how many rows of either table it writes. Default: 1. */
  readonly size?: number | undefined;
}

type Settled = { readonly answer: unknown } | { readonly error: unknown };

/** It has to write, and could not. */
const NEEDS_LOCK = Symbol('needs the lock');

/** A transaction that begins by reading gets the lock with its first write, if nobody else has it or had it since. */
type Begin = 'begin' | 'begin immediate';

interface GroupedChange extends GroupWrite, Change<unknown> {}

function grouped(change: Change<unknown>): GroupedChange {
  const maxGroupSize = Math.max(1, Math.floor(MAX_GROUP_SIZE / (change.size ?? 1)));
  return { ...change, key: null, maxGroupSize };
}

/** A change that goes alone unless others come before the next promise continues. */
interface First {
  readonly change: Change<unknown>;
  queued: Promise<Settled | typeof NEEDS_LOCK> | null;
}

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

/** What became of transactions whose commit failed. */
const failedCommits = new WeakMap<object, 'rolledBack' | 'inDoubt'>();

/** Whether it is the error of a commit of which nobody knows whether it has happened. */
export function isCommitInDoubt(error: unknown): boolean {
  return failedCommits.get(error as object) === 'inDoubt';
}

export class SqliteConnection {
  readonly database: SqliteDatabase;
  readonly #turns = new Turns();
  readonly #changes = new GroupCommit<GroupedChange, Settled | typeof NEEDS_LOCK>(
    1,
    async (changes) => {
      this.#turns.noteGroup(changes.length);
      return { group: 'committed', outcomes: this.#tryOnce(changes) };
    },
    { firstGroupSize: MAX_GROUP_SIZE, gather: nextTurn },
  );
  readonly #changesWithLock = new GroupCommit<GroupedChange, Settled>(
    1,
    async (changes, patience) => ({
      group: 'committed',
      outcomes: await this.#settle(changes, patience),
    }),
    { firstGroupSize: MAX_GROUP_SIZE },
  );
  #hasRightSettings = false;
  #first: First | null = null;
  #hasJustWritten = false;

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
    if (change.isAlone) return this.#carryOutAlone(change);
    let outcome: Settled | typeof NEEDS_LOCK;
    if (this.#first === null && this.#changes.isIdle && this.#turns.mayGoAtOnce()) {
      const first: First = { change, queued: null };
      this.#first = first;
      // Others may be made in one go with it. If not, it passes the queue by.
      await undefined;
      if (first.queued === null) {
        this.#first = null;
        outcome = this.#tryOnce([change])[0] as typeof outcome;
      } else outcome = await first.queued;
    } else {
      this.#queueFirst();
      outcome = await this.#changes.write(grouped(change));
    }
    if (outcome === NEEDS_LOCK) outcome = await this.#changesWithLock.write(grouped(change));
    this.#turns.noteAnswer();
    if ('error' in outcome) throw outcome.error;
    return outcome.answer as Answer;
  }

  #queueFirst(): void {
    if (this.#first === null) return;
    this.#first.queued = this.#changes.write(grouped(this.#first.change));
    this.#first = null;
  }

  /**
   * Does what can be done without waiting for the lock.
   *
   * @param mayWrite not while others of the process wait for it: they come first
   */
  #tryOnce(
    changes: readonly Change<unknown>[],
    mayWrite = !this.#changesWithLock.isRush,
  ): (Settled | typeof NEEDS_LOCK)[] {
    // Whoever has just written is likely to write again.
    const takesLock = mayWrite && this.#hasJustWritten;
    this.#hasJustWritten = false;
    let hasBegun = false;
    let hasLock = takesLock;
    const carry = ({ plan, tableNames }: Change<unknown>) => {
      const { answer, apply } = plan();
      if (apply === undefined) return { answer };
      if (!mayWrite) return NEEDS_LOCK;
      if (!hasLock) this.#takeLock(tableNames[0]);
      hasLock = true;
      apply();
      this.#hasJustWritten = true;
      return { answer };
    };
    try {
      return this.#runOnce(takesLock ? 'begin immediate' : 'begin', () => {
        hasBegun = true;
        return changes.map(carry);
      });
    } catch (error) {
      this.#hasJustWritten = false;
      if (isBusy(error)) {
        return mayWrite ? this.#tryOnce(changes, false) : changes.map(() => NEEDS_LOCK);
      }
      // It may only read now: what has nothing to write needs no lock.
      if (takesLock && !hasBegun) return this.#tryOnce(changes, mayWrite);
      if (changes.length === 1 || isCommitInDoubt(error)) return changes.map(() => ({ error }));
      // What was wrong with one of them is not to fail the others.
      return changes.flatMap((change) => this.#tryOnce([change]));
    }
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
      if (patience.signal?.aborted || isCommitInDoubt(error)) return changes.map(() => ({ error }));
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
    return this.write(tableNames, () => changes.map(carryOut), patience);
  }

  /** Own writes are called with the lock only: they cannot tell a refusal from a lock that is not to be had. */
  async #carryOutAlone<Answer>(change: Change<Answer>): Promise<Answer> {
    const { tableNames, patience } = change;
    const { answer, apply } = await this.read(tableNames, () => change.plan(), patience);
    if (apply === undefined) return answer;
    return this.write(tableNames, () => carryOut(change), patience).catch((cause: unknown) => {
      // Constraints that are checked at the end, such as a foreign key of the caller's.
      const isRefusedAtCommit = isConstraint(cause) && failedCommits.has(cause as object);
      throw isRefusedAtCommit ? new AlongsideRefusedError([cause], { cause }) : cause;
    });
  }

  async #transact<Result>(
    begin: Begin,
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

  /**
   * Turns a transaction that has only read into one that writes, or is busy. Not left to the first prepared
   * statement that writes: libsql keeps one that was busy in progress, and then nothing can be committed.
   */
  #takeLock(tableName: string): void {
    try {
      this.database.exec(`delete from ${quoted(tableName)} where false`);
    } catch (error) {
      throw explainRefusal(error, tableName);
    }
  }

  #commit(): void {
    try {
      this.database.exec('commit');
    } catch (error) {
      // Still open: so nothing of it has happened. SQLite ends it by itself when the file cannot be written.
      const isRolledBack = this.#rollBack();
      if (isRolledBack) noteNothingWritten(error);
      failedCommits.set(error as object, isRolledBack ? 'rolledBack' : 'inDoubt');
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

function carryOut<Answer>({ plan }: Change<Answer>): Answer {
  const { answer, apply } = plan();
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
