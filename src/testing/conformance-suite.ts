import type { ConformanceCheck, PromiseName, TestStorage } from './conformance-check.js';
import { deduplicationChecks } from './deduplication-checks.js';
import { failureChecks } from './failure-checks.js';
import { itemBankChecks } from './item-bank-checks.js';
import { pairChecks } from './pair-checks.js';

/** The two functions that vitest, Jest, Mocha and `node:test` have in common. */
export interface TestRunner {
  describe(name: string, body: () => void): void;
  test(name: string, body: () => Promise<void>): void;
}

/** Makes an empty storage of its own for each check. */
export type CreateStorage = () => TestStorage | Promise<TestStorage>;

/** Every check, by what it puts through its paces. */
export const conformanceChecks: Readonly<Record<string, readonly ConformanceCheck[]>> = {
  'item bank repository': itemBankChecks,
  'deduplication repository': deduplicationChecks,
  'deduplicator on the pair': pairChecks,
  'the pair when calls fail and processes crash': failureChecks,
};

/**
 * Registers every check with the runner. A backend that passes keeps the contracts of
 * `ItemBankRepository` and `DeduplicationRepository`, as far as a test can tell.
 */
export function conformanceSuite(runner: TestRunner, createStorage: CreateStorage): void {
  for (const [subject, checks] of Object.entries(conformanceChecks)) {
    runner.describe(subject, () => {
      for (const check of checks) {
        runner.test(titleOf(check), () => runOnStorage(check, createStorage));
      }
    });
  }
}

export interface ConformanceReport {
  readonly passed: readonly string[];
  readonly failed: readonly { readonly name: string; readonly error: unknown }[];
  /** Every promise that a failed check stands for, in order. */
  readonly brokenPromises: readonly PromiseName[];
}

/** Runs every check, one after the other, without a test runner, and tells which promises broke. */
export async function conformanceReport(createStorage: CreateStorage): Promise<ConformanceReport> {
  const passed: string[] = [];
  const failed: { name: string; error: unknown }[] = [];
  const broken = new Set<PromiseName>();
  for (const check of Object.values(conformanceChecks).flat()) {
    try {
      await runOnStorage(check, createStorage);
      passed.push(titleOf(check));
    } catch (error) {
      failed.push({ name: titleOf(check), error });
      for (const promise of check.promises) broken.add(promise);
    }
  }
  return { passed, failed, brokenPromises: [...broken].sort() };
}

function titleOf({ name, promises }: ConformanceCheck): string {
  return promises.length === 0 ? name : `${promises.join(', ')}: ${name}`;
}

async function runOnStorage(check: ConformanceCheck, createStorage: CreateStorage): Promise<void> {
  const storage = await createStorage();
  try {
    await check.run(storage);
  } finally {
    await storage.dispose?.();
  }
}
