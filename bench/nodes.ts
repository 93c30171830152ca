// The processes that claim. They live as long as the benchmark, so they are warm for all contestants.
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { messageOf } from '../examples/quickstart/child-message.js';
import type { BulkTask, ClaimReport, ClaimTask, LongCallReport, SeedingTask } from './task.js';

export interface Rush {
  readonly reports: readonly ClaimReport[];
  /** From the first call to the last answer of all nodes. */
  readonly elapsedMs: number;
}

export class Nodes {
  readonly #children: ChildProcess[] = [];

  /** One task for each node; all begin at the same moment. */
  async claim(tasks: readonly ClaimTask[]): Promise<Rush> {
    const children = tasks.map((_, node) => this.#child(node));
    await Promise.all(children.map((child, node) => ask(child, tasks[node])));
    const startMs = performance.now();
    const reports = await Promise.all(children.map((child) => ask(child, 'go')));
    return { reports: reports as ClaimReport[], elapsedMs: performance.now() - startMs };
  }

  async callOnce(task: SeedingTask | BulkTask): Promise<LongCallReport> {
    return (await ask(this.#child(0), task)) as LongCallReport;
  }

  stop(): void {
    for (const child of this.#children) child.kill();
  }

  #child(node: number): ChildProcess {
    this.#children[node] ??= fork(fileURLToPath(new URL('node.ts', import.meta.url)), {
      execArgv: ['--expose-gc', '--import', 'tsx'],
    });
    return this.#children[node];
  }
}

function ask(child: ChildProcess, message: ClaimTask | SeedingTask | BulkTask | 'go' | undefined) {
  child.send(message ?? 'go');
  return messageOf(child);
}
