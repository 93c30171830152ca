// Judges a history with releases in it: by a search through every order, since no rules are known
// that are exact for it. The promises are in the steps: an item is in one place at each instant (P2),
// a step moves it or does nothing (P3), and an ID that has an item is told that one until it is
// released (P1). P4 as for claims that read the ID last: each item is absent from the bank at some
// instant of the call, and after that the ID has none.
import type { FetchOperation, FinalState, OperationWithRelease } from './checker.js';
import { type Observer, orderSearch, type Visibility } from './order-search.js';

/** What is wrong, each with the name of the rule that it breaks before a colon: `order` or `null`. */
export function judgeReleases(
  history: readonly OperationWithRelease[],
  finalState: FinalState,
  visibility: Visibility,
): string[] {
  const search = orderSearch(history, finalState, visibility);
  const nulls = history.filter(isNull);
  const observers = nulls.map(
    (call): Observer => ({ call, isSnapshot: false, isIdReadLast: true }),
  );
  if (search?.hasOrder(observers)) return [];
  if (!search?.hasOrder([])) return [`order: P1, P2, P3: no order explains ${told(history)}`];
  return [`null: P4: no order explains ${told(nulls)}, among ${told(history)}`];
}

function isNull(operation: OperationWithRelease): operation is FetchOperation {
  return operation.kind === 'fetch' && operation.result === null;
}

function told(history: readonly OperationWithRelease[]): string {
  return history
    .filter(({ kind }) => kind !== 'add')
    .map((operation) => {
      const { kind, id, invokedAt, returnedAt } = operation as Exclude<
        OperationWithRelease,
        { kind: 'add' }
      >;
      const name = 'fate' in operation ? operation.fate : kind;
      const outcome = 'item' in operation ? operation.item : (operation as FetchOperation).result;
      return `${name} ${id} (${invokedAt} to ${returnedAt}): ${outcome}`;
    })
    .join('; ');
}
