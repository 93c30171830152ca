import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** The next message of a child process; rejects when it ends without one, instead of hanging. */
export async function messageOf(child: ChildProcess): Promise<unknown> {
  const ended = once(child, 'exit').then(([exitCode]) => {
    throw new Error(`A process ended with exit code ${exitCode} before it answered.`);
  });
  const [message] = await Promise.race([once(child, 'message'), ended]);
  return message;
}
