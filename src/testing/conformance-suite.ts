import type { ConformanceCheck, TestStorage } from './conformance-check.js';
import { deduplicationChecks } from './deduplication-checks.js';
import { itemBankChecks } from './item-bank-checks.js';
import { pairChecks } from './pair-checks.js';

/** The two functions that vitest, Jest, Mocha and `node:test` have in common. */
export interface TestRunner {
  describe(name: string, body: () => void): void;
  test(name: string, body: () => Promise<void>): void;
}

/** Every check, by what it puts through its paces; for runners without `describe` and `test`. */
export const conformanceChecks: Readonly<Record<string, readonly ConformanceCheck[]>> = {
  'item bank repository': itemBankChecks,
  'deduplication repository': deduplicationChecks,
  'deduplicator on the pair': pairChecks,
};

/**
 * Registers every check with the runner, each on a storage of its own. A backend that passes keeps
 * the contracts of `ItemBankRepository` and `DeduplicationRepository`.
 */
export function conformanceSuite(
  runner: TestRunner,
  createStorage: () => TestStorage | Promise<TestStorage>,
): void {
  for (const [subject, checks] of Object.entries(conformanceChecks)) {
    runner.describe(subject, () => {
      for (const check of checks) {
        runner.test(check.name, async () => {
          const storage = await createStorage();
          try {
            await check.run(storage);
          } finally {
            await storage.dispose?.();
          }
        });
      }
    });
  }
}
