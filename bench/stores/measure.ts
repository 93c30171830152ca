// Runs a load with its contestants in turn, audits what they did, and computes the figures.
import { inTurn } from '../in-turn.js';
import type { Rounds } from '../results.js';
import { audit } from './audit.js';
import type { BenchStore, Stock } from './bench-store.js';
import type { Claimers, Rush } from './claimers.js';
import type { ContestantName, Place } from './contestant.js';
import type { Growth, Load, Snapshot } from './loads.js';
import type { ClaimTask, SeederName } from './task.js';

/** Of one contestant in one round. */
export interface ClaimFigures {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of the processes that claim, a claim. */
  readonly cpuMs: number;
  /** Calls that threw, a claim. */
  readonly errors: number;
}

export interface SeedingFigures {
  readonly perSecond: number;
  readonly cpuMs: number;
}

/** What was measured, by contestant. The same round of two of them ran at about the same time. */
export class Measurement {
  readonly #store: BenchStore;
  readonly #claimers: Claimers;
  readonly #onRun: () => void;

  constructor(store: BenchStore, claimers: Claimers, onRun: () => void) {
    this.#store = store;
    this.#claimers = claimers;
    this.#onRun = onRun;
  }

  claims(load: Load): Promise<Rounds<ContestantName, ClaimFigures>> {
    const { items, stock, maxMs } = load;
    const isSoldOut = stock === 'sold out';
    const isRepeat = stock === 'all have theirs';
    const assignedBefore = isSoldOut || isRepeat ? items : 0;
    const takenBy = isSoldOut ? 'others' : isRepeat ? 'the IDs of the same numbers' : 'nobody';
    const isToTheLast = stock === 'to the last item';
    return inTurn(load.contestants, load.rounds, (contestant) =>
      this.#withTables(contestant, { items, takenBy }, async (place) => {
        const rush = await this.#rush(contestant, place, load, {
          // Some more than there are items: the last ones are told that none is left.
          calls: isToTheLast ? items + load.callers : null,
          ids: isRepeat ? items : null,
          areIdsScattered: load.areIdsScattered,
          maxMs: isToTheLast ? LONG_MS : maxMs,
        });
        const outcome = await this.#store.outcome(contestant, place);
        checked(`${load.name}, ${contestant}`, () =>
          audit({ items, assignedBefore, answers: answersOf(rush) }, outcome),
        );
        return figuresOf(rush);
      }),
    );
  }

  async seeding(items: number, rounds: number): Promise<Rounds<SeederName, SeedingFigures>> {
    return inTurn(SEEDERS, rounds, async (contestant) => {
      const place = await this.#store.makeTables('storagebox');
      const { name: store } = this.#store;
      const report = await this.#claimers.seed({ kind: 'seed', store, contestant, place, items });
      const { freeItems } = await this.#store.outcome('storagebox', place);
      checked(`seeding, ${contestant}`, () => {
        if (freeItems !== items) throw new Error(`${items - freeItems} items are missing`);
      });
      await this.#store.dropTables(place);
      this.#onRun();
      return {
        perSecond: items / (report.elapsedMs / 1_000),
        cpuMs: report.cpuMs / items,
      };
    });
  }

  /** By the number of items. Sizes take turns, as contestants do. */
  async growth(growth: Growth): Promise<Rounds<string, ClaimFigures>> {
    const { sizes, claims, callers, rounds } = growth;
    const banks = new Map<
      string,
      { readonly place: Place; readonly items: number; used: number }
    >();
    const answers = new Map<string, Answers>();
    const close = async (size: string) => {
      const bank = banks.get(size);
      if (bank === undefined) return;
      const outcome = await this.#store.outcome('storagebox', bank.place);
      checked(`growth, ${size} items`, () =>
        audit({ items: bank.items, assignedBefore: 0, answers: answers.get(size) ?? [] }, outcome),
      );
      await this.#store.dropTables(bank.place);
      banks.delete(size);
      answers.delete(size);
    };
    const open = async (size: string) => {
      const items = Number(size);
      const place = await this.#store.makeTables('storagebox');
      await this.#store.fill('storagebox', place, { items, takenBy: 'nobody' });
      const bank = { place, items, used: 0 };
      banks.set(size, bank);
      return bank;
    };
    for (const size of sizes.map(String)) await open(size);
    const results = await inTurn(sizes.map(String), rounds, async (size) => {
      let bank = banks.get(size) ?? (await open(size));
      if (bank.used + claims > bank.items * MOST_USED) {
        await close(size);
        bank = await open(size);
      }
      const rush = await this.#rush(
        'storagebox',
        bank.place,
        { callers, processes: 1 },
        { first: bank.used, calls: claims, ids: null, maxMs: LONG_MS },
      );
      bank.used += claims;
      answers.set(size, [...(answers.get(size) ?? []), ...answersOf(rush)]);
      this.#onRun();
      return figuresOf(rush);
    });
    for (const size of sizes.map(String)) await close(size);
    return results;
  }

  async snapshot({
    items,
    claimsBefore,
    claims,
    callers,
    rounds,
  }: Snapshot): Promise<Rounds<SnapshotName, ClaimFigures>> {
    return inTurn(SNAPSHOTS, rounds, (name) =>
      this.#withTables('storagebox', { items, takenBy: 'nobody' }, async (place) => {
        const release = name === HELD ? await this.#store.holdSnapshot?.() : undefined;
        const rush = (first: number, calls: number) =>
          this.#rush(
            'storagebox',
            place,
            { callers, processes: 1 },
            { first, calls, ids: null, maxMs: LONG_MS },
          );
        const before = await rush(0, claimsBefore);
        const measured = await rush(claimsBefore, claims);
        await release?.();
        const outcome = await this.#store.outcome('storagebox', place);
        const answers = [...answersOf(before), ...answersOf(measured)];
        checked(name, () => audit({ items, assignedBefore: 0, answers }, outcome));
        return figuresOf(measured);
      }),
    );
  }

  async #withTables<Value>(
    contestant: ContestantName,
    stock: Stock,
    use: (place: Place) => Promise<Value>,
  ): Promise<Value> {
    const place = await this.#store.makeTables(contestant);
    await this.#store.fill(contestant, place, stock);
    const value = await use(place);
    await this.#store.dropTables(place);
    this.#onRun();
    return value;
  }

  #rush(
    contestant: ContestantName,
    place: Place,
    { callers, processes }: Pick<Load, 'callers' | 'processes'>,
    {
      first = 0,
      areIdsScattered = false,
      calls,
      ...limits
    }: Pick<ClaimTask, 'calls' | 'ids' | 'maxMs'> &
      Partial<Pick<ClaimTask, 'first' | 'areIdsScattered'>>,
  ): Promise<Rush> {
    const tasks = Array.from({ length: processes }, (_, process) => ({
      kind: 'claim' as const,
      store: this.#store.name,
      contestant,
      place,
      first: first + process,
      step: processes,
      calls: calls === null ? null : shareOf(calls, processes, process),
      areIdsScattered,
      callers: shareOf(callers, processes, process),
      ...limits,
    }));
    return this.#claimers.claim(tasks);
  }
}

