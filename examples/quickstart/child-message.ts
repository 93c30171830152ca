import type { ChildProcess } from 'node:child_process';

/** The next message of a child process; rejects when it ends without one, instead of hanging. */
export function messageOf(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const onMessage = (message: unknown) => {
      child.off('exit', onExit);
      resolve(message);
    };
    const onExit = (exitCode: number | null, signal: NodeJS.Signals | null) => {
      child.off('message', onMessage);
      const end = signal === null ? `ended with exit code ${exitCode}` : `was killed by ${signal}`;
      reject(new Error(`A process ${end} before it answered.`));
    };
    child.once('message', onMessage);
    child.once('exit', onExit);
  });
}
