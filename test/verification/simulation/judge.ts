import {
  createChecker,
  type Operation,
  type OperationWithRelease,
  strictRules,
} from '../checker/checker.js';
import { judgeReleases } from '../checker/judge-releases.js';
import { judgeWishes } from './judge-wishes.js';
import type { FailedCall, Run } from './world.js';

const check = createChecker(strictRules);

/** What a call may throw when something went wrong; any other error is a mistake. */
const TELLING_ERRORS: readonly string[] = [
  'OutcomeUnknownError',
  'ContentionError',
  'BatchNotFullyAddedError',
  'ThrottlingException',
  'InternalServerError',
  'TimeoutError',
  'SyntaxError',
  'AccessDeniedException',
];

/** What is wrong with a run, each with the rule that it breaks before a colon. */
export function judge(run: Run): string[] {
  return [
    ...(run.isJudgedByReportsAlone ? [] : wrongsOfHistory(run)),
    ...(run.stuckCalls > 0 ? [`stuck: ${run.stuckCalls} calls never ended`] : []),
    ...(run.inheritedFailures > 0
      ? [`inherited: ${run.inheritedFailures} claims threw the failure of an earlier call`]
      : []),
    ...run.failedCalls.flatMap((call) => wrongsOfFailure(call, run)),
    ...run.history.flatMap((call) => wrongsOfPoisoned(call, run)),
    ...run.deniedWrites.map((id) => `denied: a claim of ${id} said that it wrote nothing, and did`),
    ...run.malformedRequests.map((mistake) => `request: ${mistake}`),
  ];
}

/** The rules are exact, and fast for long histories. For histories with a release there are no rules. */
function wrongsOfHistory(run: Run): string[] {
  const { history, unheardClaims, finalState, isVisibleRowByRow, wishes } = run;
  if (wishes !== undefined) return judgeWishes(wishes.tables, wishes.calls, wishes.commits);
  const hasRelease = history.some(({ kind }) => kind === 'release');
  if (hasRelease) {
    return judgeReleases([...history, ...unheardClaims], finalState, {
      isRowByRow: isVisibleRowByRow,
    });
  }
  const operations = history as readonly Operation[];
  const firstHandOuts = new Map<string, number>();
  for (const operation of operations) {
    if (operation.kind !== 'fetch' || operation.isFirstHandOut !== true) continue;
    firstHandOuts.set(operation.id, (firstHandOuts.get(operation.id) ?? 0) + 1);
  }
  return [
    ...check(operations, finalState).map(({ rule, message }) => `${rule}: ${message}`),
    ...[...firstHandOuts]
      .filter(([, times]) => times > 1)
      .map(([id, times]) => `told twice: ${id} got "claimed" ${times} times`),
  ];
}

/** Its transaction is refused each time. Without an item for it, it needs none. */
function wrongsOfPoisoned(call: OperationWithRelease, { poisonedIds }: Run): string[] {
  const hasItem = call.kind === 'fetch' && typeof call.result === 'string';
  if (!hasItem || !poisonedIds.includes(call.id)) return [];
  return [`poisoned: ${call.id} got ${call.result}, but no transaction can have written that`];
}

function wrongsOfFailure(call: FailedCall, run: Run): string[] {
  const { faults, crashes, finalState, itemsAddedOnce, poisonedIds } = run;
  const { id } = call;
  const error = call.error as Error;
  const { name, message } = error;
  if (name === 'ValidationException') {
    const isOwn = id !== undefined && poisonedIds.includes(id);
    return isOwn ? [] : [`poisoned: a call for ${id} threw the refusal of another one's ID`];
  }
  // It says what the caller's own condition says: see the judge of wishes.
  if (run.wishes !== undefined && name === 'AlongsideRefusedError') return [];
  if (!TELLING_ERRORS.includes(name)) return [`error: ${name}: ${message}`];
  const isQuiet = faults + crashes === 0;
  if (isQuiet && name !== 'ContentionError') return [`error: ${name}, but nothing went wrong`];
  const { notAdded = [] } = error as { notAdded?: readonly string[] };
  const present = new Set([...finalState.bank, ...finalState.assignments.values()]);
  return notAdded
    .filter((item) => present.has(item) && itemsAddedOnce.has(item))
    .map((item) => `error: ${item} was reported as not added, but it was added`);
}
