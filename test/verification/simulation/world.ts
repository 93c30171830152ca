// One run: processes with callers, a network in which every request waits to be picked, and a clock
// that moves only when nothing else is chosen.
import { AsyncLocalStorage } from 'node:async_hooks';
import type { DynamoDBClient, TransactWriteItem } from '@aws-sdk/client-dynamodb';
import type {
  AddOperation,
  FetchOperation,
  FinalState,
  OperationWithRelease,
  ReleaseOperation,
  UnheardClaim,
} from '../checker/checker.js';
import { seeded } from '../checker/checker.js';
import type { Choices } from './choices.js';
import {
  cancelledBy,
  canHappen,
  claimsOf,
  isWrite,
  serverError,
  toldInPart,
  withoutItems,
} from './faults.js';
import type { AskedCall, Committed, Tables } from './judge-wishes.js';
import {
  DeduplicationDynamoDbRepository,
  Deduplicator,
  ItemBankDynamoDbRepository,
  runtime,
  writtenBy,
} from './library.js';
import type { AddCall, Call, CallForId, FaultKind, Scenario, Wishes } from './scenario.js';
import {
  type Commit,
  DEDUPLICATION,
  failure,
  ITEM_BANK,
  LEDGER,
  ORDERS,
  refusal,
  SimulatedDynamoDb,
} from './simulated-dynamodb.js';

/** More than any run needs that comes to an end. */
const MAX_STEPS = 2_000;
/** Attempts that a caller makes for one ID before it gives up. */
const MAX_ATTEMPTS = 3;
/** How many other things may happen while a transaction is visible in part: its commit does not wait. */
const MAX_STEPS_HALF_VISIBLE = 4;
/** How far a clock goes on each time that it is read, so that no two of its processes show one time. */
const TICK_OF_CLOCK_MS = 4;
/** What waiting for an answer that does not come costs. */
const TIMEOUT_MS = 6_000;

interface Process {
  isAlive: boolean;
  readonly callers: Set<Caller>;
  deduplicators: readonly InstanceType<typeof Deduplicator>[];
  itemRepo: InstanceType<typeof ItemBankDynamoDbRepository>;
}

interface Caller {
  readonly number: number;
  readonly processNumber: number;
  /** What is left to do. */
  readonly tasks: Task[];
  isBusy: boolean;
  /** The release that it waits for. */
  release?: Mutable<ReleaseOperation>;
  /** The call that it waits for, in a sale with wishes. */
  asked?: Mutable<AskedCall>;
}

type Attempt<Kind extends Call> = Kind & { readonly attempt: number };
type Task = Call extends infer Kind ? (Kind extends Call ? Attempt<Kind> : never) : never;

interface Request {
  readonly sentAt: number;
  readonly operation: string;
  // biome-ignore lint/suspicious/noExplicitAny: the input's type depends on the operation.
  readonly input: any;
  readonly process: Process;
  /** That sent it, in a sale with wishes. */
  readonly asked: AskedCall | undefined;
  answer(output: unknown): void;
  fail(error: Error): void;
}

/** Something that can happen next. */
interface Event {
  describe(): string;
  happen(): void;
}

interface Timer {
  readonly atMs: number;
  readonly process: Process;
  fire(): void;
}

interface ClaimCall {
  readonly id: string;
  readonly process: Process;
  readonly invokedAt: number;
  endedAt: number;
  /** It threw an error that says that it wrote nothing. */
  deniesWrites: boolean;
}

/** A call that threw; a process that crashes throws nothing. */
export interface FailedCall {
  /** Of a claim, a release or a retirement. */
  readonly id: string | undefined;
  readonly error: unknown;
}

export interface Run {
  readonly history: readonly OperationWithRelease[];
  /** What claims had sent that was on its way when they ended, and that was applied. */
  readonly unheardClaims: readonly UnheardClaim[];
  readonly finalState: FinalState;
  readonly isVisibleRowByRow: boolean;
  readonly isJudgedByReportsAlone: boolean;
  /** Items that were neither seeded nor part of more than one batch. */
  readonly itemsAddedOnce: ReadonlySet<string>;
  readonly faults: number;
  readonly crashes: number;
  readonly steps: number;
  readonly failedCalls: readonly FailedCall[];
  /** The IDs of claims that said that they wrote nothing, and did. */
  readonly deniedWrites: readonly string[];
  /** How many claims threw the failure of a write that was sent before they began. */
  readonly inheritedFailures: number;
  /** Calls that had not ended when nothing was left to happen. */
  readonly stuckCalls: number;
  readonly poisonedIds: readonly string[];
  /** What was wrong with requests that no caller should have sent. */
  readonly malformedRequests: readonly string[];
  /** Set for a sale with wishes: every call, and every state that the tables had. */
  readonly wishes: RecordedWishes | undefined;
}

