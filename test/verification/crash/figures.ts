// The result of a crash run.
import {
  checkHistory,
  createChecker,
  type FetchOperation,
  type FinalState,
  seeded,
  strictRules,
  type Violation,
} from '../checker/checker.js';

export interface SaleRecord {
  readonly items: readonly string[];
  readonly operations: readonly FetchOperation[];
  /** Read consistently, after every request has died. */
  readonly bank: readonly string[];
  readonly assignments: ReadonlyMap<string, string>;
}

export interface SaleFigures {
  /** Calls begun; another attempt is another call. */
  readonly calls: number;
  readonly seeded: number;
  /** Assignments in the end. */
  readonly claims: number;
  /** Answers that gave an ID its item once more. */
  readonly repeats: number;
  readonly nulls: number;
  /** Calls that threw or whose process was killed. */
  readonly unknown: number;
  /** The longest that a call took that was answered. */
  readonly slowestMs: number;
  /** Items that are in neither table. */
  readonly lost: number;
  /** Items that two IDs have or were told to have, or that an ID has and the bank, too. */
  readonly twice: number;
  /**
   * `null` while an item stayed in the bank or the ID had one (R6 of the checker). To the checker an
   * lost item is in the bank forever, so with a lost item every `null` is wrong.
   */
  readonly wrongNull: number;
  /** Of these, without the effect of lost items: `null` to an ID that got its item before the call began. */
  readonly nullToOwner: number;
  /** All that the checker found, by the documented rules and by the strict ones. */
  readonly violations: number;
  readonly strictViolations: number;
  /** The first few, for people. */
  readonly examples: readonly string[];
}

export interface CrashFigures extends SaleFigures {
  readonly kills: number;
  readonly wireRequests: number;
  /** Transactions of several claims. */
  readonly groups: number;
  readonly wireFaults: number;
  readonly tornLines: number;
  /** Planned calls without an answer, in spite of all attempts. */
  readonly unanswered: number;
  /** How often calls threw, by the error's name and message. */
  readonly errors: Readonly<Record<string, number>>;
  readonly elapsedMs: number;
}

const MAX_EXAMPLES = 5;
const checkStrictly = createChecker(strictRules);

export function figuresOf(sale: SaleRecord): SaleFigures {
  const { items, operations, bank, assignments } = sale;
  const finalState: FinalState = { bank, assignments };
  const history = [seeded(items), ...operations];
  const violations = checkHistory(history, finalState);
  const answers = operations.filter(({ result }) => typeof result === 'string');
  const assigned = new Set(assignments.values());
  const left = new Set(bank);
  return {
    calls: operations.length,
    seeded: items.length,
    claims: assignments.size,
    repeats: answers.length - new Set(answers.map(({ id }) => id)).size,
    nulls: operations.filter(({ result }) => result === null).length,
    unknown: operations.filter(({ result }) => result === undefined).length,
    slowestMs: Math.max(0, ...operations.map(durationMs).filter(Number.isFinite)),
    lost: items.filter((item) => !assigned.has(item) && !left.has(item)).length,
    twice: countItemsWithTwoHolders(sale),
    wrongNull: violations.filter(({ rule }) => rule === 'R6').length,
    nullToOwner: countNullsToOwners(operations),
    violations: violations.length,
    strictViolations: checkStrictly(history, finalState).length,
    examples: violations.slice(0, MAX_EXAMPLES).map(describe),
  };
}

export function sumOf(sales: readonly SaleFigures[]): SaleFigures {
  const [first, ...others] = sales;
  if (first === undefined) throw new RangeError('Expected at least one sale, got none');
  return others.reduce(
    (sum, sale) => ({
      calls: sum.calls + sale.calls,
      seeded: sum.seeded + sale.seeded,
      claims: sum.claims + sale.claims,
      repeats: sum.repeats + sale.repeats,
      nulls: sum.nulls + sale.nulls,
      unknown: sum.unknown + sale.unknown,
      slowestMs: Math.max(sum.slowestMs, sale.slowestMs),
      lost: sum.lost + sale.lost,
      twice: sum.twice + sale.twice,
      wrongNull: sum.wrongNull + sale.wrongNull,
      nullToOwner: sum.nullToOwner + sale.nullToOwner,
      violations: sum.violations + sale.violations,
      strictViolations: sum.strictViolations + sale.strictViolations,
      examples: [...sum.examples, ...sale.examples].slice(0, MAX_EXAMPLES),
    }),
    first,
  );
}

/** Counted without the checker, so that the two can be held against each other. */
function countItemsWithTwoHolders({ operations, bank, assignments }: SaleRecord): number {
  const holders = new Map<string, Set<string>>();
  const hold = (item: string, holder: string) => {
    const holdersOfItem = holders.get(item) ?? new Set();
    holders.set(item, holdersOfItem.add(holder));
  };
  for (const item of bank) hold(item, 'the bank');
  for (const [id, item] of assignments) hold(item, `ID ${id}`);
  for (const { id, result } of operations) {
    if (typeof result === 'string') hold(result, `ID ${id}`);
  }
  return [...holders.values()].filter(({ size }) => size > 1).length;
}

function countNullsToOwners(operations: readonly FetchOperation[]): number {
  const ownerSince = new Map<string, number>();
  for (const { id, result, returnedAt } of operations) {
    if (typeof result !== 'string') continue;
    ownerSince.set(id, Math.min(ownerSince.get(id) ?? Infinity, returnedAt));
  }
  const isNullToOwner = ({ id, result, invokedAt }: FetchOperation) =>
    result === null && (ownerSince.get(id) ?? Infinity) < invokedAt;
  return operations.filter(isNullToOwner).length;
}

function durationMs({ invokedAt, returnedAt }: FetchOperation): number {
  return (returnedAt - invokedAt) / 1e6;
}

function describe({ rule, message }: Violation): string {
  return `${rule} ${message}`;
}
