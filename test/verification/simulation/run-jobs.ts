import { fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { messageOf } from '../../../examples/quickstart/child-message.js';
import type { Exploration } from './explore.js';
import type { Job } from './job.js';

const PROGRAM = fileURLToPath(new URL('job.ts', import.meta.url));

/** As many at once as the machine has cores; the outcomes come in the order of the jobs. */
export async function runJobs(
  jobs: Iterable<Job>,
  onEnd: (job: Job, exploration: Exploration) => void,
): Promise<Exploration[]> {
  const explorations: Exploration[] = [];
  const waiting = jobs[Symbol.iterator]();
  let begun = 0;
  const runUntilDone = async () => {
    for (let next = waiting.next(); !next.done; next = waiting.next()) {
      const index = begun++;
      const exploration = await runJob(next.value);
      explorations[index] = exploration;
      onEnd(next.value, exploration);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, runUntilDone));
  return explorations;
}

/** @param source the library under test, when it is not this checkout's */
export async function runJob(job: Job, source?: string): Promise<Exploration> {
  const child = fork(PROGRAM, {
    execArgv: ['--import', 'tsx'],
    env: {
      ...process.env,
      ...(source !== undefined && { STORAGE_BOX_SOURCE: source }),
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
    },
  });
  child.send(job);
  return (await messageOf(child)) as Exploration;
}