export interface RecordedWishes {
  readonly tables: Tables;
  readonly calls: readonly AskedCall[];
  readonly commits: readonly Committed[];
}

/** The call whose code is running, of those in a sale with wishes. */
const senders = new AsyncLocalStorage<AskedCall>();

type Mutable<Type> = { -readonly [Key in keyof Type]: Type[Key] };

export class World {
  readonly #scenario: Scenario;
  readonly #choices: Choices;
  readonly #trace: ((event: string) => void) | undefined;
  readonly #dynamoDb: SimulatedDynamoDb;
  readonly #processes: Process[];
  readonly #callers: Caller[];
  /** Waiting to be picked. */
  readonly #requests: Request[] = [];
  /** Still on their way although nobody waits for them. */
  readonly #strays: Request[] = [];
  readonly #commits: Commit[] = [];
  /** Given, and still on their way back. */
  readonly #lateAnswers: (() => void)[] = [];
  readonly #timers: Timer[] = [];
  /** Timers that go off only when something takes long, which is a fault. */
  readonly #watches: Timer[] = [];
  readonly #history: Mutable<OperationWithRelease>[] = [];
  /** By the token of their request, which can be applied once. */
  readonly #unheardClaims = new Map<string, readonly UnheardClaim[]>();
  /** Of each item that a batch held and that was not there before, the adds; and how many they are. */
  readonly #adds = new Map<string, { operation: Mutable<AddOperation>; batches: number }>();
  readonly #failedCalls: FailedCall[] = [];
  readonly #asked: Mutable<AskedCall>[] = [];
  readonly #committed: Mutable<Committed>[] = [];
  readonly #claimCalls: ClaimCall[] = [];
  /** Every transaction that arrived, each time. */
  readonly #tries: Request[] = [];
  /** Of the transactions that the network delivered twice. */
  readonly #copiedTokens = new Set<string>();
  /** When the write was sent that failed so. */
  readonly #failedWrites = new WeakMap<object, number>();
  #inheritedFailures = 0;
  #ticks = 0;
  #stepsHalfVisible = 0;
  #nowMs = 0;
  #uuids = 0;
  #dates = 0;
  #faults = 0;
  #crashes = 0;
  /** The process whose code is running: timers belong to it. */
  #running: Process;

  /** @param trace is told each event of the run */
  constructor(scenario: Scenario, choices: Choices, trace?: (event: string) => void) {
    this.#scenario = scenario;
    this.#choices = choices;
    this.#trace = trace;
    this.#dynamoDb = new SimulatedDynamoDb(scenario.poisonedIds);
    this.#dynamoDb.seed(scenario.seeded);
    this.#dynamoDb.assign(scenario.assigned, scenario.wishes?.heldUntilMs);
    this.#dynamoDb.order(scenario.wishes?.ordered ?? []);
    if (scenario.ledger === 'filled') this.#dynamoDb.fillLedger(itemsBefore(scenario));
    this.#processes = Array.from({ length: scenario.processes }, () => this.#startProcess());
    this.#running = this.#processes[0] as Process;
    const callers = scenario.callers.map(({ process, calls }) => ({
      processNumber: process,
      tasks: calls.map((call): Task => ({ ...call, attempt: 1 })),
      isBusy: false,
    }));
    const adders = scenario.adders.map(({ process, items }) => ({
      processNumber: process,
      tasks: [{ kind: 'add', items, attempt: 1 } as const],
      isBusy: false,
    }));
    this.#callers = [...callers, ...adders].map((caller, number) => ({ ...caller, number }));
  }

