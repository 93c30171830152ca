// A run on a machine that lacks a server.
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ROOT } from '../support/packed-package.js';

const NEEDS_DYNAMODB = 'test/contract/two-step.test.ts';
const NEEDS_NOTHING = 'test/contract/memory.test.ts';

let emptyFolder: string;
beforeAll(async () => {
  emptyFolder = await mkdtemp(join(tmpdir(), 'storagebox-left-out-'));
});
afterAll(() => rm(emptyFolder, { recursive: true }));

/** With neither Java nor Docker on the PATH. */
function runTests(env: NodeJS.ProcessEnv): Promise<{ exitCode: number; output: string }> {
  const args = ['node_modules/vitest/vitest.mjs', 'run', NEEDS_DYNAMODB, NEEDS_NOTHING];
  const bare = { PATH: emptyFolder, HOME: process.env.HOME, NO_COLOR: '1', ...env };
  return new Promise((resolve) => {
    execFile(process.execPath, args, { cwd: ROOT, env: bare }, (error, stdout, stderr) => {
      resolve({ exitCode: Number(error?.code ?? 0), output: stdout + stderr });
    });
  });
}

test('the files of a store without a server are skipped, and the last line says why', async () => {
  const { exitCode, output } = await runTests({});
  expect(output).toMatch(/Test Files +1 passed \| 1 skipped/);
  expect(output.trim().split('\n').at(-1)).toMatch(/^Left out: DynamoDB: .*needs Java .*Install/);
  expect(exitCode).toBe(0);
});

test('in CI it is a failure', async () => {
  const { exitCode, output } = await runTests({ CI: '1' });
  expect(output).toContain('CI runs the tests of every store. Missing here: DynamoDB:');
  expect(exitCode).toBe(1);
});

test('a server that was named and may not be used is a failure', async () => {
  const AWS_ENDPOINT_URL_DYNAMODB = 'https://dynamodb.eu-west-1.amazonaws.com';
  const { exitCode, output } = await runTests({ AWS_ENDPOINT_URL_DYNAMODB });
  expect(output).toContain('which is not this machine');
  expect(exitCode).toBe(1);
});
