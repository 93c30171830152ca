// A process of its own that claims, as one of the many servers of a sale would.
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { messageOf } from '../../examples/quickstart/child-message.js';

export interface ServerTask {
  readonly endpoint: string;
  readonly itemBankTableName: string;
  readonly deduplicationTableName: string;
  /** One call for each, in this order. */
  readonly deduplicationIds: readonly string[];
  /** How many calls are under way at once. */
  readonly callers: number;
}

export type Answer = readonly [deduplicationId: string, item: string | null];

/** Starts the processes, lets them all begin at the same moment, and gives all their answers. */
export async function claimFromProcesses(tasks: readonly ServerTask[]): Promise<Answer[]> {
  const servers = await Promise.all(
    tasks.map(async (task) => {
      const server = fork(fileURLToPath(new URL('claim-worker.ts', import.meta.url)), {
        execArgv: ['--import', 'tsx'],
      });
      server.send(task);
      await messageOf(server);
      return server;
    }),
  );
  const answers = await Promise.all(
    servers.map((server) => {
      server.send('go');
      return messageOf(server) as Promise<Answer[]>;
    }),
  );
  return answers.flat();
}