  async run(): Promise<Run> {
    this.#takeOverRuntime();
    const tables = this.#tablesNow();
    for (const caller of this.#callers.slice(0, this.#scenario.callersAtOnce)) {
      this.#trace?.(describeBegin(caller));
      this.#begin(caller);
    }
    await allSettled();
    let steps = 0;
    while (this.#step()) {
      await allSettled();
      if (++steps > MAX_STEPS) break;
    }
    return {
      history: [...pastOf(this.#scenario), ...this.#history],
      unheardClaims: [...this.#unheardClaims].flatMap(([token, claims]) =>
        this.#dynamoDb.hasCommitted(token) ? claims : [],
      ),
      finalState: {
        bank: [...this.#dynamoDb.present(ITEM_BANK).keys()],
        assignments: new Map(
          [...this.#dynamoDb.present(DEDUPLICATION)].map(([id, row]) => [
            id,
            row.item_string?.S as string,
          ]),
        ),
      },
      faults: this.#faults,
      crashes: this.#crashes,
      steps,
      isVisibleRowByRow: this.#scenario.isVisibleRowByRow,
      isJudgedByReportsAlone: this.#scenario.isJudgedByReportsAlone,
      itemsAddedOnce: new Set(
        [...this.#adds].filter(([, { batches }]) => batches === 1).map(([item]) => item),
      ),
      failedCalls: this.#failedCalls,
      deniedWrites: this.#claimCalls
        .filter((call) => call.deniesWrites && this.#isUntrue(call))
        .map(({ id }) => id),
      inheritedFailures: this.#inheritedFailures,
      stuckCalls: this.#callers.filter(({ isBusy, tasks }) => isBusy || tasks.length > 0).length,
      poisonedIds: this.#scenario.poisonedIds,
      malformedRequests: this.#dynamoDb.malformedRequests,
      wishes: this.#scenario.wishes && {
        tables,
        calls: this.#asked,
        commits: this.#committed,
      },
    };
  }

  #tablesNow(): Tables {
    return {
      bank: this.#dynamoDb.present(ITEM_BANK),
      assignments: this.#dynamoDb.present(DEDUPLICATION),
      orders: this.#dynamoDb.present(ORDERS),
      maxHoldMs: this.#scenario.wishes?.maxHoldMs,
    };
  }

  /** Lets one thing happen; `false` when nothing can. */
  #step(): boolean {
    this.#stepsHalfVisible = this.#commits.length > 0 ? this.#stepsHalfVisible + 1 : 0;
    const isHalfVisible = this.#stepsHalfVisible > MAX_STEPS_HALF_VISIBLE;
    let ordinary = this.#ordinaryEvents();
    let faulty = isHalfVisible ? [] : this.#faultyEvents();
    if (ordinary.length === 0) {
      // Nobody can go on: what is still on its way arrives, and no crash covers up a call that hangs.
      ordinary = this.#callers.some(({ isBusy }) => isBusy) ? [] : this.#strayEvents();
      faulty = [];
    }
    if (ordinary.length === 0) return false;
    const event = [...ordinary, ...faulty][this.#choices.pick(ordinary.length, faulty.length)];
    if (event === undefined) throw new RangeError('The path does not fit the scenario.');
    this.#trace?.(`${this.#nowMs} ms: ${event.describe()}`);
    event.happen();
    return true;
  }

  #ordinaryEvents(): Event[] {
    const events: Event[] = [];
    for (const commit of this.#commits) {
      commit.actions.forEach((_, position) => {
        events.push({
          describe: () => 'a row of a transaction becomes visible',
          happen: () => this.#applyRow(commit, position),
        });
      });
    }
    if (this.#stepsHalfVisible > MAX_STEPS_HALF_VISIBLE) return events;
    for (const request of this.#requests) {
      events.push({
        describe: () => `${this.#nameOf(request)} is answered`,
        happen: () => this.#deliver(take(this.#requests, request)),
      });
    }
    for (const answer of this.#lateAnswers) {
      events.push({
        describe: () => 'a late answer arrives',
        happen: () => take(this.#lateAnswers, answer)(),
      });
    }
    const [earliest] = this.#timers;
    if (earliest !== undefined) {
      events.push({
        describe: () => `time goes on to ${earliest.atMs} ms`,
        happen: () => this.#fire(earliest),
      });
    }
    for (const caller of this.#callers) {
      if (caller.isBusy || caller.tasks.length === 0) continue;
      events.push({
        describe: () => describeBegin(caller),
        happen: () => this.#begin(caller),
      });
    }
    return events;
  }

  #strayEvents(): Event[] {
    return this.#strays.map((stray) => ({
      describe: () => `${this.#nameOf(stray)} arrives, unheard`,
      happen: () => this.#deliver(take(this.#strays, stray)),
    }));
  }

  #faultyEvents(): Event[] {
    const events = this.#strayEvents();
    if (this.#faults < this.#scenario.maxFaults) {
      for (const request of this.#requests) {
        for (const kind of this.#scenario.faultKinds) {
          if (!canHappen(kind, request, this.#dynamoDb)) continue;
          events.push({
            describe: () => `${this.#nameOf(request)}: ${kind}`,
            happen: () => this.#goWrong(take(this.#requests, request), kind),
          });
        }
      }
    }
    const [earliest] = this.#watches;
    const mayBeSlow = this.#scenario.faultKinds.includes('slow');
    if (earliest !== undefined && mayBeSlow && this.#faults < this.#scenario.maxFaults) {
      events.push({
        describe: () => `nothing is answered until ${earliest.atMs} ms`,
        happen: () => {
          this.#faults++;
          this.#passTime(earliest.atMs);
        },
      });
    }
    if (this.#crashes < this.#scenario.maxCrashes) {
      for (const process of this.#processes) {
        if (process.callers.size === 0) continue;
        events.push({
          describe: () => `process ${this.#processes.indexOf(process)} crashes`,
          happen: () => this.#crash(process),
        });
      }
    }
    return events;
  }

  #nameOf({ operation, input, process }: Request): string {
    const number = this.#processes.indexOf(process);
    const sender = number < 0 ? 'a dead process' : `process ${number}`;
    return `${operation} of ${sender} ${JSON.stringify(input)}`;
  }

  #fire(timer: Timer): void {
    take(this.#timers, timer);
    this.#passTime(timer.atMs);
    this.#resume(timer.process, () => timer.fire());
  }

  #passTime(toMs: number): void {
    this.#nowMs = Math.max(this.#nowMs, toMs);
    for (const watch of this.#watches.filter(({ atMs }) => atMs <= toMs)) {
      take(this.#watches, watch);
      this.#resume(watch.process, () => watch.fire());
    }
  }

  #applyRow(commit: Commit, position: number): void {
    if (this.#dynamoDb.apply(commit, position)) take(this.#commits, commit);
  }

  /** What the request asks for happens, and its answer arrives. */
  #deliver(request: Request, staleness = 0): void {
    if (isWrite(request)) {
      this.#decide(request);
      return;
    }
    try {
      request.answer(this.#read(request, staleness));
    } catch (error) {
      request.fail(error as Error);
    }
  }

  #read({ operation, input }: Request, staleness: number): unknown {
    const readOptions = {
      staleness,
      placeOfMadeUpKey: (places: number) => this.#choices.pick(places, 0),
    };
    switch (operation) {
      case 'DescribeTableCommand':
        return this.#dynamoDb.describeTable(input);
      case 'GetItemCommand':
        return this.#dynamoDb.getItem(input, readOptions);
      case 'ScanCommand':
        return this.#dynamoDb.scan(input, readOptions);
      case 'BatchGetItemCommand':
        return this.#dynamoDb.batchGet(input, readOptions);
      case 'TransactGetItemsCommand':
        return this.#dynamoDb.transactGet(input);
      default:
        throw new Error(`The simulation does not know ${operation}.`);
    }
  }

  #decide(request: Request): void {
    this.#tries.push(request);
    const committed = this.#committedBy(request);
    try {
      const commit = this.#dynamoDb.decide(request.input, () => {
        committed.doneAt = ++this.#ticks;
        request.answer({});
      });
      if (commit !== null && this.#scenario.wishes !== undefined) this.#committed.push(committed);
      if (commit === null) request.answer({});
      else if (this.#scenario.isVisibleRowByRow && commit.actions.length > 1) {
        this.#commits.push(commit);
      } else {
        while (!this.#dynamoDb.apply(commit, 0));
      }
    } catch (error) {
      request.fail(error as Error);
    }
  }

  /** What it will be if it commits. */
  #committedBy({ input, asked }: Request): Mutable<Committed> {
    const isNoted = this.#scenario.wishes !== undefined;
    return {
      decidedAt: ++this.#ticks,
      doneAt: Number.POSITIVE_INFINITY,
      changes: isNoted ? this.#dynamoDb.changesOf(input.TransactItems) : [],
      isCopied: this.#copiedTokens.has(input.ClientRequestToken),
      call: asked,
    };
  }

  #goWrong(request: Request, kind: FaultKind): void {
    this.#faults++;
    const pickOne = (possibilities: number) =>
      possibilities > 1 ? this.#choices.pick(possibilities, 0) : 0;
    const unheard: Request = { ...request, answer: () => {}, fail: () => {} };
    const timeOut = () => {
      this.#nowMs += TIMEOUT_MS;
      request.fail(failure('TimeoutError'));
    };
    const happenings: Record<FaultKind, () => void> = {
      dropped: timeOut,
      'response lost': () => {
        this.#deliver(unheard);
        timeOut();
      },
      late: () => {
        this.#stray(unheard);
        timeOut();
      },
      'delivered twice': () => {
        this.#copiedTokens.add(request.input.ClientRequestToken);
        this.#stray(unheard);
        this.#deliver(request);
      },
      'server error': () => request.fail(serverError()),
      'malformed reply': () => {
        this.#deliver(unheard);
        request.fail(failure('SyntaxError'));
      },
      throttled: () => request.fail(refusal('ThrottlingException')),
      conflict: () => request.fail(cancelledBy(request, 'TransactionConflict', pickOne)),
      'throttling reason': () => request.fail(cancelledBy(request, 'ThrottlingError', pickOne)),
      'reason without item': () =>
        this.#deliver({ ...request, fail: (error) => request.fail(withoutItems(error, pickOne)) }),
      'reasons told in part': () =>
        this.#deliver({ ...request, fail: (error) => request.fail(toldInPart(error, pickOne)) }),
      'answer late': () =>
        this.#deliver({
          ...request,
          answer: (output) => this.#lateAnswers.push(() => request.answer(output)),
          fail: (error) => this.#lateAnswers.push(() => request.fail(error)),
        }),
      'stale read': () => this.#deliver(request, 1 + this.#choices.pick(3, 0)),
      refused: () => request.fail(refusal('AccessDeniedException')),
      'empty page': () => request.answer(this.#dynamoDb.emptyPage(request.input)),
      slow: () => {},
    };
    happenings[kind]();
  }

  /** The process ends at once; its requests stay on their way; another one takes its place. */
  #crash(process: Process): void {
    this.#crashes++;
    process.isAlive = false;
    const number = this.#processes.indexOf(process);
    this.#processes[number] = this.#startProcess();
    for (const request of this.#requests.filter((one) => one.process === process)) {
      take(this.#requests, request);
      // A read that nobody hears changes nothing.
      if (isWrite(request)) this.#stray(request);
    }
    for (const timers of [this.#timers, this.#watches]) {
      for (const timer of timers.filter((one) => one.process === process)) take(timers, timer);
    }
    for (const caller of process.callers) {
      caller.isBusy = false;
      if (caller.release !== undefined) caller.release.gaveUpAt = ++this.#ticks;
      delete caller.release;
      if (caller.asked !== undefined) caller.asked.endedAt = ++this.#ticks;
      delete caller.asked;
    }
  }

  #stray(request: Request): void {
    this.#strays.push(request);
    const { ClientRequestToken: token } = request.input;
    const claims = claimsOf(request).map(
      (claim): UnheardClaim => ({
        kind: 'unheard claim',
        ...claim,
        invokedAt: ++this.#ticks,
        returnedAt: Number.POSITIVE_INFINITY,
      }),
    );
    this.#unheardClaims.set(token, claims);
  }

  #startProcess(): Process {
    const process = { isAlive: true, callers: new Set<Caller>() } as Process;
    const client = {
      config: { region: async () => 'simulated' },
      send: (command: { constructor: { name: string }; input: unknown }) =>
        this.#send(process, command.constructor.name, command.input),
    } as unknown as DynamoDBClient;
    const { fetchLimit, skipFirstRead, deduplicators, ledger, wishes } = this.#scenario;
    process.itemRepo = new ItemBankDynamoDbRepository({
      tableName: ITEM_BANK,
      ledgerTableName: ledger === 'none' ? undefined : LEDGER,
      client,
      fetchLimit,
    });
    const { itemRepo } = process;
    const deduplicationRepo = new DeduplicationDynamoDbRepository({
      tableName: DEDUPLICATION,
      holdIndexName: wishes?.hasHoldIndex ? 'holds' : undefined,
      client,
    });
    process.deduplicators = Array.from(
      { length: deduplicators },
      () =>
        new Deduplicator({
          itemRepo,
          deduplicationRepo,
          skipFirstRead,
          maxHoldMs: wishes?.maxHoldMs,
        }),
    );
    return process;
  }

  #send(process: Process, operation: string, input: unknown): Promise<unknown> {
    const sentAt = ++this.#ticks;
    return new Promise((resolve, reject) => {
      this.#requests.push({
        sentAt,
        operation,
        input,
        process,
        asked: senders.getStore(),
        answer: (output) => this.#resume(process, () => resolve(output)),
        fail: (error) => {
          if (operation === 'TransactWriteItemsCommand') this.#failedWrites.set(error, sentAt);
          this.#resume(process, () => reject(error));
        },
      });
    });
  }

  /** A dead process hears nothing any more. */
  #resume(process: Process, action: () => void): void {
    if (!process.isAlive) return;
    this.#running = process;
    action();
  }

  #begin(caller: Caller): void {
    const process = this.#processes[caller.processNumber] as Process;
    const [task] = caller.tasks;
    if (task === undefined) return;
    caller.isBusy = true;
    process.callers.add(caller);
    this.#running = process;
    const end = () => {
      process.callers.delete(caller);
      caller.isBusy = false;
    };
    if (task.kind === 'add') this.#add(process, caller, task, end);
    else if (this.#scenario.wishes !== undefined) this.#ask(process, caller, task, end);
    else if (task.kind === 'claim') this.#claim(process, caller, task, end);
    else if (task.kind === 'release' || task.kind === 'retire')
      this.#release(process, caller, task, end);
    else throw new Error(`A scenario with a ${task.kind} needs wishes.`);
  }

  /** Any call of a sale with wishes. */
  #ask(
    process: Process,
    caller: Caller,
    task: Exclude<Task, { kind: 'add' }>,
    end: () => void,
  ): void {
    const asked: Mutable<AskedCall> = {
      call: task,
      invokedAt: ++this.#ticks,
      endedAt: Number.POSITIVE_INFINITY,
      clockMs: 0,
    };
    this.#asked.push(asked);
    caller.asked = asked;
    const doNotAskAgain = this.#askAgain(caller, task);
    const deduplicator = this.#deduplicatorOf(process, caller);
    const answer = senders.run(asked, () => answerTo(task, deduplicator));
    asked.clockMs = this.#clockMs(this.#processes.indexOf(process));
    const ended = () => {
      asked.endedAt = ++this.#ticks;
      delete caller.asked;
      end();
    };
    answer.then(
      (value: unknown) => {
        if (!process.isAlive) return;
        doNotAskAgain();
        asked.answer = { value };
        ended();
      },
      (error: unknown) => {
        if (!process.isAlive) return;
        asked.failure = { error, saysNothingWritten: writtenBy(error) === 'nothing' };
        this.#failedCalls.push({ id: undefined, error });
        ended();
      },
    );
  }

  #clockMs(processNumber: number): number {
    const { aheadMs = [] } = this.#scenario.wishes as Wishes;
    return this.#dates * TICK_OF_CLOCK_MS + (aheadMs[processNumber] ?? 0) + processNumber;
  }

  #claim(process: Process, caller: Caller, task: Attempt<CallForId>, end: () => void): void {
    const { id } = task;
    const fetch: Mutable<FetchOperation> = {
      kind: 'fetch',
      id,
      invokedAt: ++this.#ticks,
      returnedAt: Number.POSITIVE_INFINITY,
      result: undefined,
    };
    this.#history.push(fetch);
    const { invokedAt } = fetch;
    const call = { id, process, invokedAt, endedAt: Number.POSITIVE_INFINITY, deniesWrites: false };
    this.#claimCalls.push(call);
    const doNotAskAgain = this.#askAgain(caller, task);
    this.#deduplicatorOf(process, caller)
      .claim(id)
      .then(
        ({ status, item }) => {
          if (!process.isAlive) return;
          doNotAskAgain();
          fetch.result = item;
          fetch.isFirstHandOut = status === 'claimed';
          fetch.returnedAt = ++this.#ticks;
          call.endedAt = fetch.returnedAt;
          end();
        },
        (error: unknown) => {
          if (!process.isAlive) return;
          this.#failedCalls.push({ id, error });
          call.endedAt = ++this.#ticks;
          call.deniesWrites = writtenBy(error) === 'nothing';
          if (this.#isInherited(error, fetch.invokedAt)) this.#inheritedFailures++;
          end();
        },
      );
  }

  #deduplicatorOf({ deduplicators }: Process, { number }: Caller) {
    return deduplicators[number % deduplicators.length] as InstanceType<typeof Deduplicator>;
  }

  /**
   * Whether a transaction with the claim was applied that its process sent meanwhile. A claim at the same
   * time for the same ID may have sent it, and nobody can know of a second copy that the network makes.
   */
  #isUntrue(call: ClaimCall): boolean {
    const { id, process, invokedAt, endedAt } = call;
    const isAmongOthers = this.#claimCalls.some(
      (other) =>
        other !== call &&
        other.id === id &&
        other.process === process &&
        other.invokedAt < endedAt &&
        other.endedAt > invokedAt,
    );
    if (isAmongOthers) return false;
    return this.#tries.some(
      ({ sentAt, ...request }) =>
        sentAt > invokedAt &&
        sentAt < endedAt &&
        request.process === process &&
        claimsOf(request).some((claim) => claim.id === id) &&
        !this.#copiedTokens.has(request.input.ClientRequestToken) &&
        this.#dynamoDb.hasCommitted(request.input.ClientRequestToken),
    );
  }

  /** Whether the error, or a cause of it, is the failure of a write that was sent before that time. */
  #isInherited(error: unknown, invokedAt: number): boolean {
    if (!(error instanceof Error)) return false;
    const sentAt = this.#failedWrites.get(error) ?? invokedAt;
    return sentAt < invokedAt || this.#isInherited(error.cause, invokedAt);
  }

  #release(process: Process, caller: Caller, task: Attempt<CallForId>, end: () => void): void {
    const { id, kind } = task;
    const deduplicator = this.#deduplicatorOf(process, caller);
    const release: Mutable<ReleaseOperation> = {
      kind: 'release',
      id,
      fate: kind === 'retire' ? 'retire' : 'return',
      invokedAt: ++this.#ticks,
      returnedAt: Number.POSITIVE_INFINITY,
      result: undefined,
    };
    this.#history.push(release);
    caller.release = release;
    const doNotAskAgain = this.#askAgain(caller, task);
    const answer =
      kind === 'retire'
        ? deduplicator.retireItemForDeduplicationId(id)
        : deduplicator.releaseItemForDeduplicationId(id);
    answer.then(
      (item) => {
        if (!process.isAlive) return;
        doNotAskAgain();
        delete caller.release;
        release.result = item;
        release.returnedAt = ++this.#ticks;
        end();
      },
      (error: unknown) => {
        if (!process.isAlive) return;
        delete caller.release;
        release.gaveUpAt = ++this.#ticks;
        this.#failedCalls.push({ id, error });
        end();
      },
    );
  }

  /** Whoever does not hear the answer asks again; the function is for those who do. */
  #askAgain(caller: Caller, task: Task): () => void {
    // Without a ledger, a batch is not to be made again while the sale is on.
    const isMadeOnce = task.kind === 'add' && this.#scenario.ledger === 'none';
    const isLastAttempt = isMadeOnce || task.attempt === MAX_ATTEMPTS;
    caller.tasks.shift();
    if (isLastAttempt) return () => {};
    caller.tasks.unshift({ ...task, attempt: task.attempt + 1 });
    return () => {
      caller.tasks.shift();
    };
  }

  #add(process: Process, caller: Caller, task: Attempt<AddCall>, end: () => void): void {
    const invokedAt = ++this.#ticks;
    const itemsThere = itemsBefore(this.#scenario);
    const adds = task.items
      .filter((item) => !itemsThere.includes(item))
      .map((item) => this.#noteAdd(item, invokedAt));
    const doNotAskAgain = this.#askAgain(caller, task);
    process.itemRepo.batchAddItems(task.items).then(
      () => {
        if (!process.isAlive) return;
        doNotAskAgain();
        const returnedAt = ++this.#ticks;
        for (const add of adds) add.returnedAt = Math.min(add.returnedAt, returnedAt);
        end();
      },
      (error: unknown) => {
        if (!process.isAlive) return;
        this.#failedCalls.push({ id: undefined, error });
        end();
      },
    );
  }

  /** An item enters once, whichever of the batches that hold it brings it in. */
  #noteAdd(item: string, invokedAt: number): Mutable<AddOperation> {
    const earlier = this.#adds.get(item);
    if (earlier !== undefined) {
      earlier.batches++;
      return earlier.operation;
    }
    const operation: Mutable<AddOperation> = {
      kind: 'add',
      items: [item],
      invokedAt,
      returnedAt: Number.POSITIVE_INFINITY,
    };
    this.#adds.set(item, { operation, batches: 1 });
    this.#history.push(operation);
    return operation;
  }

  #takeOverRuntime(): void {
    runtime.nowMs = () => this.#nowMs;
    // No two are the same: a release tells assignments apart by it.
    runtime.date = () => {
      this.#dates++;
      const isPlain = this.#scenario.wishes === undefined;
      const runningNumber = this.#processes.indexOf(this.#running);
      return new Date(isPlain ? this.#dates : this.#clockMs(runningNumber));
    };
    runtime.random = () => this.#choices.random();
    runtime.uuid = () => `uuid-${++this.#uuids}`;
    runtime.sleep = (delayMs) =>
      new Promise((resolve) => {
        this.#timers.push({ atMs: this.#nowMs + delayMs, process: this.#running, fire: resolve });
        this.#timers.sort((some, other) => some.atMs - other.atMs);
      });
    runtime.after = (delayMs, fire) => {
      const watch = { atMs: this.#nowMs + delayMs, process: this.#running, fire };
      this.#watches.push(watch);
      this.#watches.sort((some, other) => some.atMs - other.atMs);
      return () => {
        if (this.#watches.includes(watch)) take(this.#watches, watch);
      };
    };
  }
}

function answerTo(
  task: Exclude<Call, AddCall>,
  deduplicator: InstanceType<typeof Deduplicator>,
): Promise<unknown> {
  switch (task.kind) {
    case 'sweep':
      return deduplicator.releaseExpiredHolds();
    case 'group': {
      const { ids, holdForMs, order } = task;
      const alongside = (
        members: readonly { deduplicationId: string; item: string; status: string }[],
      ) =>
        members
          .filter(({ status }) => status === 'claimed')
          .map(({ deduplicationId, item }) => orderRow(deduplicationId, item, order));
      return deduplicator.claimAll(ids, { holdForMs, alongside: order && alongside });
    }
    case 'release':
      return deduplicator.releaseItemForDeduplicationId(task.id);
    case 'retire':
      return deduplicator.retireItemForDeduplicationId(task.id);
    case 'confirm':
    case 'claim': {
      const { id, item, holdForMs, order } = task;
      const alongside = order && ((got: string) => [orderRow(id, got, order)]);
      if (task.kind === 'confirm') return deduplicator.confirm(id, { item, alongside });
      return deduplicator.claim(id, { item, holdForMs, alongside });
    }
  }
}

function orderRow(id: string, item: string, order: 'new' | 'any' | undefined): TransactWriteItem {
  const Item = { order_id: { S: id }, item_string: { S: item } };
  const condition = {
    ConditionExpression: 'attribute_not_exists(#order)',
    ExpressionAttributeNames: { '#order': 'order_id' },
  };
  return { Put: { TableName: ORDERS, Item, ...(order === 'new' && condition) } };
}

function describeBegin({ processNumber, tasks }: Caller): string {
  return `process ${processNumber} begins ${JSON.stringify(tasks[0])}`;
}

function itemsBefore({ seeded: items, assigned }: Scenario): readonly string[] {
  return [...items, ...Object.values(assigned)];
}

/** What was seeded and assigned, as calls before the first one. */
function pastOf(scenario: Scenario): OperationWithRelease[] {
  return [
    seeded(itemsBefore(scenario)),
    ...Object.entries(scenario.assigned).map(([id, item]) => ({
      kind: 'fetch' as const,
      id,
      invokedAt: Number.NEGATIVE_INFINITY,
      returnedAt: Number.NEGATIVE_INFINITY,
      result: item,
    })),
  ];
}

/** Everything that follows from the last event without a new one. */
function allSettled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function take<Element>(elements: Element[], element: Element): Element {
  elements.splice(elements.indexOf(element), 1);
  return element;
}
