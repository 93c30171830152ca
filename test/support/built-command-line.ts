// The built command line, run as a process of its own, as its users run it: on whichever store.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildPackage } from './packed-package.js';

export interface Ended {
  readonly stdout: string;
  readonly stderr: string;
  /** `null` when a signal ended it. */
  readonly exitCode: number | null;
}

export interface RunOptions {
  /** What comes in on standard input; none by default. */
  readonly input?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export class BuiltCommandLine {
  /** Where files are written and commands run. */
  readonly folder: string;
  readonly program: string;
  readonly #ownEnvironment: NodeJS.ProcessEnv;

  constructor(folder: string, program: string, environment: NodeJS.ProcessEnv = {}) {
    this.folder = folder;
    this.program = program;
    this.#ownEnvironment = environment;
  }

  async run(args: readonly string[], { input = '', env = {} }: RunOptions = {}): Promise<Ended> {
    const child = this.start(args, env);
    child.stdin?.end(input);
    return ended(child);
  }

  start(args: readonly string[], env: RunOptions['env'] = {}): ChildProcess {
    return spawn(process.execPath, [this.program, ...args], {
      cwd: this.folder,
      env: { ...this.environment, ...env },
    });
  }

  get environment(): NodeJS.ProcessEnv {
    return {
      PATH: process.env.PATH,
      // No configuration of whoever runs the tests.
      HOME: this.folder,
      ...this.#ownEnvironment,
    };
  }

  /** Its path, relative to where commands run. */
  async file(name: string, content: string | Uint8Array): Promise<string> {
    await writeFile(join(this.folder, name), content);
    return name;
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  async dispose(): Promise<void> {
    await rm(join(this.folder, '..'), { recursive: true });
  }
}

export async function ended(child: ChildProcess): Promise<Ended> {
  const texts = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream]?.setEncoding('utf8').on('data', (text) => {
      texts[stream] += text;
    });
  }
  const [exitCode] = await once(child, 'close');
  return { ...texts, exitCode };
}

export interface BuiltProgram {
  readonly folder: string;
  readonly program: string;
}

/** The program of this run's build, and a folder of its own to run it in. */
export async function buildProgram(): Promise<BuiltProgram> {
  const folder = await mkdtemp(join(tmpdir(), 'storagebox-cli-'));
  const build = await buildPackage(folder);
  const workFolder = join(folder, 'work');
  await mkdir(workFolder);
  return { folder: workFolder, program: build.commandLine };
}
