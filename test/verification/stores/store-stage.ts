// What a crash run needs of a store.
import { randomUUID } from 'node:crypto';
import { symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { packPackage, ROOT } from '../../support/packed-package.js';
import type { SaleEnd } from './judge.js';

export const STORES = ['postgres', 'sqlite'] as const;

export type StoreName = (typeof STORES)[number];

/** The tables of one sale, as the processes are told of them. */
export interface SaleTables {
  readonly itemBankTableName: string;
  readonly deduplicationTableName: string;
}

/** A store for as long as one run takes. */
export interface StoreStage {
  readonly store: StoreName;
  /** Errors that the harm is to cause, by what the messages say. */
  readonly failures: Readonly<Record<string, RegExp>>;
  /** What opens the sales in a process: the package, or a recipe. */
  readonly openers: { readonly library: string; readonly control: string };
  /** How the process of that number gets to the store. */
  wayOf(process: number): object;
  /** How a control does: nothing but its own recipe is in its way. */
  readonly plainWay: object;
  openSale(items: readonly string[], hasChanges: boolean): Promise<SaleTables>;
  /** Waits until every request has died. */
  settle(): Promise<void>;
  readSale(tables: SaleTables, hasChanges: boolean): Promise<SaleEnd>;
  /** Kills the store itself; absent where it is no process. */
  readonly crash?: () => Promise<void>;
  /** What was done to the requests, and whatever else there is to tell. */
  harmDone(): Promise<readonly Harm[]>;
}

/** A kind of harm, and how often it was done. */
export interface Harm {
  readonly what: string;
  readonly times: number;
  /** Whether it may be so often; by default it may. */
  readonly isRight?: boolean;
}

const DRIVERS = ['pg', 'postgres', 'libsql', 'better-sqlite3'];

/** A project with the package and all drivers, for as long as the work takes. */
export async function onProject<Result>(
  work: (project: string) => Promise<Result>,
): Promise<Result> {
  const packed = await packPackage();
  try {
    for (const driver of DRIVERS) {
      await symlink(
        join(ROOT, 'node_modules', driver),
        join(packed.project, 'node_modules', driver),
      );
    }
    return await work(packed.project);
  } finally {
    await packed.dispose();
  }
}

export function newTableNames(): SaleTables {
  const run = randomUUID().replaceAll('-', '').slice(0, 12);
  return { itemBankTableName: `bank_${run}`, deduplicationTableName: `assignments_${run}` };
}
