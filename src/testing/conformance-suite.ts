import { canFillLedger } from '../contracts/ledger.js';
import { canLookAtAssignments, canLookAtItems } from '../contracts/looking.js';
import { assertChoiceIsRefused, chosenItemChecks } from './chosen-item-checks.js';
import type {
  ConformanceCheck,
  ConformanceNeed,
  CreateStorage,
  PromiseName,
  TestStorage,
} from './conformance-check.js';
import { deduplicationChecks } from './deduplication-checks.js';
import { failureChecks } from './failure-checks.js';
import { assertGroupIsRefused, groupChecks } from './group-checks.js';
import {
  canChoose,
  canClaimGroups,
  canHold,
  canJoinTransactions,
  canRelease,
  canWriteAlongside,
} from './helpers.js';
import { assertHoldIsRefused, holdChecks } from './hold-checks.js';
import { itemBankChecks } from './item-bank-checks.js';
import { ledgerChecks } from './ledger-checks.js';
import { lookingChecks } from './looking-checks.js';
import { assertOwnTransactionsAreRefused, ownTransactionChecks } from './own-transaction-checks.js';
import { assertOwnWritesAreRefused, ownWriteChecks } from './own-write-checks.js';
import { pairChecks } from './pair-checks.js';
import { assertReleaseIsRefused, releaseChecks } from './release-checks.js';
import { storeFailureChecks } from './store-failure-checks.js';

/** The two functions that vitest, Jest, Mocha and `node:test` have in common. */
export interface TestRunner {
  describe(name: string, body: () => void): void;
  test(name: string, body: () => Promise<void>): void;
}

/** Every check, by what it tests. */
export const conformanceChecks: Readonly<Record<string, readonly ConformanceCheck[]>> = {
  'item bank repository': itemBankChecks,
  'deduplication repository': deduplicationChecks,
  'deduplicator on the pair': pairChecks,
  'release, where the pair can': releaseChecks,
  'chosen items, where the pair can': chosenItemChecks,
  'holds, where the pair can': holdChecks,
  'groups, where the pair can': groupChecks,
  'own writes, where the pair can and the test makes some': ownWriteChecks,
  'own transactions, where the pair can and the test begins some': ownTransactionChecks,
  'looking, where the pair can': lookingChecks,
  'ledger, where the test opens one': ledgerChecks,
  'the pair when calls fail and processes crash': failureChecks,
  'the pair when its store fails, where the test can break it': storeFailureChecks,
};

/**
 * Registers every check with the runner. A backend that passes keeps the contracts of
 * `ItemBankRepository` and `DeduplicationRepository`, and those optional ones that it has, as far as a
 * test can tell. If the pair's atomic writes lack a method or a feature, the checks of it only require that
 * a call for it is refused: nothing is left out in silence. The checks of any other part that is missing pass
 * without testing; {@link conformanceReport} lists them.
 *
 * One check waits for 3 seconds, and some make hundreds of calls: give each test 30 seconds or more. All
 * of them run in this process. If several processes share your store, test races between them as well.
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
  /** Checks that did not run, each with the reason: what the pair does not offer. */
  readonly leftOut: readonly { readonly name: string; readonly reason: string }[];
  /** Every promise that a failed check stands for, in order. */
  readonly brokenPromises: readonly PromiseName[];
}

/** Runs every check, one after the other, without a test runner, and reports which promises broke. */
export async function conformanceReport(createStorage: CreateStorage): Promise<ConformanceReport> {
  const passed: string[] = [];
  const failed: { name: string; error: unknown }[] = [];
  const leftOut: { name: string; reason: string }[] = [];
  const broken = new Set<PromiseName>();
  for (const check of Object.values(conformanceChecks).flat()) {
    try {
      const missing = await runOnStorage(check, createStorage);
      if (missing === null) passed.push(titleOf(check));
      else leftOut.push({ name: titleOf(check), reason: MISSING[missing] });
    } catch (error) {
      failed.push({ name: titleOf(check), error });
      for (const promise of check.promises) broken.add(promise);
    }
  }
  return { passed, failed, leftOut, brokenPromises: [...broken].sort() };
}

