// How often the checker, or a mutant of it, and the search through every order say the same.
import { seededRandom } from '../seeded-random.js';
import { searchEveryOrder } from './brute-force.js';
import { type Checker, createChecker, type Rules } from './checker.js';
import { type RecordedSale, randomSale } from './random-history.js';

export interface JudgedSale {
  readonly recorded: RecordedSale;
  /** What the search found. */
  readonly isTrulyLegal: boolean;
}

export function judgedSales(count: number, seed: number): JudgedSale[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => {
    const recorded = randomSale(random);
    const { isConsistent, illegalNulls } = searchEveryOrder(recorded.history, recorded.finalState);
    return { recorded, isTrulyLegal: isConsistent && illegalNulls.length === 0 };
  });
}

export function countDisagreements(rules: Rules, sales: readonly JudgedSale[]): number {
  const check = createChecker(rules);
  return sales.filter(({ recorded, isTrulyLegal }) => isLegal(check, recorded) !== isTrulyLegal)
    .length;
}

export function isLegal(check: Checker, { history, finalState }: RecordedSale): boolean {
  return check(history, finalState).length === 0;
}
