// The processes that claim. They live as long as the benchmark, so they are warm for all contestants.
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { messageOf } from '../../examples/quickstart/child-message.js';
import type { ClaimReport, ClaimTask, SeedingReport, SeedingTask } from './task.js';

const CLAIMER = fileURLToPath(new URL('claimer.ts', import.meta.url));

export interface Rush {
  readonly reports: readonly ClaimReport[];
  /** From the first call to the last answer of all processes. */
  readonly elapsedMs: number;
}

export class Claimers {
  readonly #children: ChildProcess[] = [];

  /** One task for each process; all begin at the same moment. */
  async claim(tasks: readonly ClaimTask[]): Promise<Rush> {
    const asked = tasks.map((task, index) => ({ child: this.#child(index), task }));
    await Promise.all(asked.map(({ child, task }) => ask(child, task)));
    const startMs = performance.now();
    const reports = await Promise.all(asked.map(({ child }) => ask(child, 'go')));
    return { reports: reports as ClaimReport[], elapsedMs: performance.now() - startMs };
  }

  async seed(task: SeedingTask): Promise<SeedingReport> {
    return (await ask(this.#child(0), task)) as SeedingReport;
  }

  stop(): void {
    for (const child of this.#children) child.kill();
  }

  #child(index: number): ChildProcess {
    this.#children[index] ??= fork(CLAIMER, { execArgv: ['--import', 'tsx'] });
    return this.#children[index];
  }
}

function ask(child: ChildProcess, message: ClaimTask | SeedingTask | 'go'): Promise<unknown> {
  child.send(message);
  return messageOf(child);
}