const MISSING: Readonly<Record<ConformanceNeed, string>> = {
  releaseItem: 'the pair has no atomic writes with `releaseItem`',
  chosenItems: 'the pair has no atomic writes with the feature `item`',
  holds: 'the pair has no atomic writes with the feature `holdForMs`',
  groups: 'the pair has no atomic writes with `claimItems`',
  alongside: 'the pair has no atomic writes with the feature `alongside`',
  ownWrites: 'the storage has no `ownWrites`',
  within: 'the pair has no atomic writes with the feature `within`',
  ownTransaction: 'the storage has no `inOwnTransaction`',
  lookingAtItems: 'the item bank repository has not all methods of `ItemBankLooking`',
  lookingAtAssignments:
    'the deduplication repository has not all methods of `DeduplicationLooking`',
  ledger: 'the storage has no `openWithLedger`',
  fillingLedger: 'there is no bank with `fillLedger` beside assignments that can be listed',
  breakStore: 'the storage has no `breakStore`',
};

function titleOf({ name, promises }: ConformanceCheck): string {
  return promises.length === 0 ? name : `${promises.join(', ')}: ${name}`;
}

/** What the check needs and the pair does not offer, or `null` if the check ran. */
async function runOnStorage(
  check: ConformanceCheck,
  createStorage: CreateStorage,
): Promise<ConformanceNeed | null> {
  const storage = await createStorage();
  let missing: ConformanceNeed | null;
  try {
    missing = await missingFor(check, storage);
    if (missing === null) await check.run(storage, createStorage);
    else await ASSERT_REFUSED[missing]?.(storage);
  } catch (error) {
    // What goes wrong afterwards must not hide why the check failed.
    await Promise.resolve(storage.dispose?.()).catch(() => {});
    throw error;
  }
  await storage.dispose?.();
  return missing;
}

async function missingFor(
  { needs = [] }: ConformanceCheck,
  storage: TestStorage,
): Promise<ConformanceNeed | null> {
  for (const need of [needs].flat() as readonly ConformanceNeed[]) {
    if (!(await IS_THERE[need](storage))) return need;
  }
  return null;
}

/** All that is checked of a pair that cannot do it: that it says so, and that nothing was written. */
const ASSERT_REFUSED: Readonly<
  Partial<Record<ConformanceNeed, (storage: TestStorage) => Promise<void>>>
> = {
  releaseItem: assertReleaseIsRefused,
  chosenItems: assertChoiceIsRefused,
  holds: assertHoldIsRefused,
  groups: assertGroupIsRefused,
  alongside: assertOwnWritesAreRefused,
  within: assertOwnTransactionsAreRefused,
};

const IS_THERE: Readonly<
  Record<ConformanceNeed, (storage: TestStorage) => boolean | Promise<boolean>>
> = {
  releaseItem: ({ open }) => canRelease(open()),
  chosenItems: ({ open }) => canChoose(open()),
  holds: ({ open }) => canHold(open()),
  groups: ({ open }) => canClaimGroups(open()),
  alongside: ({ open }) => canWriteAlongside(open()),
  ownWrites: ({ ownWrites }) => ownWrites !== undefined,
  within: ({ open }) => canJoinTransactions(open()),
  ownTransaction: ({ inOwnTransaction }) => inOwnTransaction !== undefined,
  lookingAtItems: ({ open }) => canLookAtItems(open().itemRepo),
  lookingAtAssignments: ({ open }) => canLookAtAssignments(open().deduplicationRepo),
  ledger: ({ openWithLedger }) => openWithLedger !== undefined,
  fillingLedger: ({ openWithLedger }) => {
    const pair = openWithLedger?.();
    return canFillLedger(pair?.itemRepo) && canLookAtAssignments(pair?.deduplicationRepo);
  },
  breakStore: ({ breakStore }) => breakStore !== undefined,
};
