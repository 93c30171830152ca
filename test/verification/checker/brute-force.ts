// Judges a small history by a search through every order of its steps (`order-search.ts` says what
// they are), to validate the checker. It is built on the steps alone and knows none of the rules.
//
// When all but the nulls have an order, each null is judged on its own: it is legal if there is an
// order in which
//
//   - each item, one by one, is absent from the bank at some instant of the call, and the ID has no
//     item when the call begins; and, unless an add is under way during the call,
//   - all items are absent from the bank at one instant of the call, and the ID has no item when
//     the call begins.
//
// That is what R6 says. The natural reading of a claim asks for more, and so do these options:
//
//   isIdReadLast   the ID has no item at an instant that comes after those absences, not merely
//                  when the call begins. Without it, of two calls at once for one ID, one may
//                  return the last item and the other null
//   isOneOrder     one order serves all nulls. Without it, a null may need an item claimed early
//                  while another null, of that item's ID, needs it claimed late
//
// The strict rules say what R6 says with `isIdReadLast`, and then `isOneOrder` changes nothing.

import type { FetchOperation, FinalState, Operation } from './checker.js';
import { type Observer, orderSearch } from './order-search.js';

export interface NullReading {
  readonly isIdReadLast?: boolean;
  readonly isOneOrder?: boolean;
}

export interface Verdict {
  /** Whether all but the nulls have an order. */
  readonly isConsistent: boolean;
  /** If it is consistent: those for which there is no order. All of them, if together they fail. */
  readonly illegalNulls: readonly FetchOperation[];
}

export function searchEveryOrder(
  history: readonly Operation[],
  finalState: FinalState,
  { isIdReadLast = false, isOneOrder = false }: NullReading = {},
): Verdict {
  const search = orderSearch(history, finalState);
  if (!search?.hasOrder([])) return { isConsistent: false, illegalNulls: [] };

  const isConsistent = true;
  const observerOf = (call: FetchOperation, isSnapshot: boolean): Observer => ({
    call,
    isSnapshot,
    isIdReadLast,
  });
  const nulls = history.filter((operation) => operation.kind === 'fetch').filter(isNull);
  const calm = nulls.filter((call) => !isAddUnderWay(history, call));
  if (isOneOrder) {
    const observers = nulls.map((call) => observerOf(call, calm.includes(call)));
    return { isConsistent, illegalNulls: search.hasOrder(observers) ? [] : nulls };
  }
  const isIllegal = (call: FetchOperation) =>
    !search.hasOrder([observerOf(call, false)]) ||
    (calm.includes(call) && !search.hasOrder([observerOf(call, true)]));
  return { isConsistent, illegalNulls: nulls.filter(isIllegal) };
}

function isNull(operation: FetchOperation): boolean {
  return operation.result === null;
}

function isAddUnderWay(history: readonly Operation[], call: FetchOperation): boolean {
  return history.some(
    ({ kind, invokedAt, returnedAt }) =>
      kind === 'add' && invokedAt <= call.returnedAt && call.invokedAt <= returnedAt,
  );
}
