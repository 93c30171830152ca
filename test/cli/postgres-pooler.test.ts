// The command line behind a real PgBouncer.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, inject, test } from 'vitest';
import { BuiltCommandLine, buildProgram } from '../support/built-command-line.js';
import { inDatabase, postgresStore } from './postgres-store.js';

test('every command works, and doctor says that a pooler is between', async () => {
  const built = await buildProgram();
  const store = await postgresStore(built);
  const [, name = ''] = new URL(store.url).pathname.split('/');
  const cli = new BuiltCommandLine(built.folder, built.program, {
    STORAGE_BOX_STORE: inDatabase(inject('pgBouncerUrl'), name),
  });

  expect((await cli.run(['init'])).exitCode).toBe(0);
  expect((await cli.run(['add', '-'], { input: 'CODE-1\n' })).exitCode).toBe(0);
  expect(await cli.run(['fetch', 'ann'])).toEqual({ stdout: 'CODE-1\n', stderr: '', exitCode: 0 });
  const doctor = await cli.run(['doctor']);
  expect(doctor.stdout).toContain('one is between, such as PgBouncer, and lets transactions pass');
  expect(doctor.exitCode).toBe(0);

  await store.dispose();
  await rm(join(built.folder, '..'), { recursive: true });
});
