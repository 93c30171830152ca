import { createChecker, strictRules } from '../checker/checker.js';
import type { Run } from './world.js';

const check = createChecker(strictRules);

/** What is wrong with a run; empty when nothing is. */
export function judge(run: Run): string[] {
  const wrongs = check(run.history, run.finalState).map(
    ({ rule, message }) => `${rule}: ${message}`,
  );
  for (const [id, count] of run.firstHandOuts) {
    if (count > 1) wrongs.push(`${id} was told ${count} times that its item is new`);
  }
  if (run.stuckCalls > 0) wrongs.push(`${run.stuckCalls} calls never ended`);
  return wrongs;
}
