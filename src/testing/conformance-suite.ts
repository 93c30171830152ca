import type { ConformanceCheck, PromiseName, TestStorage } from './conformance-check.js';
import { deduplicationChecks } from './deduplication-checks.js';
import { failureChecks } from './failure-checks.js';
import { itemBankChecks } from './item-bank-checks.js';
import { pairChecks } from './pair-checks.js';
import { assertReleaseIsRefused, canRelease, releaseChecks } from './release-checks.js';

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
  'release, where the pair can': releaseChecks,
  'the pair when calls fail and processes crash': failureChecks,
};

/**
 * Registers every check with the runner. A backend that passes keeps the contracts of
 * `ItemBankRepository` and `DeduplicationRepository`, as far as a test can tell. Of a pair whose
 * claim has no `releaseItem`, the checks of release ask only that it refuses to.
 */
export function conformanceSuite(runner: TestRunner, createStorage: CreateStorage): void {
  for (const [subject, checks] of Object.entries(conformanceChecks)) {
    runner.describe(subject, () => {
      for (const check of checks) {
        runner.test(titleOf(check), async () => {
          await runOnStorage(check, createStorage);
        });
      }
    });
  }
}

export interface ConformanceReport {
  readonly passed: readonly string[];
  readonly failed: readonly { readonly name: string; readonly error: unknown }[];
  /** Checks of what the pair does not offer, each with what that is: they say nothing about it. */
  readonly leftOut: readonly { readonly name: string; readonly reason: string }[];
  /** Every promise that a failed check stands for, in order. */
  readonly brokenPromises: readonly PromiseName[];
}

/** Runs every check, one after the other, without a test runner, and tells which promises broke. */
export async function conformanceReport(createStorage: CreateStorage): Promise<ConformanceReport> {
  const passed: string[] = [];
  const failed: { name: string; error: unknown }[] = [];
  const leftOut: { name: string; reason: string }[] = [];
  const broken = new Set<PromiseName>();
  for (const check of Object.values(conformanceChecks).flat()) {
    try {
      const missing = await runOnStorage(check, createStorage);
      if (missing === null) passed.push(titleOf(check));
      else leftOut.push({ name: titleOf(check), reason: `the atomic claim has no \`${missing}\`` });
    } catch (error) {
      failed.push({ name: titleOf(check), error });
      for (const promise of check.promises) broken.add(promise);
    }
  }
  return { passed, failed, leftOut, brokenPromises: [...broken].sort() };
}

function titleOf({ name, promises }: ConformanceCheck): string {
  return promises.length === 0 ? name : `${promises.join(', ')}: ${name}`;
}

/** What the pair does not offer and the check needs, or `null` when the check ran. */
async function runOnStorage(
  check: ConformanceCheck,
  createStorage: CreateStorage,
): Promise<NonNullable<ConformanceCheck['needs']> | null> {
  const storage = await createStorage();
  try {
    if (check.needs !== undefined && !(await canRelease(storage.open()))) {
      await assertReleaseIsRefused(storage);
      return check.needs;
    }
    await check.run(storage);
    return null;
  } finally {
    await storage.dispose?.();
  }
}
