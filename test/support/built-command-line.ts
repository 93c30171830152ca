// The built command line, as its users run it: on whichever store.
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
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

  /** In a process that has its modules loaded, and runs one command after the other. */
  async run(args: readonly string[], { input = '', env = {} }: RunOptions = {}): Promise<Ended> {
    const { program, folder } = this;
    const given = { ...this.environment, ...env };
    // Node.js reads them when it starts.
    if (given.NODE_OPTIONS !== undefined) return this.#runAlone(args, input, env);
    return runInTurn({ program, args, folder, input, env: given });
  }

  async #runAlone(
    args: readonly string[],
    input: string,
    env: NonNullable<RunOptions['env']>,
  ): Promise<Ended> {
    const child = this.start(args, env);
    child.stdin?.end(input);
    return ended(child);
  }

  /** In a process of its own. */
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

interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly folder: string;
  readonly input: string;
  readonly env: RunOptions['env'];
}

const RUNNER = fileURLToPath(new URL('command-line-runner.mjs', import.meta.url));
/** Those that have nothing to do. They end with the process of the tests. */
const runners: ChildProcess[] = [];

async function runInTurn(command: Command): Promise<Ended> {
  const runner = runners.pop() ?? fork(RUNNER, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const { stdout, stderr, exitCode, isClean } = await new Promise<Ended & { isClean: boolean }>(
    (resolve, reject) => {
      const fail = () => reject(new Error('The process that runs commands ended by itself.'));
      runner.once('message', resolve).once('exit', fail).send(command);
    },
  );
  runner.removeAllListeners('exit');
  if (isClean) runners.push(runner);
  else runner.disconnect();
  return { stdout, stderr, exitCode };
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