export const HELD = 'with an old snapshot held';
export const SNAPSHOTS = ['no old snapshot', HELD] as const;
export type SnapshotName = (typeof SNAPSHOTS)[number];

const SEEDERS = ['storagebox', 'bare inserts'] as const satisfies readonly SeederName[];
/** For loads that end by themselves. */
const LONG_MS = 120_000;
/** A bank that is used up further is no longer of its size. */
const MOST_USED = 0.45;

type Answers = Rush['reports'][number]['answers'];

function checked(what: string, check: () => void): void {
  try {
    check();
  } catch (error) {
    throw new Error(`The audit of "${what}" failed: ${(error as Error).message}.`);
  }
}

function answersOf({ reports }: Rush): Answers {
  return reports.flatMap(({ answers }) => answers);
}

function figuresOf({ reports, elapsedMs }: Rush): ClaimFigures {
  const latenciesMs = Float64Array.from(reports.flatMap((report) => report.latenciesMs)).sort();
  const claims = Math.max(1, latenciesMs.length);
  const percentile = (share: number) => latenciesMs[Math.floor(latenciesMs.length * share)] ?? 0;
  const sum = (key: 'cpuMs' | 'errors') =>
    reports.reduce((total, report) => total + report[key], 0);
  return {
    perSecond: latenciesMs.length / (elapsedMs / 1_000),
    p50Ms: percentile(0.5),
    p99Ms: percentile(0.99),
    cpuMs: sum('cpuMs') / claims,
    errors: sum('errors') / claims,
  };
}

function shareOf(total: number, parts: number, part: number): number {
  return Math.floor(total / parts) + (part < total % parts ? 1 : 0);
}
