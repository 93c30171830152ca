// The processes that claim. They live as long as the benchmark, so they are warm for all contestants.
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { build } from 'tsup';
import { messageOf } from '../../examples/quickstart/child-message.js';
import type { ClaimReport, ClaimTask, SeedingReport, SeedingTask } from './task.js';

const CLAIMER = fileURLToPath(new URL('claimer.ts', import.meta.url));
const CODE_FOLDER = fileURLToPath(new URL('../results/code/', import.meta.url));
const DRIVERS = ['better-sqlite3', 'libsql', 'pg'];

/** Built as the package is: what runs TypeScript as it is adds code of its own to each function that is made. */
export async function openClaimers(): Promise<Claimers> {
  await build({
    config: false,
    silent: true,
    entry: { claimer: CLAIMER },
    outDir: CODE_FOLDER,
    format: ['esm'],
    target: 'node20',
    external: DRIVERS,
    clean: true,
  });
  return new Claimers(`${CODE_FOLDER}claimer.js`);
}

export interface Rush {
  readonly reports: readonly ClaimReport[];
  /** From the first call to the last answer of all processes. */
  readonly elapsedMs: number;
}

export class Claimers {
  readonly #program: string;
  readonly #children: ChildProcess[] = [];

  constructor(program: string) {
    this.#program = program;
  }

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
    this.#children[index] ??= fork(this.#program, { execArgv: [] });
    return this.#children[index];
  }
}

function ask(child: ChildProcess, message: ClaimTask | SeedingTask | 'go'): Promise<unknown> {
  child.send(message);
  return messageOf(child);
}
