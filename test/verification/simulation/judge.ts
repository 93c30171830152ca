import { createChecker, strictRules } from '../checker/checker.js';
import type { Run } from './world.js';

const check = createChecker(strictRules);

/** What a call may throw when something went wrong on its way; anything else is a mistake. */
const TELLING_ERRORS: readonly string[] = [
  'OutcomeUnknownError',
  'ContentionError',
  'BatchNotFullyAddedError',
  'ThrottlingException',
  'InternalServerError',
  'TimeoutError',
  'SyntaxError',
];

/** What is wrong with a run, each with the rule that it breaks before a colon. */
export function judge(run: Run): string[] {
  return [
    ...check(run.history, run.finalState).map(({ rule, message }) => `${rule}: ${message}`),
    ...[...run.firstHandOuts]
      .filter(([, times]) => times > 1)
      .map(([id, times]) => `told twice: ${id} was told ${times} times that its item is new`),
    ...(run.stuckCalls > 0 ? [`stuck: ${run.stuckCalls} calls never ended`] : []),
    ...run.errors.flatMap((error) => wrongsOfError(error as Error, run)),
  ];
}

function wrongsOfError(error: Error, { faults, crashes, finalState }: Run): string[] {
  const { name, message } = error;
  if (!TELLING_ERRORS.includes(name)) return [`error: ${name}: ${message}`];
  const isQuiet = faults + crashes === 0;
  if (isQuiet && name !== 'ContentionError') return [`error: ${name} although nothing went wrong`];
  const { notAdded = [] } = error as { notAdded?: readonly string[] };
  const present = new Set([...finalState.bank, ...finalState.assignments.values()]);
  return notAdded
    .filter((item) => present.has(item))
    .map((item) => `error: ${item} was said not to be added, and it was`);
}
