// The sessions in docs/command-line.md on DynamoDB.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildCommandLine, type CommandLine } from '../support/command-line.js';
import { typedSession } from './typed-session.js';

let cli: CommandLine;
beforeAll(async () => {
  cli = await buildCommandLine();
});
afterAll(() => cli.dispose());

test('the sessions print what the docs say', async () => {
  const { recorded, printed } = await typedSession(cli, 'dynamodb');
  expect(recorded).toContain('storage_box_item_bank_ledger');
  expect(printed).toBe(recorded);
});
