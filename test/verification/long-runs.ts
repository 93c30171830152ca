// The tests that take minutes.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Size } from '../support/sizes.js';
import { count, type Figure } from './figures.js';

const VITEST = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url));

interface Report {
  readonly testResults: readonly {
    /** Of the file, when it could not be run. */
    readonly message: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly duration?: number;
      readonly failureMessages?: readonly string[];
      readonly meta?: { readonly figures?: Readonly<Record<string, unknown>> };
    }[];
  }[];
}

export async function runLongTests(size: Size): Promise<Figure[]> {
  const folder = await mkdtemp(join(tmpdir(), 'storagebox-long-runs-'));
  try {
    const file = join(folder, 'report.json');
    const args = ['run', '--project', 'long', '--reporter=json', `--outputFile=${file}`];
    const run = spawn(process.execPath, [VITEST, ...args], {
      stdio: ['ignore', 'ignore', 'inherit'],
      // As in `test/support/sizes.ts`, which only a test can import.
      env: { ...process.env, ...(size === 'full' && { STORAGE_BOX_TEST_SIZE: size }) },
    });
    const [exitCode] = await once(run, 'close');
    const figures = figuresOf(JSON.parse(await readFile(file, 'utf8')));
    const failed = figures.filter(({ isRight }) => !isRight).length;
    const value = `${figures.length - failed} of ${figures.length} passed`;
    return [
      // The cells of the fault matrix are too many for the table.
      ...figures.filter(({ isTold, isRight }) => isTold || !isRight),
      { what: 'long runs', value, isRight: exitCode === 0 && figures.length > 0 && failed === 0 },
    ];
  } finally {
    await rm(folder, { recursive: true });
  }
}

function figuresOf({ testResults }: Report): (Figure & { readonly isTold: boolean })[] {
  for (const { message } of testResults) if (message !== '') console.log(message);
  return testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .map(({ fullName, status, duration = 0, failureMessages = [], meta }) => {
      for (const message of failureMessages) console.log(message);
      const told = Object.entries(meta?.figures ?? {}).map(
        ([name, value]) => `${name} ${typeof value === 'number' ? count(value) : textOf(value)}`,
      );
      return {
        what: `long run: ${fullName.trim()}`,
        value: [...told, `${Math.round(duration / 1_000)} s`].join(', '),
        isRight: status === 'passed',
        isTold: told.length > 0,
      };
    });
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
