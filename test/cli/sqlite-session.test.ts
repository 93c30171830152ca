// The sessions in docs/command-line.md on SQLite.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { BuiltCommandLine, buildProgram } from '../support/built-command-line.js';
import { typedSession } from './typed-session.js';

let cli: BuiltCommandLine;
beforeAll(async () => {
  const { folder, program } = await buildProgram();
  cli = new BuiltCommandLine(folder, program);
});
afterAll(() => cli.dispose());

test('the sessions print what the docs say', async () => {
  const { recorded, printed } = await typedSession(cli, 'sqlite');
  expect(recorded).toContain('sqlite:./sale.db');
  expect(printed).toBe(recorded);
});
